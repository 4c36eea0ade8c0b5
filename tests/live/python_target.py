# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Python programs to be looked at from outside, in every interpreter that is here."""

import glob
import json
import os
import select
import subprocess
import sys
import time

from harness import PATIENCE, Failure, Skip, scratch, start

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "objects.py")


def _version(path):
    """("3.11.2", path), or None for what does not run."""
    code = "import sys; sys.stdout.write('%d.%d.%d' % sys.version_info[:3])"
    try:
        done = subprocess.run([path, "-c", code], capture_output=True, text=True, timeout=20,
                              check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _find():
    """
    {version: path}: the system's, those of pyenv and of tools/pythons/fetch, and what
    SEEP_PYTHONS names (separated by colons). The first of a version counts.
    """
    paths = [p for p in os.environ.get("SEEP_PYTHONS", "").split(":") if p]
    paths += ["/usr/bin/python3", "/usr/bin/python2.7"]
    paths += sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python")))
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    paths += sorted(glob.glob(os.path.join(cache, "seep", "pythons", "*", "python3.*")))
    found = {}
    for path in paths:
        version = _version(path) if os.path.exists(path) else None
        if version:
            found.setdefault(version, path)
    return found


KNOWN = ["2.7"] + [f"3.{minor}" for minor in range(6, 16)]
_found = None


def interpreters():
    global _found
    if _found is None:
        _found = _find()
    return _found


def of_minor(minor):
    """Paths of a minor version's interpreters; skips with a reason when there are none."""
    paths = [path for version, path in sorted(interpreters().items())
             if version.startswith(minor + ".")]
    if not paths:
        raise Skip(f"no CPython {minor} here (tools/pythons/fetch sid {minor} fetches one, "
                   "SEEP_PYTHONS can name one)")
    return paths


def system_python():
    if not os.path.exists("/usr/bin/python3"):
        raise Skip("no /usr/bin/python3")
    return "/usr/bin/python3"


class Python:
    """tests/fixtures/objects.py under an interpreter: a command a line, an answer a line."""

    def __init__(self, path, *arguments, env=None):
        self.path = path
        self.process = start([path, SOURCE, *[str(a) for a in arguments]],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env=dict(os.environ, **(env or {})))
        self.pid = self.process.pid
        self._rest = b""
        self.line()

    def line(self, seconds=60):
        end = time.monotonic() + seconds * PATIENCE
        descriptor = self.process.stdout.fileno()
        while b"\n" not in self._rest:
            ready, _, _ = select.select([descriptor], [], [], max(0, end - time.monotonic()))
            data = os.read(descriptor, 1 << 16) if ready else b""
            if not data:
                raise Failure(f"{self.path}: {'ended' if ready else 'silent'}, "
                              f"status {self.process.poll()}")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line.decode())

    def ask(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return self.line()


def copy_of_system_python(name):
    """The system's interpreter as a file of that name, where it is a program of its own."""
    path = os.path.realpath(system_python())
    listing = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    if "libpython" in listing:
        raise Skip("the system's python is a small program with a library")
    copy = scratch(name)
    with open(path, "rb") as source, open(copy, "wb") as target:
        target.write(source.read())
    os.chmod(copy, 0o755)
    return copy


if __name__ == "__main__":
    sys.exit("a module of the live tests")
