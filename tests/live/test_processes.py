# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whose block it is: fork, vfork, exec, exit, namespaces, and how targets are selected."""

import os
import shutil
import subprocess
import time

from harness import Failure, Skip, cleanup, fixture, need_program, require, scratch, start, test
from target import Target, Told, children_of
from tracer import Trace, binary, compare, fine, leaf_is, run, seep


def truth_of(truths, function):
    return next(t for t in truths if function in t["sites"])


@test("fork.attach")
def fork_attach():
    """The child's frees of what it inherited are its own; nothing counts twice."""
    target = Target("process", "fork", "1")
    trace = Trace("-p", target.pid).attached()
    target.work()
    report = trace.stop()
    check_fork(report, target.truths, target.pid)


@test("fork.run")
def fork_run():
    told = Told()
    report = run(told, fixture("process"), "--now", "fork")
    check_fork(report, told.truths(), told.pid())


def check_fork(report, truths, parent):
    child = truth_of(truths, "leak_child")
    compare(report, child, skip=("leak_inherited",))
    compare(report, truth_of(truths, "leak_parent"))
    require(report.sum("leak_inherited", "live_bytes") == 7 * 2000,
            f"inherited blocks count {report.sum('leak_inherited', 'live_count')} times, not 7")
    require(report.process(child["pid"])["inherited_frees"] == 10,
            f"{report.process(child['pid'])['inherited_frees']} frees of inherited blocks, not 10")
    require(report.process(parent)["unmatched_frees"] == 0, "the parent has unmatched frees")
    require(report.process(child["pid"])["unmatched_frees"] == 0, "the child has unmatched frees")


@test("fork.no-follow")
def fork_no_follow():
    target = Target("process", "fork")
    trace = Trace("-p", target.pid, "--no-follow").attached()
    target.work()
    report = trace.stop()
    compare(report, truth_of(target.truths, "leak_parent"))
    require(not report.sites_of("leak_child"), "the child is traced in spite of --no-follow")


@test("vfork.attach", "vfork")
@test("spawn.attach", "spawn")
def vfork_attach(mode):
    target = Target("process", mode)
    trace = Trace("-p", target.pid).attached()
    target.work()
    report = trace.stop()
    # the child lives for a moment only: its figures are held against the truth by `run`
    compare(report, truth_of(target.truths, "leak_parent"))


@test("vfork.run", "vfork")
@test("spawn.run", "spawn")
@test("exec.run", "exec")
def exec_run(mode):
    told = Told()
    report = run(told, fixture("process"), "--now", mode)
    for truth in told.truths():
        compare(report, truth)


@test("exec.attach")
def exec_attach():
    """The address space before exec is retired, the one after it is another."""
    target = Target("process", "exec")
    trace = Trace("-p", target.pid).attached()
    target.work()
    report = trace.stop()
    fine(report)
    process = report.process(target.pid)
    require(process["missed_frees"] == 0, "addresses of before the exec are still known after it")
    spaces = report.of(target.pid)
    require(len({p["generation"] for p in spaces}) == len(spaces),
            "two address spaces of one generation")
    compare(report, truth_of(target.truths, "leak_before_exec"))
    live = report.sum("leak_after_exec", "live_count", target.pid)
    require(0 <= live <= 9, f"{live} blocks after the exec, not at most 9")


@test("exit.attach")
def exit_attach():
    """The target ends during the trace: seep ends with what was live at exit."""
    target = Target("process", "exit")
    trace = Trace("-p", target.pid).attached()
    truth = target.work()
    target.leave()
    report = trace.wait(15)
    compare(report, truth)
    require(report.process(target.pid)["exited"], "the process is not told as ended")
    require(report.process(target.pid)["exe"].endswith("/process"), "its executable is forgotten")


@test("exit.run-verdict")
def exit_run_verdict():
    told = Told()
    report = run(told, fixture("process"), "--now", "exit")
    compare(report, told.truths()[0])
    verdicts = {s["verdict"] for s in report.sites_of("leak_parent") if s["live_count"]}
    require(verdicts == {"live at exit"}, f"verdicts {verdicts}")


@test("exit.killed")
def exit_killed():
    """A target that is killed ends in a report too."""
    target = Target("blocks", "forever")
    trace = Trace("-p", target.pid).attached()
    target.tell()
    time.sleep(0.5)
    target.process.kill()
    report = trace.wait(15)
    fine(report)
    require(report.sum("flood_malloc", "live_count", target.pid) > 10, "its blocks are gone")


@test("run.status")
def run_status():
    told = Told()
    argv = [binary(), "run", "--format", "json", "--exit-status", "--", fixture("process"),
            "--now", "status", "7"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, env=told.env,
                          timeout=60, check=False)
    require(done.returncode == 7, f"--exit-status: {done.returncode}, not the child's 7")


@test("run.arguments")
def run_arguments():
    """Quotes, spaces and options of the command reach it as they are."""
    words = ["a b", "it's", '"', "$HOME", "", "--format", "-p", "*", "\\"]
    told = Told()
    script = "import sys; open(sys.argv[1], 'w').write(repr(sys.argv[2:]))"
    report = run(told, shutil.which("python3"), "-c", script, scratch("words"), *words)
    fine(report)
    with open(scratch("words"), encoding="utf-8") as written:
        require(written.read() == repr(words), "the arguments were changed")


