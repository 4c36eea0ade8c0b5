# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The processes that the benchmark starts. Each ends with it, whatever ends it."""

import ctypes
import os
import pty
import select
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_running = []


class Unavailable(Exception):
    """A configuration cannot be had; the text says why."""


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """A process whose lines are read one by one; `watch` says which of its streams."""

    def __init__(self, argv, watch="stdout", terminal=False, stdout=subprocess.DEVNULL,
                 folder=None):
        self.name = os.path.basename(argv[0])
        self.rest = b""
        master = slave = None
        streams = {"stdout": stdout, "stderr": subprocess.DEVNULL}
        if terminal:
            # what writes to a terminal writes line by line
            master, slave = pty.openpty()
            streams[watch] = slave
        else:
            streams[watch] = subprocess.PIPE
        if watch == "stdout" and not terminal:
            streams["stderr"] = subprocess.STDOUT
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, preexec_fn=_die_with_parent,
                                        start_new_session=True, cwd=folder, **streams)
        _running.append(self)
        if terminal:
            os.close(slave)
            self.file = master
        else:
            self.file = getattr(self.process, watch).fileno()
        self.master = master
        self.pid = self.process.pid

    def line(self, seconds):
        """The next line; None at the end of the stream. Raises Unavailable when late."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.file], [], [], left)[0]:
                raise Unavailable(f"{self.name} said nothing for {seconds:.0f} s")
            try:
                data = os.read(self.file, 65536)
            except OSError:
                data = b""
            if not data:
                return None
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode(errors="replace").rstrip("\r")

    def wait_for(self, test, seconds):
        """The first line for which `test` holds."""
        deadline, last = time.monotonic() + seconds, ""
        while True:
            line = self.line(max(0.1, deadline - time.monotonic()))
            if line is None:
                raise Unavailable(f"{self.name} ended: {last}")
            if test(line):
                return line
            last = line or last

    def say(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def end(self, number=None, seconds=20):
        """Ends it by a signal, or by the end of its input. Returns the seconds it took."""
        begin = time.monotonic()
        if self.process.poll() is None and number:
            self.process.send_signal(number)
        try:
            self.process.stdin.close()
        except OSError:
            pass
        self._drain(begin + seconds)
        try:
            self.process.wait(max(0.1, begin + seconds - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # a script may have left the program that it has started: they have a session of their own
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if self in _running:
            _running.remove(self)
        if self.master is not None:
            os.close(self.master)
            self.master = None
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        return time.monotonic() - begin

    def _drain(self, deadline):
        """Keeps its last words, which may be more than a pipe holds."""
        while time.monotonic() < deadline:
            if not select.select([self.file], [], [], max(0, deadline - time.monotonic()))[0]:
                return
            try:
                data = os.read(self.file, 65536)
            except OSError:
                return
            if not data:
                return
            self.rest += data


def end_all():
    while _running:
        _running[-1].end(signal.SIGTERM, seconds=5)


class Loop:
    """A process that is measured: malloc and free at a depth of calls, in bursts."""

    MANY = 1000000

    def __init__(self, program, depth, pairs, under=()):
        self.child = Child([*under, program, str(depth), str(pairs), str(self.MANY)])
        # what it runs under may say something first
        self.pid = int(self.child.wait_for(str.isdigit, 20))

    def burst(self):
        self.child.say("\n")
        return float(self.child.wait_for(_is_number, 30))

    def end(self):
        self.child.end()


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
