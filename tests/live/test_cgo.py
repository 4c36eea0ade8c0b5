# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Stacks of C code that Go code calls: they go on over the change of stacks, to the first frame."""

import os
import shutil
import subprocess

from harness import Skip, each, note, require, scratch
from test_stacks import outline
from tracer import fine, run

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "cgo")
BUILDS = {
    "plain": [],
    "stripped": ["-ldflags=-s -w"],
    "pie": ["-buildmode=pie"],
    "pie-stripped": ["-buildmode=pie", "-ldflags=-s -w"],
    "static": ["-ldflags=-linkmode external -extldflags -static"],
}
CALLED = ["main._Cfunc_c_outer", "main.goInner", "main.goOuter"]
# What must be there, in this order, by the size of the block.
FRAMES = {
    40001: [*CALLED, "main.main", "runtime.main", "runtime.goexit"],
    40002: [*CALLED, "main.inGoroutine"],
    40003: ["main._Cfunc_c_outer", "main.goBack", "runtime.cgocallback", "crosscall2", "goBack",
            "c_calls_go", "runtime.asmcgocall", "main._Cfunc_c_calls_go", "main.goDown",
            "main.main", "runtime.main", "runtime.goexit"],
}


def build(kind):
    if not shutil.which("go"):
        raise Skip("no go")
    path = scratch(f"cgo-{kind}")
    done = subprocess.run(["go", "build", "-o", path, *BUILDS[kind], "."], cwd=SOURCE,
                          env=dict(os.environ, GO111MODULE="off", CGO_ENABLED="1"),
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip(f"go build: {done.stderr.strip()[-200:]}")
    return path


def names_of(site):
    """Functions without what Go's linker adds for the calling convention."""
    return [(f["function"] or "?").removesuffix(".abi0") for f in site["frames"]]


def check_site(report, kind, size):
    sites = [s for s in report.sites() if s["largest"] == size]
    require(len(sites) == 1 and sites[0]["live_count"] == 1, f"{size}: {len(sites)} sites")
    site, names = sites[0], names_of(sites[0])
    note(outline(site["frames"]))
    require(site["stack_end"] == "whole", f"{size}: {site['stack_end']}: {names}")
    require(names[-1] == "runtime.goexit", f"{size}: it ends in {names[-1]}")
    out = names.index("runtime.asmcgocall")
    if "stripped" not in kind:
        require(names[1:3] == ["c_inner", "c_outer"] and out == 4, f"{size}: {names}")
    # up to Go 1.20 the way back leads past the runtime's own function that called C
    found = iter(n for n in names[out + 1:] if n != "runtime.cgocall")
    missing = [w for w in FRAMES[size] if w not in found]
    require(not missing, f"{size}: {missing} not there, or not in order: {names}")
    if size != 40003:
        wanted = [*FRAMES[size]] + ["runtime.goexit"] * (size == 40002)
        # Go wraps what a goroutine begins with
        plain = [n for n in names[out + 1:]
                 if n != "runtime.cgocall" and not n.startswith("main.main.")]
        require(plain == wanted, f"{size}: {plain}, not {wanted}")


@each("cgo.{}", BUILDS)
def cgo(kind):
    report = fine(run(None, build(kind), options=["--no-inline"]))
    for size in FRAMES:
        # C functions that Go calls back from keep no frame pointer, and have no names
        if size != 40003 or "stripped" not in kind:
            check_site(report, kind, size)
