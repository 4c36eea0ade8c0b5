# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Within a budget: what it costs, a planted leak named, nothing else accused; giving up."""

import os
import socket
import subprocess
import sys
import time

from harness import fixture, need_program, require, scratch, start, test, wait_for
from target import Target
from tracer import Trace, compare, links_gone

SECONDS = 45
# One block of some hundred: redis allocates three or four times a command, and reads once.
PLANTED_EVERY = 25


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def redis_under_load(planted):
    """redis-server with commands coming in without end."""
    need_program("redis-server", "redis-benchmark")
    port = free_port()
    env = dict(os.environ)
    if planted:
        env |= {"LD_PRELOAD": fixture("planted.so"), "PLANTED_EVERY": str(PLANTED_EVERY)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = start(["redis-server", "--port", str(port), "--save", "", "--appendonly", "no",
                    "--dir", scratch()], env=env, **quiet)
    wait_for("redis answers", 10, lambda: answers(port))
    start(["redis-benchmark", "-p", str(port), "-t", "set", "-n", "1000000000", "-r", "1000",
           "-c", "20", "-q"], **quiet)
    # the keys are all there: from now on each command takes the place of another
    time.sleep(2)
    return server


def accused(report, pid):
    """Places of sites that are said to grow; of allocators, since mappings are always traced."""
    return [[f["function"] for f in s["frames"]] for s in report.sites(pid)
            if s["verdict"] == "growing" and s["family"] != "mapping"]


def within(report, percent):
    """What it says of the cost; short traces begin with the count of calls, which is not free."""
    health = report.health
    share = health["cost_seconds"] / health["target_seconds"] * 100
    require(share <= percent * 1.5 + 0.5, f"tracing took {share:.2f}%, the budget is {percent}%")


def bursts_are_told(report, least=6):
    bursts = report.health["bursts"]
    require(len(bursts) >= least, f"only {len(bursts)} bursts: {report.document['capture']}")
    require(all(b["end"] > b["begin"] for b in bursts), f"bursts that do not end: {bursts[:3]}")
    require(all(a["end"] <= b["begin"] for a, b in zip(bursts, bursts[1:])), "bursts overlap")
    traced = sum(b["end"] - b["begin"] for b in bursts)
    require(abs(traced / report.document["capture"]["seconds"] -
                report.health["traced_share"]) < 0.01, "traced_share is not that of the bursts")


@test("budget.redis-planted-leak")
def redis_planted_leak():
    server = redis_under_load(True)
    before = cpu_seconds(server.pid)
    report = Trace("-p", server.pid, "--duration", SECONDS, "--budget=10").wait(SECONDS + 20)
    used = cpu_seconds(server.pid) - before
    require(report.code in (0, 10), f"exit code {report.code}: {report.err[-300:]!r}")
    bursts_are_told(report)
    within(report, 10)
    require(abs(report.health["target_seconds"] - used) < 0.2 * used + 1,
            f"it says that {report.health['target_seconds']} s were used, of {used}")
    named = accused(report, server.pid)
    require(named, "no leak named: "
                   f"{[s['evidence'] for s in report.sites_of('planted_leak')]}")
    require(all("planted_leak" in functions for functions in named), f"accused: {named}")
    site = max(report.sites_of("planted_leak"), key=lambda s: s["alloc_count"])
    require(site["leak_share_high"] == 1 and site["leak_share"] > 0.5 and
            site["leak_bursts"] >= 6, f"not a leak of all: {site['evidence']}")


@test("budget.redis-without-leak")
def redis_without_leak():
    server = redis_under_load(False)
    report = Trace("-p", server.pid, "--duration", 20, "--budget=5").wait(60)
    bursts_are_told(report, 3)
    within(report, 5)
    require(not accused(report, server.pid), f"accused: {accused(report, server.pid)}")


LOOP = """
import time, json
kept = []
def handle(n):
    body = json.dumps({"n": n, "text": "x" * 300, "list": list(range(40))})
    return len(json.loads(body)["list"])
n = 0
while True:
    for _ in range(200):
        handle(n)
        n += 1
    time.sleep(0.002)
"""


@test("budget.python-loop")
def python_loop():
    """What a service does at each request: nothing of it leaks."""
    target = start([sys.executable, "-X", "utf8", "-c", LOOP], env=dict(os.environ, PYTHONMALLOC="malloc"))
    time.sleep(1)
    report = Trace("-p", target.pid, "--duration", 15, "--budget=5").wait(60)
    bursts_are_told(report)
    within(report, 5)
    require(not accused(report, target.pid), f"accused: {accused(report, target.pid)}")


@test("budget.quiet-target-is-exact")
def quiet_target():
    """What fits is traced without a gap: the figures are right to the last byte."""
    target = Target("entries-glibc")
    trace = Trace("-p", target.pid, "--budget=2").attached()
    time.sleep(0.5)
    truth = target.work()
    report = trace.stop()
    require(report.health["traced_share"] == 1 and not report.health["bursts"], "there were bursts")
    require("all the time" in report.document["capture"]["budget_words"],
            report.document["capture"]["budget_words"])
    compare(report, truth)


@test("budget.nothing-is-left-behind")
def nothing_is_left():
    """Ended in a burst or between two: no link, and the statistics are off again."""
    server = redis_under_load(False)
    for seconds in (0.6, 1.1):
        trace = Trace("-p", server.pid, "--duration", 60)
        wait_for("probes", 20, trace.links)
        links = trace.links()
        time.sleep(seconds)
        trace.stop()
        links_gone(links)
    with open("/proc/sys/kernel/bpf_stats_enabled", encoding="ascii") as enabled:
        require(enabled.read().strip() == "0", "statistics of programs are still on")


@test("budget.gives-up")
def gives_up():
    """A budget that leaves nothing to see: it says so, and ends with a report."""
    server = redis_under_load(False)
    report = Trace("-p", server.pid, "--duration", 60, "--budget=0.01").wait(30)
    require("ended early" in report.document["capture"]["budget_words"] and
            "--budget" in report.document["capture"]["budget_words"],
            f"it did not say why: {report.document['capture']}")
    # what is decided by counting is not left to how the bursts happen to be
    require(len(report.health["bursts"]) <= 1, f"{len(report.health['bursts'])} bursts before it")
    require(report.health["traced_share"] < 0.5, f"share {report.health['traced_share']}")
