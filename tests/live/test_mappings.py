# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Code that comes and goes: stacks stay right, and what the kernel keeps stays small."""

import json
import os
import re
import shutil
import subprocess
import time

from harness import Skip, cleanup, fixture, need_program, note, require, scratch, test, wait_for
from target import Target, Told
from tracer import Trace, fine, run

LIBRARY = ["inner", "outer", "leak", "leak_in"]
HERE = ["leak_here", "via_leak_here"]
KNOWN_SECONDS = 1.5	# by then what a process has mapped has been read, and its tables are in


def chain(site):
    """The functions after the allocator's own, those of both libraries by one name."""
    names = [f["function"] or "?" for f in site["frames"] if not f["allocator"]]
    return [re.sub("^(first|second)_", "", name) for name in names]


def sites_of_size(report, size, pid=None):
    return [s for s in report.sites(pid) if s["largest"] == size]


def whole_and_right(report, size, wanted, count, pid=None):
    """All blocks of that size come of that chain, whole and not guessed."""
    sites = sites_of_size(report, size, pid)
    wrong = [(s["stack_end"], chain(s)) for s in sites
             if s["stack_end"] != "whole" or chain(s)[:len(wanted)] != wanted or
             "main" not in chain(s) or any(f["guessed"] for f in s["frames"])]
    require(not wrong, f"size {size}: {wrong[:3]}")
    blocks = sum(s["alloc_count"] for s in sites)
    require(blocks == count, f"{blocks} blocks of size {size}, not {count}")


def step(target, trace):
    target.tell()
    target.until("step")
    time.sleep(KNOWN_SECONDS)
    trace.idle()


def finds_vmas():
    """Whether the kernel can be asked for what is mapped at an address (5.17)."""
    done = subprocess.run(["bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux"],
                          capture_output=True, text=True, check=False)
    if "BPF_FUNC_find_vma" not in done.stdout:
        raise Skip("no bpf_find_vma here")


def open_again(library):
    target = Target("mappings", "again", library)
    trace = Trace("-p", target.pid, "--no-inline").attached()
    step(target, trace)
    target.work()
    report = fine(trace.stop())
    whole_and_right(report, 641, LIBRARY, 20)


@test("mappings.dlopen")
def mappings_dlopen():
    """A library whose table is there is walked from the moment that it is opened."""
    finds_vmas()
    open_again(fixture("mappings-first.so"))


@test("mappings.overlay")
def mappings_overlay():
    """The same on an overlay, where user space is shown another device than the kernel's."""
    finds_vmas()
    base = scratch("overlay")
    layers = {name: os.path.join(base, name) for name in ("lower", "upper", "work", "merged")}
    os.mkdir(base)
    subprocess.run(["mount", "-t", "tmpfs", "none", base], check=True)
    cleanup(subprocess.run, ["umount", "-l", base])
    for folder in layers.values():
        os.mkdir(folder)
    shutil.copy(fixture("mappings-first.so"), layers["lower"])
    options = "lowerdir={lower},upperdir={upper},workdir={work}".format(**layers)
    done = subprocess.run(["mount", "-t", "overlay", "none", "-o", options, layers["merged"]],
                          capture_output=True, check=False)
    if done.returncode:
        raise Skip("no overlay here")
    cleanup(subprocess.run, ["umount", "-l", layers["merged"]])
    open_again(os.path.join(layers["merged"], "mappings-first.so"))


@test("mappings.other-process")
def mappings_other_process():
    """What one process has mapped is known in another that opens it later."""
    finds_vmas()
    library = fixture("mappings-second.so")
    knows = Target("mappings", "open", library)
    target = Target("mappings", "churn", library, library)
    knows.tell()
    knows.until("done")
    trace = Trace("-p", knows.pid, "-p", target.pid, "--no-inline").attached()
    target.tell()
    target.until("step")
    report = fine(trace.stop())
    whole_and_right(report, 640, LIBRARY, 1, target.pid)


@test("mappings.churn")
def mappings_churn():
    """Two libraries in turn, one where the other was: neither's table leads through both."""
    finds_vmas()
    target = Target("mappings", "churn", fixture("mappings-first.so"),
                    fixture("mappings-second.so"))
    trace = Trace("-p", target.pid, "--no-inline").attached()
    step(target, trace)
    step(target, trace)
    target.work()
    report = fine(trace.stop())
    whole_and_right(report, 641, LIBRARY, 25)
    whole_and_right(report, 642, LIBRARY, 25)


@test("mappings.many")
def mappings_many():
    """The C library is beyond the 1,500th of them."""
    target = Target("mappings", "many")
    trace = Trace("-p", target.pid, "--no-inline").attached()
    step(target, trace)
    target.work()
    whole_and_right(fine(trace.stop()), 641, HERE, 20)


def run_fixture(*arguments):
    """Under `seep run`, which has its probes in children from their first instruction on."""
    told = Told()
    return fine(run(told, fixture("mappings"), "--now", *arguments, options=["--no-inline"]))


@test("mappings.fork-chain")
def mappings_fork_chain():
    """A child of a child, 30 deep: each is right from its first instruction on."""
    whole_and_right(run_fixture("chain", "30"), 641, HERE + ["chain"], 31)


@test("mappings.fork-many")
def mappings_fork_many():
    whole_and_right(run_fixture("forks", "300"), 641, HERE + ["forks"], 300)


def spaces_kept(trace):
    """How many address spaces the kernel side keeps mappings of."""
    for descriptor in os.listdir(f"/proc/{trace.pid}/fdinfo"):
        try:
            with open(f"/proc/{trace.pid}/fdinfo/{descriptor}", encoding="ascii") as info:
                number = re.search(r"^map_id:\s*(\d+)", info.read(), re.M)
        except FileNotFoundError:
            continue
        if not number:
            continue
        about = json.loads(subprocess.run(["bpftool", "-j", "map", "show", "id", number[1]],
                                          capture_output=True, check=True).stdout)
        if about.get("name") == "unwind_spaces":
            dump = subprocess.run(["bpftool", "-j", "map", "dump", "id", number[1]],
                                  capture_output=True, check=True).stdout
            return len(json.loads(dump))
    return None


def chunks_kept(trace):
    """Chunks of unwind memory: what the collector shares with the kernel, 64 KiB each."""
    with open(f"/proc/{trace.pid}/maps", encoding="ascii") as maps:
        ranges = [line.split()[0].split("-") for line in maps if "bpf-map" in line]
    return sum(int(end, 16) - int(start, 16) == 65536 for start, end in ranges)


def many_short(target, most_chunks):
    """Thousands of short processes leave nothing behind."""
    need_program("bpftool")
    trace = Trace("-p", target.pid, "--no-inline").attached()
    before = chunks_kept(trace)
    target.work()
    wait_for("spaces forgotten", 10, lambda: spaces_kept(trace) <= 2, 0.2)
    after = chunks_kept(trace)
    note(f"{before} chunks, then {after}")
    require(before > 0, "no unwind memory was found")
    require(after <= most_chunks, f"{after} chunks, {before} before")
    fine(trace.stop())


@test("mappings.short.forks", "forks", "2000")
@test("mappings.short.execs", "execs", "200", shutil.which("true"))
def mappings_short(*arguments):
    many_short(Target("mappings", *arguments), 24)
