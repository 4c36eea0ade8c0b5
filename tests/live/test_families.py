# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every allocator family, attached to and run: entry points, realloc, threads."""

import os
import time

import harness
from harness import each, fixture, require, test
from target import Target, Told
from tracer import COUNTED, Trace, compare, family_is, fine, leaf_is, run

FAMILIES = ("glibc", "static", "musl", "musl-static", "jemalloc", "tcmalloc", "mimalloc")
CXX_FAMILIES = ("glibc", "jemalloc", "tcmalloc", "mimalloc")
LIBRARIES = {
    "jemalloc": "libjemalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
    "mimalloc": "libmimalloc.so.2",
}
LARGE_RING = ("--ring-bytes", 64 << 20)
# What seep calls the family of a build.
NAMES = {"static": "glibc", "musl-static": "musl"}


def traced(name, *arguments, env=None, options=()):
    """Attaches to a fixture that waits, lets it work; the report and the truth."""
    target = Target(name, *arguments, env=env)
    trace = Trace("-p", target.pid, *options).attached()
    truth = target.work()
    report = trace.stop()
    require(target.process.poll() is None, "the target did not survive")
    require(target.leave() == 0, "the target ended badly after seep had left")
    return report, truth


def started(name, *arguments, env=None, options=()):
    """The same by `seep run`."""
    told = Told()
    report = run(told, fixture(name), "--now", *arguments, env=env, options=options)
    return report, told.truths()[-1]


def preload(name):
    for folder in ("x86_64-linux-gnu", "aarch64-linux-gnu", "../lib64", ""):
        path = os.path.join("/usr/lib", folder, LIBRARIES[name])
        if os.path.exists(path):
            return {"LD_PRELOAD": path}
    raise harness.Skip(f"no {LIBRARIES[name]} here")


@each("entries.attach.{}", FAMILIES)
def entries_attach(family):
    report, truth = traced(f"entries-{family}")
    compare(report, truth)
    leaf_is(report, "leak_malloc")
    leaf_is(report, "leak_calloc")
    leaf_is(report, "leak_realloc_null")
    family_is(report, "leak_malloc", NAMES.get(family, family))
    require(not report.sites_of("early_malloc"), "blocks from before the attach are reported")
    require(report.process(truth["pid"])["unmatched_frees"] >= 5,
            "frees of blocks from before the attach are not counted")


@each("entries.run.{}", FAMILIES)
def entries_run(family):
    report, truth = started(f"entries-{family}")
    compare(report, truth, skip=())
    leaf_is(report, "leak_malloc")
    family_is(report, "leak_malloc", NAMES.get(family, family))
    process = report.process(truth["pid"])
    require(process["unmatched_frees"] == 0, f"{process['unmatched_frees']} unmatched frees")
    require(process["missed_frees"] == 0, f"{process['missed_frees']} missed frees")


# These give back what has been free for a moment, which on a busy machine is before it is looked at.
KEEPING = {
    "MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1",
    "TCMALLOC_RELEASE_RATE": "0",
    "MIMALLOC_ALLOW_DECOMMIT": "0",
    "MIMALLOC_PURGE_DELAY": "-1",
}


