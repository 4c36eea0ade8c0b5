# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What a pair of malloc and free is measured under. A configuration is a context manager that
yields the running loop with its tracer attached; it notes what else it came to know.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from children import Child, Loop, Unavailable

SAMPLE_BYTES = 524288
# of calls above malloc: the goals of unwinding are set for these
DEPTHS = (10, 30, 118)
# Python functions, the innermost of which calls malloc
PYTHON_DEPTH = 10
ATTACH_SECONDS = 30


class Configuration:
    def __init__(self, key, title, begin, pairs=20000, depth=8, python=False):
        self.key, self.title, self.begin = key, title, begin
        self.pairs, self.depth = pairs, depth
        self.python = python    # the loop is one in Python
        self.rounds = []        # ns a pair, one figure a round
        self.notes = {}         # what it told of itself: lists, one entry a round
        self.reason = None      # why it cannot be had

    def note(self, key, value):
        self.notes.setdefault(key, []).append(value)


class Bench:
    """Where things are."""

    def __init__(self, build, here):
        self.build, self.here = build, here
        self.loop = os.path.join(build, "bench", "malloc_loop")
        self.python = "/usr/bin/python3"
        self.python_loop = os.path.join(here, "python_loop.py")
        self.seep = os.path.join(build, "seep")
        self.floor = os.path.join(build, "bench-floor")
        self.libc = self._own_libc()
        self.memleak_command = None

    def _own_libc(self):
        """
        A copy of the C library for the loop alone: probes that others have set in the
        system's one would be paid for here too.
        """
        folder = os.path.join(os.path.dirname(self.loop), "libraries")
        shutil.rmtree(folder, ignore_errors=True)
        out = subprocess.run(["ldd", self.loop], capture_output=True, text=True, check=True).stdout
        source = next(word for line in out.splitlines() if line.strip().startswith("libc.")
                      for word in line.split() if word.startswith("/"))
        os.makedirs(folder)
        return shutil.copy(source, folder)

    def memleak(self):
        if self.memleak_command is None:
            fetch = subprocess.run([os.path.join(self.here, "fetch_memleak")], text=True,
                                   capture_output=True, timeout=60)
            if fetch.returncode:
                raise Unavailable(fetch.stderr.strip() or "it could not be fetched")
            self.memleak_command = fetch.stdout.split()
        return self.memleak_command


def configurations(bench):
    return [
        Configuration("none", "no tracing", lambda c: _alone(bench, c), pairs=2000000),
        Configuration("floor", "floor: empty session on malloc, empty probe on free",
                      lambda c: _floor(bench, c, "session")),
        Configuration("floor_multi", "floor by uprobe.multi, entry and return apart",
                      lambda c: _floor(bench, c, "multi")),
        Configuration("floor_entry", "floor of sampling: the session declines its return",
                      lambda c: _floor(bench, c, "entry")),
        Configuration("floor_first_byte", "floor on the functions' first bytes",
                      lambda c: _floor(bench, c, "session", "--first-byte"), pairs=4000),
        Configuration("exact", "seep exact, by frame pointers, 8 calls deep",
                      lambda c: _seep(bench, c, "--frame-pointers")),
        *(configuration for depth in DEPTHS for configuration in _walkers(bench, depth)),
        *_pythons(bench),
        Configuration("sampled", f"seep --sample-bytes {SAMPLE_BYTES}",
                      lambda c: _seep(bench, c, "--sample-bytes", str(SAMPLE_BYTES))),
        Configuration("memleak", "memleak (libbpf-tools of Debian 13)",
                      lambda c: _memleak(bench, c), pairs=4000),
        Configuration("heaptrack", "heaptrack, preloaded", lambda c: _heaptrack(bench, c),
                      pairs=200000),
    ]


