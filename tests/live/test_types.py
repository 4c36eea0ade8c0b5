# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Censuses of Python objects: the target's own gc.get_objects() is the witness.

SEEP_LONG=1: as often as the promises say (20 runs a version; restless ones for a minute each).
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

from harness import Failure, Skip, each, need_program, note, require, start, test, wait_for
from python_target import (KNOWN, SOURCE, Python, copy_of_system_python, of_minor,
                           system_python)
from tracer import Report, binary, seep, until_idle

LONG = bool(os.environ.get("SEEP_LONG"))
RESTLESS = os.path.join(os.path.dirname(SOURCE), "restless.py")
COMMONEST = 50


def census(*pids, options=(), code=0, seconds=60):
    report = seep("types", "-p", ",".join(str(p) for p in pids), "--format", "json", "--limit",
                  "0", *options, seconds=seconds)
    require(report.code == code, f"exit code {report.code}, not {code}: {report.err[-300:]}")
    return report.parse().document


def only(document):
    require(len(document["processes"]) == 1, "not one process")
    return document["processes"][0]


def by_type(process, what="count"):
    return {row["type"]: row[what] for row in process["types"]}


def near(process, truths, share, what, few=8):
    """
    Total and commonest types lie within the truths (before and after), give or take a
    share; a few objects are the bookkeeping of who counted.
    """
    found = by_type(process)
    low, high = min(t["total"] for t in truths), max(t["total"] for t in truths)
    slack = max(few, share * high)
    require(low - slack <= process["objects"] <= high + slack,
            f"{what}: {process['objects']} objects, not {low} to {high}")
    commonest = sorted(truths[0]["counts"], key=truths[0]["counts"].get)[-COMMONEST:]
    for name in commonest:
        values = [t["counts"].get(name, 0) for t in truths]
        slack = max(few, share * max(values))
        require(min(values) - slack <= found.get(name, 0) <= max(values) + slack,
                f"{what}: {found.get(name, 0)} of {name}, not {values}")
    return abs(process["objects"] - truths[-1]["total"])


@each("types.idle-{}", KNOWN)
def idle(minor):
    """All objects, and the 50 commonest types, within 0.05%; all figures are exact."""
    for path in of_minor(minor):
        target = Python(path, 20000)
        for _ in range(20 if LONG else 2):
            truth = target.ask("counts")
            process = only(census(target.pid))
            off = near(process, [truth], 0.0005, path)
            note(f"{path}: {process['objects']} objects, {off} off, {process['seconds']:.3f} s")
            require(process["exact"], "not exact")
            require(process["paused_seconds"] == 0, "it was stopped")
            require(process["version"].startswith(minor + "."), f"version {process['version']}")


@each("types.churn-{}", KNOWN)
def churn(minor):
    """The same within 0.1% while a thread replaces objects all the time."""
    for path in of_minor(minor):
        target = Python(path, 50000 if LONG else 30000, "churn")
        for _ in range(20 if LONG else 1):
            before = target.ask("counts")
            # While it counted, it held all that was replaced meanwhile, and gives it back now.
            time.sleep(0.1)
            process = only(census(target.pid))
            near(process, [before, target.ask("counts")], 0.001, path, few=25)


@each("types.bytes-{}", KNOWN)
def own_bytes(minor):
    """Shallow bytes are what sys.getsizeof says."""
    for path in of_minor(minor):
        target = Python(path, 20000)
        truth = target.ask("counts")["bytes"]
        found = by_type(only(census(target.pid)), "bytes")
        for name in ("tuple", "list", "dict", "set", "deque", "Order", "function"):
            require(abs(found[name] - truth[name]) <= max(20000, truth[name] * 0.002),
                    f"{path}: {found[name]} bytes of {name}, not {truth[name]}")


