# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The other side of the fixtures' protocol (tests/fixtures/fixture.h)."""

import json
import os
import select
import subprocess
import time

from harness import PATIENCE, Failure, fixture, scratch, start


class Target:
    """A fixture that waits until it is told to go on."""

    def __init__(self, name, *arguments, env=None, argv=None, before=()):
        self.argv = argv or [*before, fixture(name), *arguments]
        self.truths = []
        self._buffer = b""
        self.process = start(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env=dict(os.environ, **(env or {})))
        line = self._line()
        if not line.startswith("ready "):
            raise Failure(f"{name}: said {line!r}, not ready")
        self.ns_pid = int(line.split()[1])
        self.pid = self.process.pid

    def _line(self, seconds=60):
        end = time.monotonic() + seconds * PATIENCE
        descriptor = self.process.stdout.fileno()
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([descriptor], [], [], max(0, end - time.monotonic()))
            data = os.read(descriptor, 65536) if ready else b""
            if not data:
                state = "ended" if ready else "silent"
                raise Failure(f"{os.path.basename(self.argv[0])}: {state}, "
                              f"status {self.process.poll()}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def tell(self):
        """On to the next step."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def until(self, word):
        """Reads what it says up to that word, keeping the truths."""
        while True:
            line = self._line()
            if line.startswith("truth "):
                self.truths.append(json.loads(line[6:]))
            if line == word:
                return

    def work(self):
        """Lets it do all its work; returns its last truth."""
        self.tell()
        self.until("done")
        return self.truths[-1]

    def leave(self, seconds=10):
        """Lets it end; returns its exit status."""
        self.tell()
        return self.process.wait(seconds * PATIENCE)


class Told:
    """Where a fixture that seep starts itself leaves its truths."""

    def __init__(self):
        self.path = scratch("told")
        self.env = dict(os.environ, FIXTURE_OUT=self.path)

    def truths(self):
        with open(self.path, encoding="ascii") as told:
            return [json.loads(line[6:]) for line in told if line.startswith("truth ")]

    def pid(self):
        with open(self.path, encoding="ascii") as told:
            return int(next(line for line in told if line.startswith("ready ")).split()[1])


def children_of(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as children:
            found += [int(child) for child in children.read().split()]
    return found