@test("run.path")
def run_path():
    """The command is found in $PATH, its stdin is seep's."""
    need_program("cat")
    argv = [binary(), "run", "--format", "json", "-o", scratch("x.seep"), "--", "cat"]
    done = subprocess.run(argv, input=b"passed through\n", capture_output=True, timeout=60,
                          check=False)
    require(b"passed through" in done.stdout, f"stdin did not reach it: {done.stderr[-200:]!r}")


@test("namespace.pid")
def namespace_pid():
    """In a pid namespace of its own: both ids are told."""
    need_program("unshare")
    target = Target("entries-glibc", before=("unshare", "--pid", "--fork", "--kill-child"))
    inner = children_of(target.process.pid)[0]
    require(target.ns_pid == 1, f"pid {target.ns_pid} in its namespace")
    trace = Trace("-p", inner).attached()
    truth = target.work()
    report = trace.stop()
    compare(report, truth, pid=inner)
    require(report.process(inner)["ns_pid"] == 1, f"ns_pid {report.process(inner)['ns_pid']}")


@test("namespace.mount")
def namespace_mount():
    """A root and a C library of its own, on a file system that seep does not see."""
    need_program("unshare", "chroot", "ldd")
    source = fixture("entries-glibc")
    root = scratch("root")
    os.mkdir(root)
    libraries = [w for w in subprocess.run(["ldd", source], capture_output=True, text=True,
                                           check=True).stdout.split() if w.startswith("/")]
    copies = "; ".join(f"mkdir -p {root}{os.path.dirname(l)}; cp -L {l} {root}{l}"
                       for l in [*libraries, source])
    script = f"mount -t tmpfs none {root} && {copies} && exec chroot {root} {source}"
    try:
        target = Target("entries-glibc", argv=["unshare", "--mount", "--propagation", "private",
                                               "sh", "-c", script])
    except Failure as error:
        raise Skip(f"no mount namespace here: {error}") from error
    require(not os.path.exists(root + source), "the root is visible from outside")
    trace = Trace("-p", target.pid).attached()
    truth = target.work()
    report = trace.stop()
    compare(report, truth)
    leaf_is(report, "leak_malloc", "malloc")


def named(name, alias):
    """The fixture under a comm of its own."""
    path = scratch(alias)
    os.symlink(fixture(name), path)
    return path


@test("select.comm-late")
def select_comm_late():
    """--comm: a process that starts later is picked up within a second."""
    alias = f"late{os.getpid()}"
    path = named("entries-glibc", alias)
    early = Target("entries-glibc", argv=[path])
    trace = Trace("--comm", f"{alias}*").attached()
    late = Target("entries-glibc", argv=[path])
    time.sleep(1.0)
    trace.idle()
    truths = [early.work(), late.work()]
    report = trace.stop()
    for truth in truths:
        compare(report, truth)
    require({p["pid"] for p in report.processes} == {early.pid, late.pid},
            f"other processes in the report: {[(p['pid'], p['comm']) for p in report.processes]}")


@test("select.comm-only-late")
def select_comm_only_late():
    """--comm of a name that nobody bears yet: seep waits for it."""
    alias = f"only{os.getpid()}"
    path = named("entries-glibc", alias)
    trace = Trace("--comm", alias)
    time.sleep(1.5)
    require(trace.process.poll() is None, "seep did not wait for a process of that name")
    late = Target("entries-glibc", argv=[path])
    truth = trace.attached() and late.work()
    compare(trace.stop(), truth)


@test("select.several")
def select_several():
    targets = [Target("entries-glibc"), Target("entries-musl-static"), Target("entries-jemalloc")]
    others = Target("entries-glibc")
    trace = Trace(*[w for t in targets for w in ("-p", t.pid)]).attached()
    truths = [t.work() for t in targets]
    others.work()
    report = trace.stop()
    for truth in truths:
        compare(report, truth)
    require(not report.of(others.pid), "a process that was not asked for is in the report")


@test("select.idle")
def select_idle():
    """A process that was asked for and did nothing is in the report, with nothing."""
    target = Target("process", "exit")
    trace = Trace("-p", target.pid).attached()
    report = fine(trace.stop())
    require([p["pid"] for p in report.processes] == [target.pid], "the process is not reported")
    require(report.processes[0]["live_count"] == 0, "it has blocks")


@test("select.all")
def select_all():
    """-a, system-wide: of the report only our own processes are looked at."""
    early = Target("entries-glibc")
    trace = Trace("-a", "--ring-bytes", 64 << 20).attached(seconds=60, still=2).settled()
    late = Target("entries-musl")
    time.sleep(1.2)
    trace.idle(5)
    truths = [early.work(), late.work()]
    report = trace.stop(seconds=60)
    if report.health["dropped"]:
        raise Skip("the host allocates more than the ring holds")
    report.code = 0 if report.code == 5 else report.code
    for truth in truths:
        compare(report, truth)


