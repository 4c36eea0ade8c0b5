# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Python functions in stacks, frame by frame against what the program itself sees."""

import json
import os
import subprocess

from harness import Skip, each, need_program, require, scratch, test
from python_target import KNOWN, of_minor, system_python
from target import Target, Told
from tracer import Trace, fine, run

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures")
SOURCE = os.path.join(FOLDER, "frames.py")
# the fixture's own blocks: an interpreter makes thousands of others
LARGE = ("--min-size", "2900")
EVALUATORS = ("_PyEval_EvalFrameDefault", "PyEval_EvalFrameEx")
# the function of the extension, under the line of Python that calls it
NATIVE = {"extension": "keep", "reference": "forget", "extension-callback": "call",
          "callback": "qsort_r", "interpreter": None}


def extension(python):
    """The folder with `leaking`, built for that interpreter; None where it cannot be."""
    code = ("import sysconfig; print(sysconfig.get_paths()['include']); "
            "print(sysconfig.get_config_var('EXT_SUFFIX') or '.so')")
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    include, suffix = said.split()
    if not os.path.exists(os.path.join(include, "Python.h")):
        return None
    need_program("cc")
    target = scratch("leaking" + suffix)
    subprocess.run(["cc", "-O1", "-g", "-shared", "-fPIC", "-I" + include, "-o", target,
                    os.path.join(FOLDER, "leaking.c")], check=True)
    return os.path.dirname(target)


def python_frames(site):
    return [[f["function"], f["file"], f["line"]] for f in site["frames"]
            if f["language"] == "python"]


def difference(site):
    """What is wrong with a site whose Python frames are the truth's; None: nothing."""
    native = [f for f in site["frames"] if f["language"] != "python"]
    if site["stack_end"] != "depth" and any(f["guessed"] for f in site["frames"]
                                            if f["language"] == "python"):
        return "its order is a guess"
    if site["stack_end"] not in ("whole", "depth"):
        return f"its stack ends by {site['stack_end']}"
    if site["stack_end"] == "whole" and any(f["function"] in EVALUATORS for f in native):
        return "a frame of the evaluator is left"
    if any(f["module"] is not None for f in site["frames"] if f["language"] == "python"):
        return "a Python frame has a module"
    first = next(i for i, f in enumerate(site["frames"]) if f["language"] == "python")
    if not site["frames"][0]["allocator"] or first == 0:
        return "the leaf is not the allocator"
    return None


def native_between(site, function):
    """Is the native function there, with Python frames outside of it?"""
    languages = [f["language"] for f in site["frames"]]
    at = next((i for i, f in enumerate(site["frames"]) if f["function"] == function), None)
    return at is not None and "python" in languages[at + 1:]


def check_case(sites, truth):
    """None, or what is wrong."""
    case, size, wanted = truth["case"], truth["size"], truth["frames"]
    own = [s for s in sites if s["largest"] == size]
    for site in own:
        if python_frames(site) == wanted:
            wrong = difference(site)
            if not wrong and NATIVE.get(case) and not native_between(site, NATIVE[case]):
                wrong = f"no {NATIVE[case]} under Python: " \
                        f"{[f['function'] for f in site['frames']][:8]}"
            return wrong and f"{case}: {wrong}"
    return (f"{case}: {[f[::2] for f in wanted[:4]]} not in "
            f"{[[f[::2] for f in python_frames(s)[:4]] for s in own]}")


def check(report, pid, truths):
    """All truths are of that process."""
    fine(report)
    sites = report.sites(pid)
    require({t["pid"] for t in truths} == {pid}, "the truths are of other processes")
    distinct = {json.dumps(t, sort_keys=True): t for t in truths}
    wrong = [w for t in distinct.values() if (w := check_case(sites, t))]
    require(not wrong, "; ".join(wrong[:4]))
    for size in {t["size"] for t in truths}:
        live = sum(s["live_count"] for s in sites if s["largest"] == size)
        told = sum(t["size"] == size for t in truths)
        require(live == told, f"{live} blocks of {size} bytes, not {told}")
    runtime = report.process(pid)["runtime"] or ""
    require(runtime.startswith("python "), f"the runtime is {runtime!r}")


def trace_one(python, *options):
    """Attaches to the program before it begins; the report and the truths."""
    folder = extension(python)
    target = Target("frames", argv=[python, SOURCE, *([folder] if folder else [])])
    trace = Trace("-p", target.pid, *LARGE, *options).attached()
    target.work()
    return trace.stop(), target


@each("python.frames.{}", KNOWN)
def frames(minor):
    for python in of_minor(minor):
        report, target = trace_one(python)
        cases = {t["case"] for t in target.truths}
        require({"sort", "lambda", "generator", "comprehension", "thread"} <= cases,
                f"the fixture did only {cases}")
        check(report, target.pid, target.truths)


@test("python.frames.run")
def frames_run():
    """From the first instruction on, before there is an interpreter."""
    told = Told()
    report = run(told, system_python(), SOURCE, options=LARGE)
    check(report, told.pid(), told.truths())


@test("python.frames.run-library")
def frames_run_library():
    """The same where the interpreter is a library, mapped later."""
    for minor in reversed(KNOWN):
        try:
            python = of_minor(minor)[0]
        except Skip:
            continue
        libraries = subprocess.run(["ldd", python], capture_output=True, text=True,
                                   check=False).stdout
        if "libpython" in libraries:
            told = Told()
            report = run(told, python, SOURCE, options=LARGE)
            check(report, told.pid(), told.truths())
            return
    raise Skip("no interpreter here has its library apart")


@test("python.frames.fork")
def frames_fork():
    """Children are what their parent is, before anything is read of them."""
    target = Target("frames", argv=[system_python(), SOURCE, "fork"])
    trace = Trace("-p", target.pid, *LARGE).attached()
    target.tell()
    for _ in range(3):
        # its own probes come a moment after its birth; its names are read from its memory
        for word in ("born", "leaked"):
            target.until(word)
            trace.idle()
            target.tell()
    target.until("done")
    report = trace.stop()
    require(len(target.truths) == 3, f"{len(target.truths)} truths, not 3")
    for truth in target.truths:
        require(truth["pid"] != target.pid, "it did not fork")
        check(report, truth["pid"], [truth])


@test("python.frames.off")
def frames_off():
    """--no-python leaves the native frames as they are."""
    report, target = trace_one(system_python(), "--no-python")
    fine(report)
    frames = [f for s in report.sites(target.pid) for f in s["frames"]]
    require(not any(f["language"] == "python" for f in frames), "there are Python frames")
    require(any(f["function"] in EVALUATORS for f in frames), "there is no evaluator")
