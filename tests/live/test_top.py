# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
seep top: tables for scripts, and its screen on a real terminal. Always of the test's own
processes: a host has others.
"""

import json
import os
import re
import signal
import subprocess
import time

from harness import PATIENCE, each, fixture, require, scratch, start, test
from python_target import system_python
from test_triage import into, small_cgroup
from tracer import PROBE_LINKS, Report, Trace, binary, links_gone, seep

GROWING = ("growing", 256, 20)
LEAST_RATE = 1 << 20  # bytes a second: 12.5 MiB less what a busy machine takes


class Grower:
    """The fixture under that name; it ends with its input."""

    def __init__(self, name, kibibytes=0, milliseconds=100):
        self.process = start([fixture("sessions"), name, str(kibibytes), str(milliseconds)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()
        self.pid = self.process.pid

    def end(self):
        self.process.stdin.close()
        self.process.wait(10 * PATIENCE)


def documents(text):
    found = [json.loads(line) for line in text.splitlines()]
    for document in found:
        require(document["schema"] == 1, f"schema {document['schema']}")
    return found


def top(*arguments, code=0, **keywords):
    report = seep("top", *arguments, **keywords)
    require(report.code == code, f"exit code {report.code}, not {code}: {report.err[-300:]}")
    return report


def screen(*arguments, width=80, height=24, env=None):
    from terminal import Terminal  # tests without a terminal need no tmux
    return Terminal([binary(), "top", *map(str, arguments)], width, height, env)


def links_of(pid):
    """The probes that a process holds: ids of its links."""
    trace = Trace.__new__(Trace)
    trace.pid = pid
    return [identity for identity, kind in trace.links().items() if kind in PROBE_LINKS]


@test("top.batch")
def batch():
    """Who grows is told with its rate and limit, who does not is steady; as JSON and as text."""
    leak, idle = Grower(*GROWING), Grower("idle")
    pids = f"{leak.pid},{idle.pid}"
    found = documents(top("--format", "json", "-p", pids, "-d", "0.25", "-n", "14").out)
    require(len(found) == 14, f"{len(found)} documents")
    require(found[0]["processes"][0]["trend"] == "too little data", "a trend at once")
    rows = {row["pid"]: row for row in found[-1]["processes"]}
    require(set(rows) == {leak.pid, idle.pid}, f"processes {set(rows)}")
    require(found[-1]["processes"][0]["pid"] == leak.pid, "the grower is not the first")
    row = rows[leak.pid]
    require(row["comm"] == "growing" and row["trend"] == "growing", f"{row}")
    require(row["growth_rate"] > LEAST_RATE, f"rate {row['growth_rate']}")
    limit = row["limit"]
    require(limit["bytes"] and limit["room_bytes"] and limit["name"], f"limit {limit}")
    require(limit["seconds_low"] <= limit["seconds"], f"limit {limit}")
    require(limit["seconds"] < 2 * limit["room_bytes"] / LEAST_RATE, f"limit {limit}")
    row = rows[idle.pid]
    require(row["trend"] == "steady" and abs(row["growth_rate"]) < 1024, f"{row}")
    require(row["limit"]["seconds"] is None, f"{row}")
    host = found[-1]["host"]
    require(host["memory_total_bytes"] > host["memory_available_bytes"] > 0, f"{host}")
    text = top("--batch", "-p", pids, "-n", "1").out
    require(re.search(rf"^ *{leak.pid} growing ", text, re.M), text)
    require("\x1b" not in text, "escape sequences in a batch")


@test("top.batch-options")
def batch_options():
    leak, idle = Grower("growing-a", 1, 50), Grower("growing-b")
    one = documents(top("--format", "json", "--comm", "growing-[ab]", "-n", "1", "--sort", "pid",
                        "--limit", "1").out)[0]["processes"]
    require([p["pid"] for p in one] == [min(leak.pid, idle.pid)], f"{one}")
    both = documents(top("--format", "json", "-p", leak.pid, "-p", idle.pid, "-n", "1", "--sort",
                         "pid", "-r").out)[0]["processes"]
    require([p["pid"] for p in both] == sorted([leak.pid, idle.pid], reverse=True), f"{both}")
    require(top("-b", "--cgroup", "/no/such", "-n", "1").out.count("\n") == 4, "rows of none")
    for wrong in (["-d", "0"], ["-d", "x"], ["--sort", "size"], ["--format", "html"],
                  ["--budget", "200"], ["-n", "-1"], ["extra"]):
        require(top("-b", *wrong, code=2).err, f"{wrong}: not refused")


@test("top.batch-ends")
def batch_ends():
    """A signal ends it at once, as does a reader that goes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        run = start([binary(), "top", "-b", "-d", "60", "-p", "1"], stdout=subprocess.PIPE)
        run.stdout.readline()
        run.send_signal(number)
        require(run.wait(5 * PATIENCE) == 0, f"signal {number}: exit code {run.returncode}")
    run = start([binary(), "top", "-b", "-d", "0.1", "-p", "1"], stdout=subprocess.PIPE)
    run.stdout.readline()
    run.stdout.close()
    require(run.wait(10 * PATIENCE) == 0, f"reader gone: exit code {run.returncode}")