@each("retain.{}", CXX_FAMILIES)
def retain(family):
    target = Target(f"retain-{family}", env=KEEPING)
    trace = Trace("-p", target.pid).attached()
    truth = target.work()["sites"]["keep_block"]
    # the kernel's count of resident pages is seen once a second
    time.sleep(1.2)
    report = trace.stop()
    process = fine(report).process(target.pid)
    freed = truth["alloc_bytes"] - truth["live_bytes"]
    require(process["allocator"] == family, f"looked into {process['allocator']}")
    require(process["allocator_at_most"] == (family != "glibc"), "a bound, or none")
    require(0.9 * freed < process["allocator_free_bytes"] <= process["allocator_held_bytes"],
            f"{process['allocator_free_bytes']} of {process['allocator_held_bytes']} are free, "
            f"{freed} were freed")
    # 1% of the blocks, and a large one that is not resident
    written = truth["live_bytes"] - (8 << 20)
    require(process["allocator_held_bytes"] - process["allocator_free_bytes"] > 0.9 * written,
            f"what is outstanding counts as free: {process['allocator_free_bytes']} of "
            f"{process['allocator_held_bytes']}, {written} outstanding")
    require(process["allocator_held_bytes"] <= 1.01 * process["rss_bytes"],
            f"{process['allocator_held_bytes']} held of {process['rss_bytes']} resident")
    require(process["verdict"] == "allocator retention", f"{process['verdict']}")
    words = "at most" if family != "glibc" else "got from the kernel"
    require(words in process["evidence"] and family in process["evidence"], process["evidence"])


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@test("retain.given-back")
def retain_given_back():
    """What the allocator has given back is not looked into: it would be mapped anew, and count."""
    target = Target("retain-mimalloc", env={"MIMALLOC_DECOMMIT_DELAY": "0",
                                            "MIMALLOC_SEGMENT_DECOMMIT_DELAY": "0",
                                            "MIMALLOC_PURGE_DELAY": "0"})
    trace = Trace("-p", target.pid).attached()
    truth = target.work()["sites"]["keep_block"]
    before = resident(target.pid)
    process = trace.stop().process(target.pid)
    require(before < 0.8 * truth["alloc_bytes"], f"{before} bytes are resident: none given back")
    require(process["allocator_held_bytes"] <= 1.01 * before,
            f"{process['allocator_held_bytes']} held of {before} resident")


@each("entries.preload.{}", LIBRARIES)
def entries_preload(family):
    environment = preload(family)
    # glibc's own pvalloc must not meet the preloaded free: a build without it
    report, truth = traced("entries-plain", env=environment)
    compare(report, truth)
    family_is(report, "leak_malloc", family)


@each("entries.preload-run.{}", LIBRARIES)
def entries_preload_run(family):
    report, truth = started("entries-plain", env=preload(family))
    compare(report, truth, skip=())
    family_is(report, "leak_malloc", family)


@test("entries.wrapped", "attach")
@test("entries.wrapped-run", "run")
def entries_wrapped(how):
    """A preloaded allocator that calls the next one: the outermost call counts, once."""
    way = traced if how == "attach" else started
    report, truth = way("entries-plain", env={"LD_PRELOAD": fixture("wrapper.so")})
    compare(report, truth)
    for site in report.sites_of("leak_malloc"):
        require(site["frames"][0]["module"].endswith("wrapper.so"),
                f"the outermost allocator is not the leaf: {site['frames'][0]}")
    require(report.health["nested"] > 0, "the inner calls are not counted as nested")


@test("entries.wrapped-jemalloc")
def entries_wrapped_jemalloc():
    report, truth = traced("entries-jemalloc", env={"LD_PRELOAD": fixture("wrapper.so")})
    compare(report, truth)


@each("realloc.attach.{}", FAMILIES)
def realloc_attach(family):
    report, truth = traced(f"realloc-{family}")
    compare(report, truth)
    require(not report.sites_of("nothing_allocated"), "failed calls are reported as blocks")
    require(report.process(truth["pid"])["missed_frees"] == 0, "frees were missed")


@each("realloc.run.{}", ("glibc", "musl", "jemalloc", "tcmalloc", "mimalloc"))
def realloc_run(family):
    report, truth = started(f"realloc-{family}")
    compare(report, truth)
    require(not report.sites_of("nothing_allocated"), "failed calls are reported as blocks")


@each("threads.cross.{}", FAMILIES)
def threads_cross(family):
    report, truth = traced(f"threads-{family}", "cross", "20")
    compare(report, truth)


