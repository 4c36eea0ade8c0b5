# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How a trace ends, what it loses, and what it leaves behind: nothing."""

import json
import os
import shutil
import signal
import sqlite3
import time

from harness import fixture, require, scratch, test
from target import Target, Told
from tracer import FINE, PROBE_LINKS, Report, Trace, compare, fine, links_gone, run, seep


@test("end.sigint", signal.SIGINT)
@test("end.sigterm", signal.SIGTERM)
def end_by_signal(number):
    target = Target("process", "exit")
    trace = Trace("-p", target.pid).attached()
    links = trace.links()
    truth = target.work()
    report = trace.stop(number)
    compare(report, truth)
    links_gone(links)
    require(target.leave() == 0, "the target ended badly")


@test("end.duration")
def end_by_duration():
    target = Target("process", "exit")
    began = time.monotonic()
    trace = Trace("-p", target.pid, "--duration", 2).attached()
    truth = target.work()
    report = trace.wait(20)
    took = time.monotonic() - began
    compare(report, truth)
    seconds = report.document["capture"]["seconds"]
    # without it there would be no end
    require(1.8 <= seconds <= 8, f"traced {seconds} s, not 2")
    require(took < 60, f"it took {took:.1f} s in all")


@test("end.interval-count")
def end_by_count():
    """INTERVAL COUNT: so many reports, one after the other, the last the whole."""
    target = Target("process", "exit")
    trace = Trace("-p", target.pid, 1, 2, form="json")
    trace.json = False
    trace.attached()
    truth = target.work()
    report = trace.wait(20)
    decoder, rest, documents = json.JSONDecoder(), report.out.strip(), []
    while rest:
        document, length = decoder.raw_decode(rest)
        documents.append(document)
        rest = rest[length:].strip()
    require(len(documents) == 2, f"{len(documents)} reports, not 2; exit code {report.code}, "
                                 f"{report.err[-200:]!r}")
    last = Report(report.code, "", "")
    last.document = documents[-1]
    compare(last, truth)


@test("end.sigkill")
def end_by_sigkill():
    """A killed seep leaves no probe: its links are gone and the target runs on."""
    target = Target("process", "exit")
    trace = Trace("-p", target.pid).attached()
    links = trace.links()
    require([k for k in links.values() if k in PROBE_LINKS], "no probe was on")
    trace.process.kill()
    trace.process.wait()
    links_gone(links)
    target.work()
    require(target.leave() == 0, "the target did not survive")


@test("end.sigkill-busy")
def end_by_sigkill_busy():
    """The same in the middle of eight threads that allocate."""
    target = Target("threads-glibc", "reuse", "30000")
    trace = Trace("-p", target.pid).attached()
    links = trace.links()
    target.tell()
    time.sleep(0.3)
    trace.process.kill()
    trace.process.wait()
    target.until("done")
    links_gone(links)
    require(target.leave() == 0, "the target did not survive")


