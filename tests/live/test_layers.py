# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is not malloc: mappings, pairs, abandoned calls, sampling, filters."""

import math
import time

from harness import require, test, fixture
from target import Target, Told
from tracer import Trace, compare, fine, run

BYTES = ("live_bytes",)


def check_mappings(report, truth):
    fine(report)
    pid = truth["pid"]
    wrong = []
    for function, expected in truth["sites"].items():
        if function == "map_by_malloc":
            continue
        found = sum(s["live_bytes"] for s in report.sites_of(function, pid)
                    if s["family"] == "mapping")
        if found != expected["live_bytes"]:
            wrong.append(f"{function} {found}, truth {expected['live_bytes']}")
    require(not wrong, "bytes mapped: " + "; ".join(wrong))
    inside = [s for s in report.sites_of("map_by_malloc", pid) if s["family"] == "mapping"]
    require(not [s for s in inside if s["live_bytes"]],
            "the allocator's own mappings are told as mappings")
    compare(report, {"pid": pid, "sites": {"map_by_malloc": truth["sites"]["map_by_malloc"]}})


@test("mapping.attach")
def mapping_attach():
    target = Target("mapping")
    trace = Trace("-p", target.pid).attached()
    truth = target.work()
    report = trace.stop()
    check_mappings(report, truth)
    total = sum(t["live_bytes"] for f, t in truth["sites"].items() if f != "map_by_malloc")
    found = report.process(target.pid)["mapped_bytes"]
    require(found == total, f"mapped_bytes of the process {found}, truth {total}")


@test("mapping.run")
def mapping_run():
    told = Told()
    report = run(told, fixture("mapping"), "--now")
    check_mappings(report, told.truths()[0])


PAIRS = {
    "leak_thing": "pair_library.so:thing_open=thing_close",
    "leak_made": "pair_library.so:thing_make@2=thing_drop@2",
    "leak_file": "libc.so*:fopen=fclose",
}


@test("pair.attach", PAIRS)
@test("pair.returned", ("leak_thing",))
@test("pair.through-argument", ("leak_made",))
@test("pair.fopen", ("leak_file",))
def pair_attach(functions):
    target = Target("pair")
    options = [w for f in functions for w in ("--pair", PAIRS[f])]
    trace = Trace("-p", target.pid, *options).attached()
    truth = target.work()
    report = fine(trace.stop())
    for function in functions:
        expected = truth["sites"][function]
        sites = [s for s in report.sites_of(function) if s["family"] == "pair"]
        for field in ("live_count", "alloc_count", "free_count"):
            found = sum(s[field] for s in sites)
            require(found == expected[field],
                    f"{function}: {field} {found}, truth {expected[field]}")


@test("pair.run")
def pair_run():
    told = Told()
    report = fine(run(told, fixture("pair"), "--now", options=("--pair", PAIRS["leak_thing"])))
    sites = [s for s in report.sites_of("leak_thing") if s["family"] == "pair"]
    found = sum(s["live_count"] for s in sites)
    require(found == told.truths()[0]["sites"]["leak_thing"]["live_count"], f"{found} things")


@test("abandoned.signal-jump")
def abandoned_signal_jump():
    """Calls that a signal handler jumps out of; those that follow are counted right."""
    target = Target("abandon", env={"PREFIXED_SPIN": "20000"})
    trace = Trace("-p", target.pid).attached()
    truth = target.work()
    report = fine(trace.stop())
    jumped = truth["sites"].pop("jumped_out")["alloc_count"]
    require(jumped > 20, f"only {jumped} calls were jumped out of: the fixture is too quick")
    expected = truth["sites"].pop("while_jumping")["live_count"]
    found = report.sum("while_jumping", "live_count")
    require(expected <= found <= expected + jumped,
            f"{found} blocks while jumping, truth {expected} and up to {jumped} abandoned")
    compare(report, truth)
    health = report.health
    abandoned = health["abandoned"]
    require(0 < abandoned <= jumped, f"{abandoned} abandoned calls told, {jumped} jumped out of")
    require(health["entries"] >= health["returns"], "more returns than entries")


SAMPLE = 16384