@test("top.no-terminal")
def no_terminal():
    """Without a terminal it says what to do instead."""
    report = top(code=2)
    require("--batch" in report.err and not report.out, f"{report.err!r}")


@each("top.terminal-{}", ["dumb", "no-such-terminal"])
def poor_terminal(kind):
    """One that cannot place the cursor, or is not known: the same, and it is as before."""
    t = screen("-p", "1", env={"TERM": kind})
    require(t.ended() == 2, "exit code")
    require("--batch" in t.errors and kind in t.errors, t.errors)
    t.require_restored()


@test("top.host")
def host():
    """80x24: the grower is seen first, is filtered, sorted, chosen; q leaves all as it was."""
    leak, idle = Grower(*GROWING), Grower("idle")
    # foreign text: a name is 15 bytes
    wide = Grower("日本\x1b[2J\n")
    t = screen("-d", "0.25", "-p", f"{leak.pid},{idle.pid},{wide.pid}")
    t.sees(rf"^> +{leak.pid} growing.* growing$")
    require(len(t.lines()) in (24, 25) and all(len(line) <= 80 for line in t.lines()), t.text())
    require("seep top" in t.lines()[0] and "q quit" in t.text(), t.text())
    t.sees(rf"{wide.pid} 日本\?\[2J\?")
    t.sees(rf"^growing \({leak.pid}\): .* in memory")
    t.keys("P")
    t.sees(r">PID")
    t.sees(rf"^> +{leak.pid} ")
    t.keys("P")
    t.sees(rf"<PID(.|\n)*^> +{wide.pid} ")
    t.keys("/", "i", "d", "l")
    t.sees(r"Filter idl  1 of 3")
    t.keys("Enter")
    t.sees(rf"^> +{idle.pid} idle")
    require(str(leak.pid) not in t.text(), "not filtered")
    t.keys("Escape")
    t.sees(str(leak.pid))
    t.keys("h")
    t.sees("choose a row")
    t.keys("q")
    t.sees("q quit")
    t.keys("q")
    require(t.ended() == 0, "exit code")
    t.require_restored()


@test("top.sizes")
def sizes():
    """It follows the terminal's size, down to next to nothing."""
    idle = Grower("idle")
    t = screen("-d", "0.25", "-p", idle.pid, width=140, height=30)
    t.sees("CGROUP.*BETWEEN")
    for width, height in ((20, 5), (4, 2), (80, 24)):
        t.resize(width, height)
        time.sleep(0.3)
    t.sees(rf"^> +{idle.pid} idle")
    t.sees("q quit$")
    t.keys("q")
    require(t.ended() == 0, "exit code")
    t.require_restored()


@each("top.kind-{}", ["vt100", "linux", "no-color", "ascii"])
def kinds(kind):
    """Old terminals, with colour and without, and without UTF-8."""
    environment = {"vt100": {"TERM": "vt100"}, "linux": {"TERM": "linux"},
                   "no-color": {"NO_COLOR": "1"}, "ascii": {"LC_ALL": "C"}}[kind]
    idle = Grower("日idle")
    t = screen("-d", "0.25", "-p", idle.pid, env=environment)
    t.sees(rf"^> +{idle.pid} {r'[?]' if kind == 'ascii' else '日'}idle")
    t.keys("Enter")
    t.sees("probes|traced")
    t.keys("q")
    # green, where there is colour
    t.sees(rf"^Tracing .*idle \({idle.pid}\)")
    colours = re.findall(r"\x1b\[(?:[0-9;]*;)?3[1-7]m", t.text(escapes=True))
    require(bool(colours) == (kind in ("linux", "ascii")), f"colours {colours}")
    t.keys("q")
    require(t.ended(30) == 0, "exit code")
    t.require_restored()


