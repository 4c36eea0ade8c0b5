# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Services on frameworks nobody here wrote, under load: one command names the planted cause, and
says nothing against a service that is well, nor against what only looks like a leak. The long
form, each framework with each cause, is `make python-services`.
"""

import time

from harness import require, test
from python_services import (Behaviour, Pool, Prefork, Service, expect, expect_behaviour,
                             expect_growing)
from python_target import copy_of_system_python
from tracer import seep

WARM_SECONDS = 1.5
SECONDS = 12


def trace(*pids, seconds=SECONDS):
    report = seep("trace", "-p", ",".join(map(str, pids)), "--duration", seconds, "--format",
                  "json", "--budget=off", seconds=80)
    require(report.code in (0, 10), f"exit code {report.code}: {report.err[-400:]}")
    return report.parse()


@test("services.causes")
def causes():
    """A framework for each cause, all under one trace."""
    services = [Service("django", "list"), Service("tornado", "frozen"),
                Service("aiohttp", "cache"), Service("twisted", "native"),
                Service("tornado", "held")]
    time.sleep(WARM_SECONDS)
    report = trace(*[s.pid for s in services])
    require(report.code == 10, f"exit code {report.code}")
    for service in services:
        expect(report, service)


@test("services.clean")
def clean():
    """The same frameworks, with caches that fill, sessions that expire and cycles, but no leak."""
    services = [Service(name, "clean", 50) for name in ("django", "tornado", "aiohttp", "twisted")]
    time.sleep(WARM_SECONDS)
    report = trace(*[s.pid for s in services])
    for service in services:
        expect(report, service)
    require(report.code == 0, f"exit code {report.code}")


@test("services.behaviours")
def behaviours():
    """A cache that fills, imports, batches: no leak; too much at once neither. A queue is one."""
    programs = [Behaviour(name) for name in ("warming", "imports", "batch", "overflow", "queue")]
    report = trace(*[p.pid for p in programs], seconds=14)
    for program in programs:
        expect_behaviour(report, program)


@test("services.prefork")
def prefork():
    """gunicorn by its master's pid: the worker that leaks is named, not those that only copy."""
    server = Prefork("dict")
    time.sleep(WARM_SECONDS)
    report = trace(server.pid)
    expect_growing(report, server, "modules[causes].SESSIONS")


@test("services.pool")
def pool():
    """multiprocessing, by the name of its program: Process and Pool; in objects too."""
    name = "pool-of-python"
    family = Pool("dict", copy_of_system_python(name))
    report = seep("trace", "--comm", name, "--duration", SECONDS, "--format", "json",
                  "--budget=off", seconds=80)
    expect_growing(report.parse(), family, "modules[causes].SESSIONS")
    report = seep("types", "--comm", name, "--every", "2", "--count", "4", "--format", "json",
                  seconds=80).parse()
    growing = [p["pid"] for p in report.processes
               if any(t["type"] == "Session" and t["delta"] > 100 for t in p["types"])]
    require(growing == [family.growing], f"{growing} grow, not {family.growing}")
