# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is seen of the whole host: who is killed for want of memory, who grows, and where."""

import os
import time

from harness import Skip, cleanup, require, test
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
    require(target.process.wait(30) == -9, "it was not killed")
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