@test("select.all-but-traces")
def select_all_but_traces():
    """Two traces of a host would trace each other's work, and what comes of it, for long."""
    earlier = Trace("-a").attached(seconds=60, still=1)
    trace = Trace("-a", "--ring-bytes", 64 << 20).attached(seconds=60, still=1)
    later = seep("trace", "-p", earlier.pid, "--duration", 0.2)
    require(later.code == 0, f"exit code {later.code}: {later.err[-300:]!r}")
    report = trace.stop(seconds=60)
    earlier.stop(seconds=60)
    seen = sum(p["alloc_count"] for p in report.of(earlier.pid))
    require(not seen, f"{seen} allocations of another trace were recorded")


@test("select.cgroup")
def select_cgroup():
    group = make_cgroup()
    inside, outside = Target("entries-glibc"), Target("entries-glibc")
    with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as procs:
        procs.write(str(inside.pid))
    trace = Trace("--cgroup", group).attached()
    truth = inside.work()
    outside.work()
    report = trace.stop()
    compare(report, truth)
    require(not report.of(outside.pid), "a process of another cgroup is in the report")


@test("select.container")
def select_container():
    """--container: the id in the cgroup's path, as docker names its scopes."""
    identity = f"{os.getpid():08x}" + "f00d" * 14
    group = make_cgroup(f"docker-{identity}.scope")
    inside = Target("entries-glibc")
    with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as procs:
        procs.write(str(inside.pid))
    trace = Trace("--container", identity[:12]).attached()
    truth = inside.work()
    report = trace.stop()
    compare(report, truth)
    found = report.process(inside.pid)["container"]
    require(found == identity, f"container {found!r}")


def make_cgroup(name=None):
    for root in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup", "/sys/fs/cgroup/memory"):
        if not os.path.exists(os.path.join(root, "cgroup.procs")):
            continue
        path = os.path.join(root, name or f"seep-live-{os.getpid()}")
        try:
            os.mkdir(path)
        except OSError:
            continue
        # registered before the targets: removed after they have ended
        cleanup(remove_cgroup, path)
        return path
    raise Skip("no cgroup can be made here")


def remove_cgroup(path):
    for _ in range(50):
        try:
            os.rmdir(path)
            return
        except OSError:
            time.sleep(0.1)


@test("reuse.pid")
def reuse_pid():
    """An id that another process bears later: two processes, not one."""
    knob = "/proc/sys/kernel/ns_last_pid"
    if not os.access(knob, os.W_OK):
        raise Skip("no ns_last_pid here")
    alias = f"reuse{os.getpid()}"
    path = named("entries-glibc", alias)
    trace = Trace("--comm", alias)
    first = Target("entries-glibc", argv=[path])
    time.sleep(1.2)
    trace.idle()
    truths = [first.work()]
    first.leave()
    second = None
    for _ in range(20):
        with open(knob, "w", encoding="ascii") as last:
            last.write(str(first.pid - 1))
        second = Target("entries-glibc", argv=[path])
        if second.pid == first.pid:
            break
        second.leave()
    else:
        trace.stop()
        raise Skip("the id was not handed out again")
    time.sleep(1.2)
    trace.idle()
    truths.append(second.work())
    report = trace.stop()
    fine(report)
    found = [p for p in report.of(first.pid) if p["sites"]]
    require(len(found) == 2, f"{len(found)} processes of that id, not 2")
    for process in found:
        require(process["live_count"] >= truths[0]["sites"]["leak_malloc"]["live_count"],
                "one of them has lost its blocks")


@test("late.start-stop")
def late_start_stop():
    """Many short-lived processes under `run`: none is missed."""
    told = Told()
    command = f"for i in 1 2 3 4 5 6; do {fixture('process')} --now exit; done"
    report = run(told, "/bin/sh", "-c", command)
    truths = told.truths()
    require(len(truths) == 6, f"{len(truths)} truths")
    for truth in truths:
        compare(report, truth)


@test("thread.started-later")
def thread_started_later():
    """A process with many threads when seep comes: all are seen, not one."""
    service = start([shutil.which("python3"), "-c", THREADED], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE)
    require(service.stdout.readline() == b"ready\n", "the service did not start")
    trace = Trace("-p", service.pid).attached()
    service.stdin.write(b"\n")
    service.stdin.flush()
    require(service.stdout.readline() == b"done\n", "the service did not do its work")
    report = trace.stop()
    fine(report)
    blocks = sum(s["live_count"] for s in report.sites(service.pid)
                 if s["live_count"] and s["live_bytes"] == 54321 * s["live_count"])
    require(blocks == 4 * 5, f"{blocks} blocks of four threads, not 20")


THREADED = """
import ctypes, sys, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
go = threading.Event()
def work():
    go.wait()
    for i in range(5):
        libc.malloc(ctypes.c_size_t(54321))
threads = [threading.Thread(target=work) for i in range(4)]
[t.start() for t in threads]
print("ready", flush=True)
sys.stdin.readline()
go.set()
[t.join() for t in threads]
print("done", flush=True)
sys.stdin.readline()
"""