@each("threads.reuse.{}", FAMILIES)
def threads_reuse(family):
    """The same few addresses pass between eight threads: a single misorder shows."""
    report, truth = traced(f"threads-{family}", "reuse", "12000", options=LARGE_RING)
    compare(report, truth)
    process = report.process(truth["pid"])
    require(process["missed_frees"] == 0, f"{process['missed_frees']} missed frees")


@each("threads.reuse-run.{}", FAMILIES)
def threads_reuse_run(family):
    """What glibc frees at a thread's end is its cache: no block of the program, and not told."""
    report, truth = started(f"threads-{family}", "reuse", "12000", options=LARGE_RING)
    compare(report, truth)
    process = report.process(truth["pid"])
    frees = process["unmatched_frees"], process["repeated_frees"]
    require(frees == (0, 0), f"{frees} unmatched and repeated frees, of 8 threads")


@test("threads.option")
def threads_option():
    """--threads: a site a thread, each with its own count (1 .. 8 blocks)."""
    report, truth = traced("threads-glibc", "apart", options=("--threads",))
    compare(report, truth)
    counts = {}
    for site in report.sites_of("apart_malloc"):
        require(site["tid"], "a site without its thread")
        counts[site["tid"]] = counts.get(site["tid"], 0) + site["live_count"]
    require(sorted(counts.values()) == list(range(1, 9)), f"blocks by thread: {counts}")


@test("threads.without-option")
def threads_without_option():
    report, truth = traced("threads-glibc", "apart")
    compare(report, truth)
    require(len(report.sites_of("apart_malloc")) == 1, "one site became several")


# Without it operator new is left alone where it does not go through malloc.
THROWING = ("--throwing",)
ALIGNED = ("leak_new_aligned", "leak_new_aligned_array", "leak_new_aligned_sized")


def compare_cxx(report, truth):
    """libstdc++'s aligned operator new uses the frame pointer: its callers as one."""
    if report.sites_of(ALIGNED[0]):
        compare(report, truth)
        return
    parts = [truth["sites"].pop(name) for name in ALIGNED]
    sites = [s for s in report.sites()
             if any("align_val_t" in (f.get("function") or "") for f in s["frames"])]
    for field in COUNTED:
        found, expected = sum(s[field] for s in sites), sum(p[field] for p in parts)
        require(found == expected, f"aligned new: {field} {found}, truth {expected}")
    compare(report, truth)


@each("cxx.attach.{}", CXX_FAMILIES)
def cxx_attach(family):
    report, truth = traced(f"cxx-{family}", options=THROWING)
    compare_cxx(report, truth)
    family_is(report, "leak_new", family)


@each("cxx.run.{}", CXX_FAMILIES)
def cxx_run(family):
    report, truth = started(f"cxx-{family}", options=THROWING)
    compare_cxx(report, truth)


@each("cxx.default.{}", CXX_FAMILIES)
def cxx_default(family):
    """Without --throwing: what is not seen is told as skipped, frees of it are no errors."""
    report, truth = traced(f"cxx-{family}")
    seen = report.sum("leak_new", "live_count") == truth["sites"]["leak_new"]["live_count"]
    skipped = [p["symbol"] for p in report.health["skipped_probes"]]
    require(seen or "_Znwm" in skipped, "leak_new is neither counted nor told as skipped")
    require(not report.process(truth["pid"])["missed_frees"], "missed frees")


# mimalloc's C build ends the process where operator new would throw
@each("cxx.throwing.{}", ("glibc", "jemalloc", "tcmalloc"))
def cxx_throwing(family):
    """Exceptions through allocating frames, and out of operator new: nothing breaks."""
    report, truth = traced(f"cxx-{family}", "throwing", options=THROWING)
    compare_cxx(report, truth)


@test("cxx.throwing-run", "jemalloc")
def cxx_throwing_run(family):
    report, truth = started(f"cxx-{family}", "throwing", options=THROWING)
    compare_cxx(report, truth)


