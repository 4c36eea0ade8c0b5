# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A sweep of the host: planted leakers among steady processes are found, nothing else is accused, and
whatever goes wrong costs no report. Each test has names of its own and sweeps only these.
"""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from harness import PATIENCE, Skip, fixture, need_program, require, scratch, start, test, wait_for
from target import Target
from test_triage import into, remove_cgroup, small_cgroup
from tracer import PROBE_LINKS, Trace, binary, links_gone, seep, written

QUICK = ("--triage=2s", "--trace=3s", "--budget=off", "--own-budget=off", "--format=json")

PYTHON = """
import sys, threading, time
open("/proc/self/comm", "w").write(sys.argv[1])
rows = []
def grow():
    while True:
        rows.append([str(len(rows)) * 4 for _ in range(20)] + [bytes(2000)])
        time.sleep(0.001)
threading.Thread(target=grow, daemon=True).start()
sys.stdin.read()
"""


class Host:
    """Processes of one test, by a prefix that no other process has."""

    def __init__(self):
        self.prefix = f"sw{os.getpid() % 1000000}{len(os.listdir(scratch())) % 10}"
        self.only = f"--only=comm:{self.prefix}*"

    def _begin(self, name, *argv):
        """Once it has its name."""
        process = start(argv, stdin=subprocess.PIPE)

        def named():
            with open(f"/proc/{process.pid}/comm", encoding="ascii") as comm:
                return comm.read().strip() == name
        wait_for(f"{name} has its name", 10, named)
        return process

    def begin(self, behaviour, name, *arguments):
        name = self.prefix + name
        return self._begin(name, fixture("grower"), behaviour, name, *map(str, arguments))

    def python(self, name):
        name = self.prefix + name
        return self._begin(name, sys.executable, "-c", PYTHON, name)


def documents(report):
    return [json.loads(line) for line in report.out.splitlines()]


def sweep(host, *options, code=None, seconds=60):
    """One quick pass; its document."""
    stored = any(o.startswith("--store=") for o in options)
    report = seep("sweep", host.only, *QUICK, *(() if stored else ("--no-store",)), *options,
                  seconds=seconds)
    require(code is None or report.code == code,
            f"exit code {report.code}, not {code}: {report.err[-300:]!r} {report.out[-600:]!r}")
    found = documents(report)
    require(len(found) == 1 and found[0]["schema"] == 1, f"{len(found)} documents")
    return found[0]


def suspects(document, host):
    return {s["comm"].removeprefix(host.prefix): s for s in document["suspects"]
            if s["kind"] == "process"}


def functions(suspect):
    return {f["function"] for p in suspect["profile"]["processes"] for s in p["sites"]
            for f in s["frames"] if s["verdict"] == "growing"}


@test("sweep.planted-leakers")
def planted_leakers():
    host = Host()
    for i in range(10):
        host.begin("sleep", f"z{i}")
    host.begin("steady", "steady")
    host.begin("wave", "wave")
    leaker, python = host.begin("leak", "leak"), host.python("py")
    time.sleep(1)
    document = sweep(host, "--trace=5s", code=10)
    found = suspects(document, host)
    require(set(found) == {"leak", "py"}, f"suspects: {sorted(found)}")
    require(found["leak"]["pid"] == leaker.pid and found["py"]["pid"] == python.pid, "wrong pids")
    require(all(s["traced"] and s["why"] and s["growth_rate"] > 0 for s in found.values()),
            f"not traced: {[(s['traced'], s['not_traced']) for s in found.values()]}")
    require("leak_here" in functions(found["leak"]), f"sites: {functions(found['leak'])}")
    require(found["leak"]["verdict"] == "leak", found["leak"]["evidence"])
    require("grow" in functions(found["py"]), f"sites: {functions(found['py'])}")
    told = document["sweep"]
    require(told["findings"] >= 2 and told["outcome"] == "findings", f"{told}")
    require(told["processes"] > 14 and told["looks"] == 16, f"{told}")
    require(0 < told["triage_cpu_seconds"] < 2 and 0 < told["trace_cpu_seconds"] < 15, f"{told}")


@test("sweep.places")
def places():
    """Where a suspect first touches memory is told without tracing it."""
    host = Host()
    host.begin("leak", "leak")
    # it has its name when its memory grows: `hungry` calls memset itself
    hungry = start([fixture("hungry"), "--now", "8192", "map"], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    store = scratch("places.db")
    document = sweep(host, "--only=comm:hungry", "--top=0", f"--store={store}")
    found = {s["pid"]: s for s in document["suspects"]}
    if document["sweep"]["places_unseen"] and not any(s["faults"] for s in found.values()):
        raise Skip(document["sweep"]["places_unseen"])
    place = found[hungry.pid]["places"][0]
    names = [f["function"] or "" for f in place["frames"]]
    require(place["share"] > 0.5 and any("memset" in n for n in names[:1]) and "main" in names,
            f"{place}")
    require(0 < document["sweep"]["faults_cpu_seconds"] < 0.1, f"{document['sweep']}")
    # malloc's own first touch says nothing of who called it
    leak = next(s for s in found.values() if s["pid"] != hungry.pid)
    require(leak["faults"] > 300 and not [p for p in leak["places"] if all(
        "/libc" in f["module"] for f in p["frames"])], f"{leak}")
    with sqlite3.connect(store) as kept:
        rows = kept.execute("SELECT places FROM suspect WHERE pid = ?", (hungry.pid,)).fetchall()
    require("memset" in rows[0][0] and "main" in rows[0][0], f"{rows}")


@test("sweep.steady-host-is-clean")
def steady_host():
    host = Host()
    for i in range(5):
        host.begin("sleep", f"z{i}")
    host.begin("steady", "steady")
    host.begin("wave", "wave")
    time.sleep(1.5)
    document = sweep(host, code=0)
    require(not document["suspects"], f"accused: {[s['why'] for s in document['suspects']]}")
    require(document["sweep"]["outcome"] == "clean", document["sweep"]["outcome"])


@test("sweep.text")
def text():
    host = Host()
    leaker = host.begin("leak", "leak")
    report = seep("sweep", host.only, *QUICK, "--format=text", "--no-store")
    require(report.code == 10, f"exit code {report.code}: {report.err[-300:]!r}")
    for words in (r"^SWEEP .* 1 grows, 1 traced", rf"^SUSPECT .*pid {leaker.pid}", r"^LEAK .*leak",
                  "leak_here", r"^COST .* of CPU"):
        require(re.search(words, report.out, re.M), f"no {words!r} in {report.out[:3000]}")


@test("sweep.top-and-exclude")
def top_and_exclude():
    host = Host()
    host.begin("leak", "a")
    host.begin("leak", "b")
    host.begin("leak", "c")
    time.sleep(0.3)
    document = sweep(host, f"--exclude=comm:{host.prefix}c", "--top=1", "--trace=1s", code=None)
    found = suspects(document, host)
    require(set(found) == {"a", "b"}, f"suspects: {sorted(found)}")
    traced = [s for s in found.values() if s["traced"]]
    other = [s for s in found.values() if not s["traced"]]
    require(len(traced) == 1 and "--top" in other[0]["not_traced"] and not other[0]["failed"],
            f"{[(s['traced'], s['not_traced']) for s in found.values()]}")
    require(document["sweep"]["growing"] == 2, f"{document['sweep']}")
    require(document["sweep"]["excluded"] > 0, "nothing was excluded")


@test("sweep.own-budget")
def own_budget():
    """What seep used for the first makes the second wait."""
    host = Host()
    host.begin("leak", "a")
    host.begin("leak", "b")
    document = sweep(host, "--trace=1s", "--own-budget=5%", seconds=80)
    told = document["sweep"]
    require(told["rested_seconds"] > 0.2, f"{told}")
    cpu = told["triage_cpu_seconds"] + min(s["cpu_seconds"] for s in document["suspects"])
    require(told["seconds"] > cpu / 0.05 * 0.9, f"{cpu} s of CPU in {told['seconds']} s")


@test("sweep.own-budget-over-passes")
def own_budget_over_passes():
    """What is used by the last suspect of a pass is paid for before the next pass."""
    host = Host()
    host.begin("leak", "leak")
    report = seep("sweep", host.only, "--every=1s", "--count=2", "--triage=1s", "--trace=1s",
                  "--own-budget=10%", "--no-store", "--format=json", seconds=80)
    told = [document["sweep"] for document in documents(report)]
    require(len(told) == 2, f"{len(told)} passes, {report.err[-300:]!r}")
    cpu = sum(told[0][f"{part}_cpu_seconds"] for part in ("triage", "faults", "trace"))
    passed = told[1]["started"] - told[0]["started"]
    require(cpu <= 0.1 * (passed + 0.1), f"{cpu:.2f} s of CPU in {passed:.2f} s")
    require(told[1]["missed_passes"] >= int(passed) - 1, f"{told[1]['missed_passes']} left out")


@test("sweep.suppressions")
def suppressions():
    host = Host()
    host.begin("leak", "leak")
    path = scratch("known")
    with open(path, "w", encoding="ascii") as known:
        known.write("# what we know\nfunction:leak_he*   # ticket 7\n")
    document = sweep(host, f"--suppressions={path}", code=0)
    suspect = suspects(document, host)["leak"]
    require(suspect["findings"] == 0 and suspect["suppressed"] == 1, f"{suspect['evidence']}")
    hidden = suspect["suppressions"][0]
    require(hidden["comment"] == "ticket 7" and hidden["line"] == 2 and hidden["sites"] == 1,
            f"{hidden}")
    require(document["sweep"]["suppressed"] == 1, f"{document['sweep']}")


@test("sweep.config")
def config():
    host = Host()
    host.begin("leak", "leak")
    time.sleep(0.5)
    path = scratch("seep.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write("[sweep]\ntriage = 2s\ntop = 0\nno-store = yes\nformat = text\n"
                   f"only = comm:{host.prefix}*\n")
    report = seep("sweep", f"--config={path}", "--format=json")
    require(report.code == 0, f"exit code {report.code}: {report.err[-300:]!r}")
    found = suspects(documents(report)[0], host)
    require(list(found) == ["leak"] and not found["leak"]["traced"], f"{found}")


@test("sweep.wrong-usage", ("--top=many",), "--top: 'many' is not a number from 0 to 64")
@test("sweep.wrong-time", ("--trace=0",), "--trace: '0' is not a time")
@test("sweep.wrong-budget", ("--budget=200",), "--budget: '200' is not a percentage")
@test("sweep.wrong-format", ("--format=xml",), "--format: 'xml' is not text or json")
@test("sweep.wrong-pattern", ("--only=comm:",), "--only: 'comm:' is not")
@test("sweep.count-alone", ("--count=3",), "needs every")
@test("sweep.argument", ("12",), "no arguments")
@test("sweep.no-config", ("--config=/nowhere/x",), "/nowhere/x: No such file")
@test("sweep.no-suppressions", ("--suppressions=/nowhere/x",), "/nowhere/x: No such file")
def wrong(arguments, words):
    report = seep("sweep", *arguments, seconds=20)
    require(report.code == 2 and not report.out, f"exit code {report.code}, {report.out[:200]!r}")
    require(words in report.err, f"no {words!r} in {report.err!r}")


@test("sweep.wrong-files")
def wrong_files():
    """Each kind of mistake names its file and line."""
    path = scratch("file")
    for option, content, words in (
            ("config", b"top = 1\ntrase = 5s\n", "file:2: there is no setting 'trase'"),
            ("config", b"top = \xff\xfe\n", "file:1: top: "),
            ("config", bytes(range(256)), "file:1: "),
            ("config", b"a" * 2000000, "larger than"),
            ("suppressions", b"function:x\nnonsense\n", "file:2: this is not function:GLOB"),
            ("suppressions", bytes(range(256)), "file:1: ")):
        with open(path, "wb") as file:
            file.write(content)
        report = seep("sweep", f"--{option}={path}", "--no-store", "--triage=1s", seconds=20)
        require(report.code == 2, f"{content[:30]}: exit code {report.code}: {report.err!r}")
        require(words in report.err, f"no {words!r} in {report.err[-300:]!r}")


@test("sweep.by-chance")
def by_chance():
    host = Host()
    document = sweep(host, "--probability=0.000001", code=0, seconds=10)
    told = document["sweep"]
    require(told["took_part"] is False and told["weight"] == 1e6, f"{told}")


@test("sweep.killed-for-memory")
def killed_for_memory():
    """By the limit of a cgroup, which is gone before the report is made."""
    path, inner = small_cgroup(24 << 20)
    target = Target("hungry", "1536")
    into(inner, target)
    target.tell()
    began = time.monotonic()
    running = Running("--only=comm:hungry", *QUICK, "--trace=20s", "--no-store")
    require(target.process.wait(30 * PATIENCE) == -9, "it was not killed")
    require(time.monotonic() - began > 2.5, "it was killed before it was traced")
    remove_cgroup(inner)
    require(running.process.wait(20 * PATIENCE) is not None, "no end")
    document = running.documents()[0]
    kills = [k for k in document["kills"] if k["pid"] == target.pid]
    require(len(kills) == 1, f"kills: {document['kills']} {document['sweep']} {target.pid}")
    require(kills[0]["comm"] == "hungry" and kills[0]["limit_bytes"] == 24 << 20 and
            kills[0]["limit_cgroup"] == path, f"{kills[0]}")
    suspect = next(s for s in document["suspects"] if s["pid"] == target.pid)
    require(suspect["traced"] and suspect["not_traced"] == "it ended while it was traced" and
            suspect["findings"], f"{suspect['not_traced']}, {suspect['evidence']}")


class Running:
    """A sweep that goes on until it is ended."""

    def __init__(self, *options):
        self.out, self.err = (open(scratch(n), "w+b") for n in ("out", "err"))
        self.process = start([binary(), "sweep", "--verbose", *options], stdin=subprocess.DEVNULL,
                             stdout=self.out, stderr=self.err)

    def documents(self):
        # what is being written has no end yet
        lines = written(self.out).splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    links = Trace.links

    @property
    def pid(self):
        return self.process.pid

    def says(self, words):
        return words in written(self.err).decode(errors="replace")

    def tracing(self):
        return self.says("tracing process") and self.probes()

    def probes(self):
        return any(kind in PROBE_LINKS for kind in self.links().values())

    def stop(self, number=signal.SIGTERM, seconds=8):
        self.process.send_signal(number)
        began = time.monotonic()
        self.process.wait(seconds * PATIENCE)
        return time.monotonic() - began


@test("sweep.suspect-ends")
def suspect_ends():
    """While it is traced, and before."""
    host = Host()
    leakers = {p.pid: p for p in (host.begin("leak", "a"), host.begin("leak", "b"))}
    running = Running(host.only, *QUICK, "--trace=10m", "--no-store")
    pid = wait_for("the first is traced", 60, lambda: next(
        (p for p in leakers if running.says(f"tracing process {p}\n")), None))
    for process in (next(p for n, p in leakers.items() if n != pid), leakers[pid]):
        process.kill()
        process.wait()
    running.process.wait(30 * PATIENCE)
    document = running.documents()[0]
    found = {s["pid"]: s for s in document["suspects"]}
    require(found[pid]["traced"] and found[pid]["not_traced"] == "it ended while it was traced",
            f"{found[pid]['not_traced']}")
    other = next(s for n, s in found.items() if n != pid)
    require(not other["traced"] and other["not_traced"] == "it has ended" and
            not other["failed"], f"{other['not_traced']}")
    require(not document["sweep"]["problems"] and running.process.returncode in (0, 10),
            f"{document['sweep']}")


@test("sweep.every")
def every():
    host = Host()
    report = seep("sweep", host.only, "--every=3s", "--count=2", "--triage=1s", "--top=0",
                  "--no-store", "--format=json", seconds=40)
    found = documents(report)
    require(report.code == 0 and len(found) == 2, f"{len(found)} passes, {report.err[-300:]!r}")
    between = found[1]["sweep"]["started"] - found[0]["sweep"]["started"]
    missed = found[1]["sweep"]["missed_passes"]
    require(abs(between - 3 * (1 + missed)) < 1.4, f"{between:.2f} s, {missed} left out")


@test("sweep.ends-in-the-midst", signal.SIGTERM)
@test("sweep.ends-on-ctrl-c", signal.SIGINT)
def ends(number):
    """At once, with a report of what is known, and without a probe left."""
    host = Host()
    host.begin("leak", "leak")
    running = Running(host.only, "--every=5s", "--triage=2s", "--trace=10m", "--budget=off",
                      "--own-budget=off", "--no-store", "--format=json")
    wait_for("probes", 60, running.tracing)
    time.sleep(0.5)
    links = running.links()
    took = running.stop(number)
    require(took < 5 * PATIENCE, f"it ended after {took:.1f} s")
    document = running.documents()[-1]
    suspect = suspects(document, host)["leak"]
    require(document["sweep"]["stopped"] and suspect["traced"] and
            suspect["not_traced"] == "the sweep was stopped", f"{suspect['not_traced']}")
    require(suspect["profile"]["processes"][0]["live_bytes"] > 0, "it saw nothing")
    links_gone(links)


@test("sweep.ends-while-it-looks")
def ends_looking():
    running = Running("--triage=1h", "--no-store", "--format=json")
    wait_for("looks", 20, lambda: running.says("looking at the host"))
    require(running.stop() < 3 * PATIENCE, "late")
    require(running.documents()[0]["sweep"]["stopped"], "it does not say so")
    require(running.process.returncode == 5, f"exit code {running.process.returncode}")


@test("sweep.nothing-piles-up")
def nothing_piles_up():
    """Passes one after another: descriptors are as many as before, and memory is flat."""
    host = Host()
    host.begin("leak", "leak")
    running = Running(host.only, "--every=1s", "--triage=1s", "--trace=1s", "--budget=off",
                      "--own-budget=off", "--no-store", "--format=json")
    seen = []

    def passes(number):
        wait_for("passes", 60, lambda: len(running.documents()) >= number, 0.1)
        wait_for("no probes", 10, lambda: not running.probes(), 0.01)
        return len(os.listdir(f"/proc/{running.pid}/fd"))

    for number in (2, 4):
        seen.append(passes(number))
    resident = [d["sweep"]["resident_bytes"] for d in running.documents()]
    running.stop()
    require(max(seen) - min(seen) <= 2, f"descriptors: {seen}")
    require(resident[-1] < resident[1] * 1.25 + (4 << 20), f"resident: {resident}")


CAPABILITIES = "+bpf,+perfmon,+sys_ptrace,+dac_read_search"


def as_nobody(capabilities, *arguments):
    need_program("setpriv")
    path = scratch("seep")
    shutil.copy(binary(), path)
    os.chmod(path, 0o755)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           f"--inh-caps=-all{capabilities}", f"--ambient-caps=-all{capabilities}",
                           f"--bounding-set=-all{capabilities}", "--no-new-privs", path, "sweep",
                           *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


@test("sweep.no-privilege")
def no_privilege():
    """It is said, before the host is looked at; only to look needs none."""
    code, _, err = as_nobody("", "--triage=1s", "--no-store")
    require(code == 3 and "CAP_BPF" in err, f"exit code {code}: {err!r}")
    code, out, err = as_nobody("", "--triage=1s", "--no-store", "--top=0", "--format=json")
    require(code == 0 and json.loads(out)["sweep"]["processes"] > 1, f"{code}: {err!r}")


@test("sweep.few-capabilities")
def few_capabilities():
    """Those of the unit are enough to trace; what a budget needs besides is said."""
    host = Host()
    host.begin("leak", "leak")
    for budget, traced in (("off", True), ("2", False)):
        code, out, err = as_nobody("," + CAPABILITIES, host.only, *QUICK, "--trace=1s",
                                   f"--budget={budget}", "--no-store")
        require(code in (0, 5, 10), f"exit code {code}: {err!r}")
        document = json.loads(out)
        suspect = suspects(document, host)["leak"]
        unseen = document["sweep"]["places_unseen"]
        # counting page faults needs no more either, once what it costs can be known
        require("refused" not in (unseen or ""), unseen)
        if budget == "2" and suspect["traced"]:
            continue  # the administrator has switched the statistics on
        require(suspect["traced"] == traced, f"{budget}: {suspect['not_traced']}")
        require(traced or "bpf_stats_enabled" in suspect["not_traced"], suspect["not_traced"])


@test("sweep.store")
def store():
    """What is reported is kept: each pass, each suspect, what was traced."""
    host = Host()
    leaker = host.begin("leak", "leak")
    host.begin("leak", "more")
    path = scratch("kept/seep.db")
    first = sweep(host, f"--store={path}", "--top=1", "--trace=2s")
    second = sweep(host, f"--store={path}", "--top=0")
    numbers = [d["sweep"]["store_sweep"] for d in (first, second)]
    require(numbers[0] and numbers[1] > numbers[0], f"numbers: {numbers}")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as kept:
        sweeps = kept.execute("SELECT id, outcome, processes, suspects FROM sweep").fetchall()
        rows = kept.execute("SELECT sweep, pid, comm, traced, capture, not_traced FROM suspect "
                            "ORDER BY sweep, traced DESC").fetchall()
        sites = kept.execute("SELECT count(*) FROM site_signature").fetchone()[0]
    told = [d["sweep"]["outcome"] for d in (first, second)]
    require([s[:2] for s in sweeps] == list(zip(numbers, told)), f"{sweeps}, told {told}")
    require(len(rows) == 4 and {r[1] for r in rows} >= {leaker.pid}, f"{rows}")
    require(rows[0][3] == 1 and rows[0][4] and not rows[1][3] and rows[1][5], f"{rows}")
    require(sites > 0, "no signatures")


@test("sweep.second-at-once")
def second_at_once():
    host = Host()
    path = scratch("seep.db")
    running = Running(host.only, "--triage=1h", f"--store={path}")
    wait_for("its lock", 20, lambda: os.path.exists(path + "-lock") and
             open(path + "-lock", encoding="ascii").read().strip())
    report = seep("sweep", host.only, "--triage=1s", f"--store={path}", seconds=20)
    require(report.code == 5 and f"another sweep, process {running.pid}" in report.err,
            f"exit code {report.code}: {report.err!r}")
    running.stop(signal.SIGKILL)
    sweep(host, f"--store={path}", "--top=0", code=0)


@test("sweep.store-fails", "/proc/nowhere/seep.db")
@test("sweep.store-is-a-folder", "/proc")
@test("sweep.store-is-something-else", "/bin/true")
def store_fails(path):
    """The report still comes."""
    host = Host()
    host.begin("leak", "leak")
    time.sleep(0.3)
    document = sweep(host, f"--store={path}", "--top=0", code=5)
    require("leak" in suspects(document, host), f"{document['suspects']}")
    require(document["sweep"]["store_problem"] and not document["sweep"]["store_sweep"],
            f"{document['sweep']}")


@test("sweep.never-itself-or-init")
def never_itself():
    """Of the whole host: nothing is traced, and these are not even named."""
    running = Running("--triage=1s", "--top=0", "--least-growth=1", "--no-store", "--format=json")
    running.process.wait(30 * PATIENCE)
    document = running.documents()[0]
    require(document["sweep"]["processes"] > 2, f"{document['sweep']}")
    require(all(s["pid"] not in (1, running.pid) for s in document["suspects"]
                if s["kind"] == "process"), "init or itself is among the suspects")
