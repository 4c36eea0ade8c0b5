# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
From the start of `seep trace` until its report is out, on a process that allocates in libLLVM, one
of the largest libraries there are: with seep's own caches empty, and as they then are.
"""

import glob
import os
import select
import signal
import statistics
import subprocess
import tempfile
import time

from children import Child, Unavailable

TRACED_SECONDS = 0.1
WANTED = b"LLVMModuleCreateWithName"


def _report_seconds(bench, pid, caches):
    begun = time.monotonic()
    seep = subprocess.Popen([bench.seep, "trace", "-q", "-p", str(pid), "--duration", str(TRACED_SECONDS),
                             "--budget=off"],
                            env=dict(os.environ, XDG_CACHE_HOME=caches),
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    text, last = b"", begun
    try:
        while select.select([seep.stdout], [], [], 60)[0]:
            data = os.read(seep.stdout.fileno(), 1 << 16)
            if not data:
                break
            text += data
            last = time.monotonic()
    finally:
        seep.wait(60)
    if WANTED not in text:
        raise Unavailable(f"the report does not name {WANTED.decode()}")
    return last - begun - TRACED_SECONDS


def library():
    found = sorted(glob.glob("/usr/lib/*/libLLVM-1?.so.1") + glob.glob("/usr/lib/*/libLLVM.so.*"))
    if not found:
        raise Unavailable("there is no libLLVM")
    return found[0]


def measure(bench, rounds):
    """Seconds, a list each, without those that were traced: "cold" and "warm"."""
    target = Child([os.path.join(bench.build, "bench", "llvm_loop"), library()])
    seconds = {"cold": [], "warm": []}
    try:
        target.wait_for(lambda line: line == "ready", 30)
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as caches:
                seconds["cold"].append(_report_seconds(bench, target.pid, caches))
                seconds["warm"].append(_report_seconds(bench, target.pid, caches))
    finally:
        target.end(signal.SIGTERM)
    return seconds


def median(seconds, which):
    return statistics.median(seconds[which])