@each("types.collector-{}", KNOWN)
def collector(minor):
    """The collector's figures; unknown ones are null, never wrong."""
    for path in of_minor(minor):
        target = Python(path, 1000)
        for command in ("disable", "garbage"):
            target.ask(command)
        truth = target.ask("collector")
        found = only(census(target.pid))["gc"]
        rows = found["generations"]
        require([r["threshold"] for r in rows] == truth["threshold"], f"thresholds {rows}")
        require(found["enabled"] in (truth["enabled"], None), f"enabled {found['enabled']}")
        require(found["garbage"] in (truth["garbage"], None), f"garbage {found['garbage']}")
        if minor not in ("2.7", "3.6"):
            require(found["enabled"] is False and found["garbage"] == 3, f"{path}: {found}")
            require(found["frozen"] == truth["frozen"], f"frozen {found['frozen']}")
            for row, stats in zip(rows, truth["stats"]):
                for name in ("collections", "collected", "uncollectable"):
                    require(row[name] == stats[name], f"{path}: {name} {row}, not {stats}")


@test("types.frozen")
def frozen():
    """gc.freeze() takes objects out of gc.get_objects(), and out of the census."""
    target = Python(system_python(), 5000)
    before = only(census(target.pid))["objects"]
    target.ask("freeze")
    process = only(census(target.pid))
    require(abs(process["gc"]["frozen"] - before) < 100, f"frozen {process['gc']['frozen']}")
    require(process["objects"] < 100, f"{process['objects']} objects beside the frozen ones")


@test("types.growth")
def growth_like_objgraph():
    """What grew, type by type, is what objgraph.growth says in the target."""
    path = system_python()
    if subprocess.run([path, "-c", "import objgraph"], capture_output=True,
                      check=False).returncode:
        raise Skip("no objgraph (python3-objgraph)")
    target = Python(path, 2000)
    target.ask("growth")
    run = start([binary(), "types", "-p", str(target.pid), "--every", "4", "--count", "2",
                 "--limit", "0", "--format", "json"], stdout=subprocess.PIPE)
    time.sleep(0.5)
    until_idle(run.pid)
    target.ask("grow")
    theirs = {name: delta for name, _, delta in target.ask("growth")}
    out, _ = run.communicate(timeout=30)
    process = only(json.loads(out))
    ours = {row["type"]: row["above_peak"] for row in process["types"] if row["above_peak"] > 0}
    for name in ("list", "Order", "Frozen"):
        require(theirs.get(name, 0) >= 80, f"objgraph saw {theirs}")
    for name in set(theirs) | set(ours):
        require(abs(theirs.get(name, 0) - ours.get(name, 0)) <= 3,
                f"{name}: {ours.get(name, 0)}, objgraph says {theirs.get(name, 0)}")
    rows = {row["type"]: row for row in process["types"]}
    require(rows["Frozen"]["new"] and not rows["list"]["new"], "what is new")
    require(rows["Order"]["rate"] > 100, f"rate {rows['Order']['rate']}")


@test("types.trend")
def trend():
    """A leak keeps growing, and is told with exit code 10; a steady process is not."""
    leak = start([system_python(), "-c",
                  "import time\nclass Session: pass\nkept = []\nwhile True:\n"
                  "    kept.extend(Session() for _ in range(20))\n    time.sleep(0.02)"])
    time.sleep(0.3)
    options = ("--every", "0.5", "--count", "5")
    process = only(census(leak.pid, options=options, code=10))
    require(process["growth"]["verdict"] == "growing", f"{process['growth']}")
    require(process["growth"]["leader"] == "Session", f"{process['growth']}")
    steady = Python(system_python(), 20000, "churn")
    time.sleep(0.5)
    process = only(census(steady.pid, options=options, code=0))
    require(process["growth"]["verdict"] != "growing", f"{process['growth']}")
    report = seep("types", "-p", leak.pid, *options, seconds=60)
    require("objects keep growing, Session most" in report.out, report.out[-300:])
    require(report.out.count("========") == 10, "five reports, each with its time")


