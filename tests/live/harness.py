# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The register of tests and the loop that runs them. Knows nothing of what they test."""

import fnmatch
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

# Limits are there for what hangs. A busy machine takes so many times as long as a quiet one.
PATIENCE = 3
# More than any test takes: a test that hangs fails, and the next one runs.
TEST_SECONDS = 90 * PATIENCE


class Skip(Exception):
    """The test cannot run here; the text says why."""


class Failure(Exception):
    """The text says what was expected and what was found."""


class Late(Exception):
    """A test took longer than TEST_SECONDS."""


class Settings:
    build = seep = fixtures = scratch = None
    verbose = False


settings = Settings()
_tests = []
_cleanups = []


def configure(build, seep, verbose):
    settings.build = os.path.abspath(build)
    settings.seep = os.path.abspath(seep) if seep else os.path.join(settings.build, "seep")
    settings.fixtures = os.path.join(settings.build, "fixtures")
    settings.verbose = verbose


def test(name, *arguments, **keywords):
    """Registers the function as a test of that name; may be used several times on one."""
    def register(function):
        _tests.append((name, function, arguments, keywords))
        return function
    return register


def each(pattern, values):
    """A test for each value, '{}' of the name replaced by it, the value its argument."""
    def register(function):
        for value in values:
            _tests.append((pattern.format(value), function, (value,), {}))
        return function
    return register


def cleanup(function, *arguments):
    """Called at the end of the test, whatever happens, last one first."""
    _cleanups.append((function, arguments))


def note(text):
    if settings.verbose:
        print("    " + text.replace("\n", "\n    "), file=sys.stderr, flush=True)


def require(condition, message):
    if not condition:
        raise Failure(message)


def fixture(name):
    path = os.path.join(settings.fixtures, name)
    if not os.path.exists(path):
        raise Skip(f"{name} is not built here")
    return path


def scratch(name=""):
    """A path in a folder of this test alone."""
    if settings.scratch is None:
        settings.scratch = tempfile.mkdtemp(prefix="seep-live-")
        os.chmod(settings.scratch, 0o755)
    return os.path.join(settings.scratch, name)


def need_program(*names):
    for name in names:
        if not shutil.which(name):
            raise Skip(f"no {name} here")


def wait_for(what, seconds, condition, step=0.02):
    """The first true value of condition(), or a Failure after so many seconds of a quiet machine."""
    seconds *= PATIENCE
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(step)


def start(argv, **keywords):
    """A process that the end of the test ends, by the id we keep."""
    note("$ " + " ".join(argv))
    process = subprocess.Popen(argv, **keywords)
    cleanup(end_process, process)
    return process


def end_process(process, seconds=5):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            try:
                stream.close()
            except BrokenPipeError:
                pass


def _selected(patterns):
    return [t for t in _tests
            if not patterns or any(fnmatch.fnmatch(t[0], p) for p in patterns)]


def names(patterns):
    return [t[0] for t in _selected(patterns)]


def _end_of_test():
    while _cleanups:
        function, arguments = _cleanups.pop()
        try:
            function(*arguments)
        except Exception:  # one that fails must not keep the others from running
            note(traceback.format_exc())
    if settings.scratch:
        shutil.rmtree(settings.scratch, ignore_errors=True)
        settings.scratch = None


def _alarm(_number, _frame):
    raise Late(f"still running after {TEST_SECONDS} s")


def _run_one(function, arguments, keywords):
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(TEST_SECONDS)
    try:
        function(*arguments, **keywords)
    finally:
        signal.alarm(0)
        _end_of_test()


def run(patterns):
    passed = failed = skipped = 0
    selected = _selected(patterns)
    if not selected:
        print("no such test", file=sys.stderr)
        return 2
    for name, function, arguments, keywords in selected:
        began = time.monotonic()
        try:
            _run_one(function, arguments, keywords)
        except Skip as reason:
            skipped += 1
            print(f"skip {name}: {reason}", flush=True)
        except (Failure, Late) as why:
            failed += 1
            print(f"not ok {name}: {why}", flush=True)
        except Exception as error:
            failed += 1
            print(f"not ok {name}: {type(error).__name__}: {error}", flush=True)
            note(traceback.format_exc())
        else:
            passed += 1
            print(f"ok {name} ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0
