# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is seen of the whole host: who is killed for want of memory, who grows, and where."""

import json
import os
import subprocess
import time

from harness import PATIENCE, Skip, cleanup, fixture, require, start, test
from target import Target
from tracer import Trace

MIB = 1 << 20
MEMORY = {"/sys/fs/cgroup/memory": "memory.limit_in_bytes", "/sys/fs/cgroup": "memory.max"}


def remove_cgroup(path):
    for _ in range(50):
        try:
            os.rmdir(path)
            return
        except OSError:
            time.sleep(0.1)


def small_cgroup(limit):
    """A memory cgroup with that limit, and one without a limit inside of it: its path, inner's."""
    for mount, file in MEMORY.items():
        path = os.path.join(mount, f"seep-triage-{os.getpid()}")
        try:
            os.mkdir(path)
        except OSError:
            continue
        cleanup(remove_cgroup, path)
        if not os.path.exists(os.path.join(path, file)):
            continue
        with open(os.path.join(path, file), "w", encoding="ascii") as text:
            text.write(str(limit))
        inner = os.path.join(path, "inner")
        os.mkdir(inner)
        cleanup(remove_cgroup, inner)
        return path[len(mount):], inner
    raise Skip("no memory cgroup can be made here")


def into(group, target):
    with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as procs:
        procs.write(str(target.pid))


def kill_for_memory(form):
    path, inner = small_cgroup(24 * MIB)
    target = Target("hungry", "10240")
    into(inner, target)
    trace = Trace("-p", target.pid, form=form).attached()
    target.tell()
    require(target.process.wait(30 * PATIENCE) == -9, "it was not killed")
    return path, target, trace.wait(20)


@test("oom.report")
def oom_report():
    """A traced process is killed: which limit it was, and where its memory was taken."""
    path, target, report = kill_for_memory("json")
    process = report.process(target.pid)
    require(process["oom_killed"], f"not said to be killed: {process['evidence']}")
    require(process["oom_kills"] == 1, f"{process['oom_kills']} kills")
    require(process["limit_bytes"] == 24 * MIB, f"limit {process['limit_bytes']}")
    require(process["limit_name"].endswith(f" of cgroup {path}"), process["limit_name"])
    require(process["limit_room_bytes"] == 0, f"room {process['limit_room_bytes']}")
    require(process["verdict"] == "leak", f"{process['verdict']}: {process['evidence']}")
    live = report.sum("take_block", "live_bytes", target.pid)
    require(15 * MIB < live < 24 * MIB, f"{live} bytes live at take_block")


@test("oom.words")
def oom_words():
    path, target, report = kill_for_memory("text")
    require(report.code == 10, f"exit code {report.code}")
    said = " ".join(report.out.split())
    for words in (f"(pid {target.pid}) leaks", f"of cgroup {path}.", "take_block",
                  "Killed by the kernel for want of memory: limit 24.0 MiB, memory.",
                  ", was killed for want of memory"):
        require(words in said, f"{words!r} is not in {report.out!r}")


def ask(*arguments, seconds=30):
    """What tests/triage says, a JSON document a line."""
    done = subprocess.run([fixture("triage"), *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=seconds * PATIENCE, check=False)
    require(done.returncode == 0, done.stderr.decode(errors="replace"))
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


@test("triage.rank")
def rank():
    """Of two processes of one program, one grows."""
    steady, leaker = Target("hungry", "0"), Target("hungry", "8192")
    for target in (steady, leaker):
        target.tell()
    found = {s["pid"]: s for s in ask("rank", 3, 15, "hungry")}
    require(steady.pid not in found, f"accused a steady one: {found.get(steady.pid)}")
    require(leaker.pid in found, f"{leaker.pid} is not among {found}")
    suspect = found[leaker.pid]
    require(suspect["shape"] == "rising", f"{suspect}")
    # on a busy machine it comes to less than it means to; what the rate is worth is unit tested
    require(0.1 < suspect["rate"] / (8 * MIB) < 1.2, f"{suspect['rate']} bytes a second")
    require("% an hour of" in suspect["reason"], suspect["reason"])


@test("triage.look")
def look():
    """Looks cost little, the later ones less, since nothing much has changed."""
    looks = ask("look", 4, 0.1)
    require(len(looks) == 4, f"{looks}")
    require(all(one["processes"] > 2 and one["left_out"] == 0 for one in looks), f"{looks}")
    each = min(one["cpu_seconds"] / one["processes"] for one in looks[1:])
    require(each < 2e-4, f"{each * 1e6:.0f} us a process")


def grown(target, *options, seconds=1.5):
    """What the growth probe has seen of a process that began after it."""
    probe = start([fixture("triage"), "growth", str(seconds), str(target.pid), *options],
                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    if not probe.stdout.readline():
        raise Skip("this kernel does not tell of page faults")
    target.tell()
    counts = json.loads(probe.stdout.readline())
    probe.wait(10 * PATIENCE)
    return counts


@test("triage.growth")
def growth():
    """Pages, by the code that touches them first."""
    target = Target("hungry", "16384", "map")
    counts = grown(target, "10")
    require(counts["attached"], f"{counts}")
    pages = counts["faults"] * 4096 / MIB
    require(1 < pages < 30, f"{pages:.1f} MiB first touched in 1.5 s, of 16 a second")
    top = counts["stacks"][0]
    modules = [f["module"] or "" for f in top["frames"]]
    require(top["faults"] > counts["faults"] * 0.8, f"{counts}")
    require(any(m.endswith("/hungry") for m in modules), f"{top}")
    require(counts["mapped"] == 0, "calls are counted though nobody asked for it")


@test("triage.growth-calls", "map", "mapped")
@test("triage.growth-calls-brk", "heap", "broken")
def growth_calls(how, field):
    target = Target("hungry", "8192", how)
    counts = grown(target, "10", "calls")
    asked = counts[field] / MIB
    require(0.5 < asked < 15, f"{asked:.1f} MiB asked for, of 8 a second: {counts}")
    sites = [s for s in counts["stacks"] if s["bytes"] > counts[field] * 0.8]
    require(sites, f"{counts['stacks']}")


@test("triage.growth-budget")
def growth_budget():
    """What costs more than its budget is taken out."""
    target = Target("hungry", "16384", "map")
    counts = grown(target, "1e-9")
    require(not counts["attached"], f"{counts}")
    require(counts["cost"] > 0 and counts["hits_per_second"] > 1000, f"{counts}")


@test("triage.growth-crowded")
def growth_crowded():
    """Processes that have ended make room for those that come."""
    target = Target("hungry", "16384", "map")
    probe = start([fixture("triage"), "growth", "4", str(target.pid), "10", "few"],
                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    if not probe.stdout.readline():
        raise Skip("this kernel does not tell of page faults")
    subprocess.run(["sh", "-c", "for i in $(seq 300); do /bin/true; done"], check=True)
    target.tell()
    counts = json.loads(probe.stdout.readline())
    probe.wait(10 * PATIENCE)
    require(counts["processes_lost"] > 0, f"the table was never full: {counts}")
    require(counts["faults"] * 4096 > MIB, f"it was not seen: {counts}")