def sampled_estimate(function, report, pid):
    sites = report.sites_of(function, pid)
    bytes_live = sum(s["live_bytes"] for s in sites)
    error = math.sqrt(sum(s["live_bytes_error"] ** 2 for s in sites))
    count = sum(s["live_count"] for s in sites)
    count_error = math.sqrt(sum(s["live_count_error"] ** 2 for s in sites))
    return bytes_live, error, count, count_error


@test("sampled.unbiased")
def sampled_unbiased():
    """Every estimate within 4 standard errors of the truth, their mean within 4 of its own."""
    runs, wrong, deviations = 4, [], {}
    for _ in range(runs):
        target = Target("blocks", "many", "8000")
        trace = Trace("-p", target.pid, "--sample-bytes", SAMPLE).attached()
        truth = target.work()
        report = fine(trace.stop())
        target.leave()
        require(report.document["capture"]["mode"] == "sampled", "the mode is not told as sampled")
        require(report.health["unsampled"] > 0, "nothing was passed over")
        for function in ("many_small", "many_large", "many_mixed"):
            expected = truth["sites"][function]
            found, error, count, count_error = sampled_estimate(function, report, target.pid)
            require(error > 0, f"{function}: no error told")
            for what, value, error, true in (("bytes", found, error, expected["live_bytes"]),
                                             ("blocks", count, count_error,
                                              expected["live_count"])):
                sigma = (value - true) / error if error else math.inf
                deviations.setdefault((function, what), []).append(sigma)
                if abs(sigma) > 4:
                    wrong.append(f"{function} {value} {what} +- {error:.0f}, truth {true}")
    for key, sigmas in deviations.items():
        mean = sum(sigmas) / len(sigmas)
        if abs(mean) > 4 / math.sqrt(runs):
            wrong.append(f"{' '.join(key)}: {mean:+.1f} standard errors in the mean of {runs} runs")
    require(not wrong, "; ".join(wrong))


@test("sampled.large-blocks")
def sampled_large_blocks():
    """Blocks far above the mean are practically all taken: nearly exact."""
    target = Target("blocks", "sizes")
    trace = Trace("-p", target.pid, "--sample-bytes", 1000).attached()
    target.work()
    report = fine(trace.stop())
    found = report.sum("size_100000", "live_count")
    require(found == 10, f"{found} blocks of 100 times the mean, not 10")


@test("sampled.allocator-growth")
def sampled_allocator_growth():
    """A thread's new arena is the allocator's, though the call that made it was not drawn."""
    mapped = []
    for options in ((), ("--sample-bytes", 64 << 20)):
        target = Target("threads-glibc", "cross", "2")
        trace = Trace("-p", target.pid, *options).attached()
        target.work()
        mapped.append(fine(trace.stop()).process(target.pid)["mapped_bytes"])
    require(mapped[0] == mapped[1], f"mapped bytes: {mapped[0]} exact, {mapped[1]} sampled")


@test("filter.min-size", ("-z", 1000), {"size_16": 0, "size_1000": 10, "size_100000": 10})
@test("filter.max-size", ("-Z", 1000), {"size_16": 10, "size_1000": 10, "size_100000": 0})
@test("filter.sizes", ("-z", 17, "-Z", 99999), {"size_16": 0, "size_1000": 10, "size_100000": 0})
def filter_sizes(options, expected):
    target = Target("blocks", "sizes")
    trace = Trace("-p", target.pid, *options).attached()
    target.work()
    report = fine(trace.stop())
    found = {function: report.sum(function, "live_count") for function in expected}
    require(found == expected, f"{found}, not {expected}")


@test("filter.older")
def filter_older():
    target = Target("blocks", "ages")
    trace = Trace("-p", target.pid, "--older", "1s").attached()
    target.tell()
    target.until("step")
    time.sleep(1.7)
    target.work()
    report = fine(trace.stop())
    found = (report.sum("age_old", "live_count"), report.sum("age_young", "live_count"))
    require(found == (10, 0), f"old and young blocks: {found}, not (10, 0)")
    oldest = max(s["oldest_seconds"] for s in report.sites_of("age_old"))
    require(1.5 < oldest < 20, f"the oldest block is {oldest} s old")


@test("filter.ages")
def filter_ages():
    """Without --older both are there."""
    target = Target("blocks", "ages")
    trace = Trace("-p", target.pid).attached()
    target.tell()
    target.until("step")
    truth = target.work()
    compare(trace.stop(), truth)