def _walkers(bench, depth):
    """Who may find the callers: the kernel, or seep in two ways."""
    yield Configuration(f"kernel_{depth}", f"kernel's walker (bpf_get_stack), {depth} calls deep",
                        lambda c: _floor(bench, c, "stack"), depth=depth)
    yield Configuration(f"kernel_id_{depth}", f"  with its aggregation (bpf_get_stackid)",
                        lambda c: _floor(bench, c, "stackid"), depth=depth)
    yield Configuration(f"frames_{depth}", f"seep exact, by frame pointers, {depth} calls deep",
                        lambda c: _seep(bench, c, "--frame-pointers"), depth=depth)
    yield Configuration(f"tables_{depth}", f"seep exact, by unwind tables, {depth} calls deep",
                        lambda c: _seep(bench, c), depth=depth)


def _pythons(bench):
    """The loop in Python, with the same library to be probed."""
    for key, title, begin in (
            ("python_none", "no tracing", lambda c: _alone(bench, c)),
            ("python_floor", "floor", lambda c: _floor(bench, c, "session")),
            ("python_native", "seep exact, without Python's functions (--no-python)",
             lambda c: _seep(bench, c, "--no-python")),
            ("python", "seep exact", lambda c: _seep(bench, c))):
        yield Configuration(key, title, begin, depth=PYTHON_DEPTH, python=True)


@contextlib.contextmanager
def _loop(bench, c, under=()):
    program = bench.loop
    if c.python:
        if not os.path.exists(bench.python):
            raise Unavailable(f"no {bench.python} here")
        under = ["env", "LD_LIBRARY_PATH=" + os.path.join(os.path.dirname(bench.loop), "libraries"),
                 bench.python]
        program = bench.python_loop
    loop = Loop(program, c.depth, c.pairs, under)
    try:
        yield loop
    finally:
        loop.end()


@contextlib.contextmanager
def _alone(bench, c):
    with _loop(bench, c) as loop:
        yield loop


@contextlib.contextmanager
def _floor(bench, c, mode, *options):
    with _loop(bench, c) as loop:
        floor = Child([bench.floor, "-p", str(loop.pid), "-m", mode, *options])
        try:
            ready = floor.wait_for(lambda line: line.startswith("ready"), ATTACH_SECONDS)
            c.note("attach_ms", float(ready.split()[2]))
            yield loop
        finally:
            floor.end()
        out = [line for line in floor.rest.decode().splitlines() if line.startswith("out")]
        if out:
            c.note("detach_ms", float(out[0].split()[1]))


@contextlib.contextmanager
def _seep(bench, c, *options):
    with _loop(bench, c) as loop, tempfile.TemporaryFile() as report:
        begin = time.monotonic()
        seep = Child([bench.seep, "trace", "-v", "-q", "-p", str(loop.pid), "--duration", "120",
                      "--budget=off", "--format", "json", *options], watch="stderr", stdout=report)
        try:
            seep.wait_for(lambda line: f"attach for {loop.pid}: 0" in line, ATTACH_SECONDS)
            c.note("start_seconds", time.monotonic() - begin)
            yield loop
        finally:
            seconds = seep.end(signal.SIGINT)
        c.note("end_seconds", seconds)
        report.seek(0)
        health = json.load(report)["health"]
        c.note("events", health["events"])
        c.note("dropped", health["dropped"])


@contextlib.contextmanager
def _memleak(bench, c):
    command = bench.memleak()
    with _loop(bench, c) as loop:
        begin = time.monotonic()
        # it has room for 31 characters of a library's name
        memleak = Child([*command, "-p", str(loop.pid), "-O", "./" + os.path.basename(bench.libc),
                         "600", "1"], terminal=True, folder=os.path.dirname(bench.libc))
        try:
            memleak.wait_for(lambda line: "Tracing outstanding" in line, ATTACH_SECONDS)
            c.note("start_seconds", time.monotonic() - begin)
            yield loop
        finally:
            c.note("end_seconds", memleak.end(signal.SIGINT))


@contextlib.contextmanager
def _heaptrack(bench, c):
    if not shutil.which("heaptrack"):
        raise Unavailable("heaptrack is not installed (tools/setup --test)")
    with tempfile.TemporaryDirectory() as folder:
        under = ["heaptrack", "-o", os.path.join(folder, "out")]
        with _loop(bench, c, under) as loop:
            yield loop