@each("types.collecting-{}", KNOWN)
def collecting(minor):
    """A process that collects all the time is counted all the same, and it is said."""
    for path in of_minor(minor):
        target = Python(path, 5000, "collecting")
        truth = target.ask("counts")
        process = only(census(target.pid))
        near(process, [truth, target.ask("counts")], 0.001, path)
        note(f"{path}: exact: {process['exact']}, {process['tries']} tries")


@test("types.several")
def several():
    """Workers each by itself and all together; by name too."""
    workers = [Python(system_python(), 2000 + 500 * i) for i in range(3)]
    document = census(*[w.pid for w in workers])
    processes = document["processes"]
    require([p["pid"] for p in processes] == [w.pid for w in workers], "which processes")
    together = document["together"]
    require(together["objects"] == sum(p["objects"] for p in processes), "sum of objects")
    for name, count in by_type(together).items():
        require(count == sum(by_type(p).get(name, 0) for p in processes), f"sum of {name}")
    with open(f"/proc/{workers[0].pid}/comm", encoding="ascii") as comm:
        name = comm.read().strip()
    report = seep("types", "--comm", name, "--format", "json", "--limit", "1", seconds=60)
    pids = {p["pid"] for p in report.parse().document["processes"]}
    require({w.pid for w in workers} <= pids, f"--comm {name} found {pids}")
    require(all(len(p["types"]) <= 1 for p in report.document["processes"]), "--limit 1")


@test("types.pause")
def pause():
    """A held process is counted exactly, goes on, and the time is told."""
    target = Python(system_python(), 20000, "churn")
    before = target.ask("counts")
    process = only(census(target.pid, options=("--pause",)))
    near(process, [before, target.ask("counts")], 0.001, "held")
    require(process["exact"] and 0 < process["paused_seconds"] < 10, f"{process}")


@test("types.pause-killed")
def pause_killed():
    """Whatever ends seep while it holds a process lets it go."""
    target = Python(system_python(), 100000)
    for delay in (0.01, 0.02, 0.04, 0.08):
        run = start([binary(), "types", "-p", str(target.pid), "--pause"],
                    stdout=subprocess.DEVNULL)
        time.sleep(delay)
        run.send_signal(signal.SIGKILL)
        run.wait()
        target.ask("collector")
        with open(f"/proc/{target.pid}/status", encoding="ascii") as status:
            tracer = [line for line in status if line.startswith("TracerPid:")][0]
        require(tracer.split()[1] == "0", "still traced")


@test("types.deleted-file")
def deleted_file():
    """An interpreter without 'python' in its name, whose file was replaced meanwhile."""
    path = copy_of_system_python("service")
    target = Python(path, 1000, env={"PYTHONHOME": "/usr"})
    os.unlink(path)
    shutil.copy("/bin/true", path)
    near(only(census(target.pid)), [target.ask("counts")], 0.0005, "deleted")