@test("cxx.throwing-default", "jemalloc")
def cxx_throwing_default(family):
    traced(f"cxx-{family}", "throwing")


def let_work(target):
    truth = target.work()
    require(target.process.poll() is None, "the target did not survive")
    return truth


@test("cxx.throwing-two", "one trace")
@test("cxx.throwing-two-traces", "a trace each")
def cxx_throwing_two(way):
    """Exceptions of one process, while another one of the same file is traced as well."""
    targets = [Target("cxx-jemalloc", "throwing") for _ in range(2)]
    if way == "one trace":
        traces = [Trace(*(word for t in targets for word in ("-p", t.pid))).attached()]
    else:
        traces = [Trace("-p", target.pid).attached() for target in targets]
    truths = [let_work(target) for target in targets]
    reports = [trace.stop() for trace in traces]
    for i, truth in enumerate(truths):
        compare_cxx(reports[i % len(reports)], truth)


@test("cxx.throwing-child", "jemalloc")
def cxx_throwing_child(family):
    """A child's operator new is seen once its releases are; its exceptions pass."""
    target = Target(f"cxx-{family}", "forked")
    trace = Trace("-p", target.pid).attached()
    let_work(target)
    report = trace.stop()
    require(len(target.truths) == 2, "parent and child tell")
    for truth in target.truths:
        compare_cxx(report, truth)
        missed = report.process(truth["pid"])["missed_frees"]
        require(not missed, f"{missed} blocks were seen whose release was not")


@test("rust.attach", traced)
@test("rust.run", started)
def rust(way):
    report, truth = way("leak-rust")
    compare(report, truth)
    frames = [f for s in report.sites_of("leak_box") for f in s["frames"]]
    require(any((f.get("file") or "").endswith("leak.rs") and f.get("line") for f in frames),
            "no frame names leak.rs and a line")


@test("late.attach")
def late_attach():
    """Libraries opened during the trace are picked up within a second."""
    target = Target("late")
    trace = Trace("-p", target.pid).attached()
    target.tell()
    target.until("step")
    time.sleep(1.0)
    trace.idle()
    truth = target.work()
    report = trace.stop()
    compare(report, truth)
    leaf_is(report, "leak_in_library")
    leaf_is(report, "leak_prefixed", "je_malloc")
    family_is(report, "leak_prefixed", "jemalloc")
    require(target.leave() == 0, "the target ended badly")


@test("late.run")
def late_run():
    """With `run` they are exact from their first call."""
    report, truth = started("late")
    compare(report, truth)
    leaf_is(report, "leak_prefixed", "je_malloc")


@test("custom.attach", traced, ("--alloc", "acme_"))
@test("custom.run", started, ("--alloc", "acme_"))
def custom(way, options):
    """--alloc: an allocator that no table knows, by the prefix of its functions."""
    report, truth = way("custom", options=options)
    compare(report, truth)
    leaf_is(report, "custom_malloc", "acme_malloc")


# The ways of attaching that older kernels are left with, forced here.
MODES = ("session", "multi", "perf-cookie", "perf")


@each("modes.entries.{}", MODES)
def modes_entries(mode):
    report, truth = traced("entries-glibc", options=("--attach", mode))
    compare(report, truth)
    family_is(report, "leak_malloc", "glibc")


@each("modes.realloc.{}", MODES)
def modes_realloc(mode):
    report, truth = traced("realloc-glibc", options=("--attach", mode))
    compare(report, truth)


@each("modes.threads.{}", MODES)
def modes_threads(mode):
    report, truth = traced("threads-jemalloc", "reuse", "6000", options=("--attach", mode))
    compare(report, truth)


@each("modes.run.{}", MODES)
def modes_run(mode):
    report, truth = started("late", options=("--attach", mode))
    compare(report, truth)


@each("modes.throwing.{}", MODES)
def modes_throwing(mode):
    traced("cxx-jemalloc", "throwing", options=("--attach", mode))