@test("end.sigkill-run")
def end_by_sigkill_run():
    """`seep run` killed: no file half written, the child is not left stopped."""
    told = Told()
    path = scratch("killed.seep")
    trace = Trace("-o", path, "--", fixture("blocks"), "--now", "forever", command="run",
                  env=told.env).attached()
    for _ in range(200):
        if os.path.exists(told.path):
            break
        time.sleep(0.02)
    child = told.pid()
    links = trace.links()
    trace.process.kill()
    trace.process.wait()
    links_gone(links)
    state = ""
    try:
        with open(f"/proc/{child}/stat", encoding="ascii") as stat:
            state = stat.read().rsplit(")", 1)[1].split()[0]
        os.kill(child, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        pass
    require(state not in ("T", "t"), "the child is left stopped")
    require(not os.path.exists(path), "a half-written capture is left")


@test("end.repeated")
def end_repeated():
    """Attached to five times in a row, the same process stays well."""
    target = Target("process", "exit")
    for _ in range(5):
        trace = Trace("-p", target.pid).attached()
        require(trace.stop().code in FINE, "a trace failed")
    target.work()
    require(target.leave() == 0, "the target did not survive")


@test("end.two-at-once")
def end_two_at_once():
    """Two traces of one process do not disturb each other."""
    target = Target("entries-glibc")
    first = Trace("-p", target.pid).attached()
    second = Trace("-p", target.pid).attached()
    truth = target.work()
    compare(second.stop(), truth)
    compare(first.stop(), truth)


@test("loss.flood")
def loss_flood():
    """A ring far too small: drops are counted, the process tainted, the exit code says so."""
    target = Target("threads-glibc", "reuse", "60000")
    trace = Trace("-p", target.pid, "--ring-bytes", 4096).attached()
    target.work()
    report = trace.stop()
    health, process = report.health, report.process(target.pid)
    require(health["dropped"] > 0, "nothing was dropped from a ring of one page")
    parts = sum(health[f"dropped_{kind}"] for kind in ("allocs", "frees", "stacks", "other"))
    require(parts == health["dropped"], f"{health['dropped']} dropped, by kind {parts}")
    if health["dropped_frees"]:
        require(process["tainted"] and process["lost_frees"] > 0, "the process is not tainted")
    require(report.code == 5, f"exit code {report.code} after losses, not 5")
    require(target.leave() == 0, "the target ended badly")


@test("loss.text")
def loss_text():
    """The text report says so in words."""
    target = Target("threads-glibc", "reuse", "60000")
    trace = Trace("-p", target.pid, "--ring-bytes", 4096, form="text").attached()
    target.work()
    report = trace.stop()
    require("dropped" in report.out, f"no word of drops in the text: {report.out[-300:]!r}")


@test("loss.none")
def loss_none():
    """With room enough nothing is lost, whatever the rate."""
    target = Target("blocks", "flood", "200")
    trace = Trace("-p", target.pid, "--ring-bytes", 64 << 20).attached()
    truth = target.work()
    report = trace.stop()
    compare(report, truth)
    require(report.health["entries"] >= 200 * 512, "fewer entries than calls")


@test("loss.max-memory")
def loss_max_memory():
    """The collector's own memory is bounded: what it forgets is counted."""
    target = Target("blocks", "many", "60000")
    trace = Trace("-p", target.pid, "--max-memory", 2 << 20, "--ring-bytes", 64 << 20).attached()
    target.work()
    report = trace.stop()
    health = report.health
    require(health["blocks_evicted"] > 0, "100,000 blocks in 2 MiB, and none forgotten")
    require(report.code == 5, f"exit code {report.code}, not 5")


@test("capture.file")
def capture_file():
    """-o: an SQLite file from which the same report is made again, by anyone."""
    path = scratch("x.seep")
    told = Told()
    report = run(told, fixture("process"), "--now", "exit", options=("-o", path))
    truth = told.truths()[0]
    compare(report, truth)
    require(sqlite3.connect(path).execute("pragma integrity_check").fetchone() == ("ok",),
            "the capture is corrupt")
    require(os.listdir(os.path.dirname(path)) and not [
        n for n in os.listdir(os.path.dirname(path)) if n not in ("x.seep", "told")],
        "other files are left beside the capture")
    again = seep("report", "--format", "json", path)
    require(again.code in FINE, f"seep report: {again.code} {again.err!r}")
    again.parse()
    compare(again, truth)
    for form in ("text", "collapsed", "pprof", "speedscope"):
        done = seep("report", "--format", form, "-o", scratch("rendered"), path)
        require(done.code in FINE, f"seep report --format {form}: {done.code} {done.err!r}")


@test("formats.live", ("text", "collapsed", "speedscope"))
def formats_live(forms):
    for form in forms:
        target = Target("process", "exit")
        trace = Trace("-p", target.pid, form=form)
        trace.json = False
        trace.attached()
        target.work()
        report = trace.stop()
        require(report.code in FINE, f"--format {form}: {report.code} {report.err!r}")
        require("leak_parent" in report.out, f"--format {form} does not name leak_parent")


@test("unharmed.code")
def unharmed_code():
    """After seep has left, the target's code is again the file's, byte by byte."""
    # a copy: what `seep run` of another test puts into the same file is in all who map it
    program = shutil.copy(fixture("entries-static"), scratch("entries-static"))
    target = Target("entries-static", argv=[program])
    trace = Trace("-p", target.pid).attached()
    changed = text_differences(target.pid)
    trace.stop()
    left = text_differences(target.pid)
    target.work()
    require(changed > 0, "no probe was seen in the target's code: this test sees nothing")
    require(left == 0, f"{left} bytes of the target's code are still changed")


def text_differences(pid):
    count = 0
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        lines = [l.split() for l in maps if " r-xp " in l and "entries-static" in l]
    for line in lines:
        begin, end = (int(x, 16) for x in line[0].split("-"))
        with open(f"/proc/{pid}/mem", "rb") as memory, open(line[5], "rb") as file:
            memory.seek(begin)
            file.seek(int(line[2], 16))
            for mine, its in zip(memory.read(end - begin), file.read(end - begin)):
                count += mine != its
    return count


@test("quiet.stdout")
def quiet_stdout():
    """stdout is the report alone; nothing is written there before the end."""
    target = Target("process", "exit")
    trace = Trace("-p", target.pid).attached()
    target.work()
    trace.files[0].seek(0, os.SEEK_END)
    require(trace.files[0].tell() == 0, "stdout was written to during the trace")
    fine(trace.stop())