@test("types.ends")
def ends():
    """A process that ends meanwhile: what was counted is told, and that it ended."""
    target = Python(system_python(), 1000)
    run = start([binary(), "types", "-p", str(target.pid), "--every", "1", "--count", "50",
                 "--format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.5)
    until_idle(run.pid)
    target.process.kill()
    target.process.wait()
    out, _ = run.communicate(timeout=30)
    process = only(json.loads(out))
    require(run.returncode == 5, f"exit code {run.returncode}, not 5")
    require("ended" in process["error"] and process["objects"] > 1000, f"{process['error']}")


@test("types.interrupted")
def interrupted():
    """Ctrl-C ends it with what is known."""
    target = Python(system_python(), 1000)
    run = start([binary(), "types", "-p", str(target.pid), "--every", "30", "--format", "json"],
                stdout=subprocess.PIPE)
    time.sleep(0.5)
    until_idle(run.pid)
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=60)
    require(run.returncode == 0, f"exit code {run.returncode}")
    require(only(json.loads(out))["objects"] > 1000, "no objects")


def refused(report, code, *words):
    require(report.code == code, f"exit code {report.code}, not {code}: {report.err[-300:]!r}")
    for word in words:
        require(word in report.err, f"no {word!r} in {report.err[-300:]!r}")
    require(not report.out.strip(), f"stdout is not empty: {report.out[:100]!r}")


@test("types.refusals")
def refusals():
    sleeper = start(["sleep", "60"])
    refused(seep("types", "-p", sleeper.pid), 2, "not CPython", "seep trace")
    child = subprocess.Popen(["true"])
    child.wait()
    refused(seep("types", "-p", child.pid), 4, str(child.pid))
    refused(seep("types", "--comm", "no-such-*"), 4, "no process")
    refused(seep("types"), 2, "which processes")
    refused(seep("types", "-p", "1", "--count", "3"), 2, "--every")
    refused(seep("types", "-p", "1", "--format", "pprof"), 2, "text or json")
    refused(seep("types", "-p", "1", "--comm", "x"), 2, "exclude")


@test("types.not-root")
def not_root():
    need_program("setpriv")
    target = Python(system_python(), 100)
    copy = os.path.join(os.path.dirname(copy_of_system_python("x")), "seep")
    shutil.copy(binary(), copy)
    os.chmod(copy, 0o755)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           "--inh-caps=-all", "--bounding-set=-all", copy, "types", "-p",
                           str(target.pid)], capture_output=True, text=True, timeout=30,
                          check=False)
    refused(Report(done.returncode, done.stdout, done.stderr), 3, "CAP_SYS_PTRACE")


# A child's peak begins with what its parent had when it forked: this one has little.
PEAK_OF = ("import resource, subprocess, sys;"
           "status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode;"
           "print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")


@test("types.memory")
def memory():
    """A census takes the same little memory whatever it counts: below 32 MB."""
    target = Python(system_python(), 200000)
    told = subprocess.run([sys.executable, "-c", PEAK_OF, binary(), "types", "-p",
                           str(target.pid)], capture_output=True, text=True, check=True).stdout
    status, peak = map(int, told.split())
    require(status == 0, f"status {status}")
    note(f"{peak} kB at most")
    require(peak < 32 << 10, f"{peak} kB")


def restless_runs(path, seconds, seed):
    """Censuses of a process that does everything at once; neither may break."""
    target, kinds, runs = None, {}, 0
    end = time.monotonic() + seconds
    while runs < 4 or time.monotonic() < end:
        if target is None or target.poll() is not None:
            require(target is None or target.returncode == 0,
                    f"{path}: it ended with {target and target.returncode}")
            seed += 1
            target = start([path, "-W", "ignore", RESTLESS, str(seed), "4" if LONG else "2"])
            time.sleep(0.1 + random.random() * 0.3)
        began = time.monotonic()
        report = seep("types", "-p", target.pid, "--format", "json",
                      *(("--pause",) if runs % 4 == 3 else ()), seconds=60)
        require(report.code in (0, 4, 5), f"{path}: exit code {report.code}: {report.err}")
        require(time.monotonic() - began < 20, f"{path}: {time.monotonic() - began:.1f} s")
        kind = report.code
        if report.code == 0:
            kind = "exact" if only(report.parse().document)["exact"] else "near"
        kinds[kind] = kinds.get(kind, 0) + 1
        runs += 1
    note(f"{path}: {runs} runs: {kinds}")
    require(target.wait(60) == 0, f"{path}: it ended with {target.returncode}")
    counted = kinds.get("exact", 0) + kinds.get("near", 0)
    require(counted >= runs / 2, f"{path}: {counted} of {runs} counted: {kinds}")


@each("types.restless-{}", KNOWN)
def restless(minor):
    paths = of_minor(minor)
    for path in paths:
        restless_runs(path, 70 / len(paths) if LONG else 1, 1000)