@test("top.sites")
def sites():
    """Enter shows the leaking site and its stack; s saves; d leaves no probe; the end is told."""
    leak = Grower(*GROWING)
    t = screen("-d", "0.5", "-p", leak.pid, "--budget", "off")
    t.sees(rf"^> +{leak.pid} growing")
    t.keys("Enter")
    t.sees(r"^>.* growing +session_create")
    t.sees(r"^Verdict: leak")
    t.sees(r"handle_request")
    links = links_of(t.pid)
    require(links, "no probe")
    path = scratch("saved.seep")
    t.keys("s")
    t.sees(r"^Save to growing-\d+\.seep")
    t.keys(*["BSpace"] * 40)
    t.keys("-l", path)
    t.sees("saved.seep")
    t.keys("Enter")
    t.sees("saved: seep report")
    saved = Report(0, seep("report", path, "--format", "json").out, "").parse()
    require(saved.sum("session_create", "live_bytes", leak.pid) > 1 << 20, "the capture's site")
    t.keys("q")
    t.sees(rf"^Tracing growing \({leak.pid}\) for .* without a budget")
    t.sees(r"^>\*")
    t.keys("d")
    t.sees("no longer traced")
    links_gone(links)
    t.keys("Enter")
    t.sees(r"^>.* growing +session_create")
    links = links_of(t.pid)
    leak.end()
    t.sees("HAS ENDED")
    require("session_create" in t.text(), "what was seen is gone")
    links_gone(links)
    t.keys("q", "q")
    require(t.ended() == 0, "exit code")
    t.require_restored()


@test("top.another")
def another():
    """One process at a time: tracing another one lets the first go."""
    first, second = Grower("growing-a", 64, 20), Grower("growing-b", 64, 20)
    t = screen("-d", "0.5", "--sort", "pid", "-p", f"{first.pid},{second.pid}", "--budget", "off")
    for grower, move in ((first, "Home"), (second, "End")):
        t.keys(move)
        t.sees(rf"^> +{grower.pid} ")
        t.keys("Enter")
        t.sees(rf"\({grower.pid}\) +traced for")
        t.sees("session_create")
        t.keys("Escape")
    t.sees(rf"^Tracing growing-b \({second.pid}\) for")
    t.keys("q")
    require(t.ended() == 0, "exit code")


@test("top.types")
def types():
    """t: what grows among the objects of a Python process; of another one: why not."""
    code = ("import time\nclass Session: pass\nkept = []\nwhile True:\n"
            "    kept.extend(Session() for _ in range(20))\n    time.sleep(0.02)")
    leak, plain = start([system_python(), "-c", code]), Grower("idle")
    t = screen("-d", "0.5", "--sort", "pid", "-p", f"{leak.pid},{plain.pid}")
    t.sees(rf"^> +{min(leak.pid, plain.pid)} ")
    t.keys("Home" if leak.pid < plain.pid else "End", "t")
    t.sees(r"objects by type +python 3")
    t.sees(r"^> +[\d,]+ +\+[\d,]+ .*Session", 20)
    leak.terminate()
    leak.wait(5 * PATIENCE)
    t.sees("HAS ENDED", 20)
    require("Session" in t.text(), "what was seen is gone")
    t.keys("q", "End" if leak.pid < plain.pid else "Home", "t")
    t.sees("runs no language runtime")
    t.keys("q", "q")
    require(t.ended() == 0, "exit code")


@each("top.signal-{}", ["INT", "TERM", "HUP", "SEGV", "ABRT"])
def signals(name):
    """However it ends, the terminal is as before and no probe is left."""
    leak, links = Grower("growing", 16, 20), []
    t = screen("-d", "0.5", "-p", leak.pid, "--budget", "off")
    t.sees(rf"^> +{leak.pid} ")
    if name in ("TERM", "SEGV"):
        t.keys("Enter")
        t.sees("session_create")
        links = links_of(t.pid)
        require(links, "no probe")
    number = getattr(signal, "SIG" + name)
    os.kill(t.pid, number)
    code = t.ended()
    require(code == (128 + number if name in ("SEGV", "ABRT") else 0), f"exit code {code}")
    t.require_restored()
    links_gone(links)


@test("top.killed")
def killed():
    """The limit of a cgroup is told, and when the kernel kills for it; its last sites stay."""
    path, inner = small_cgroup(96 << 20)
    leak = Grower(*GROWING)
    into(inner, leak)
    # wide: another test may have one killed at the same time
    t = screen("-d", "0.5", "-p", leak.pid, "--budget", "off", width=200)
    t.sees(rf"^> +{leak.pid} .* 96\.0M ")
    t.sees(rf"left of 96\.0 MiB, memory limit of cgroup {path}")
    t.keys("Enter")
    t.sees("session_create")
    require(leak.process.wait(60 * PATIENCE) == -signal.SIGKILL, "it was not killed")
    t.sees("WAS KILLED for want of memory")
    require("session_create" in t.text(), "what was seen is gone")
    t.keys("q")
    t.sees(rf"^OOM kills \d+: .*growing \({leak.pid}\)")
    t.keys("q")
    require(t.ended() == 0, "exit code")
