# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whole stacks without frame pointers, frame by frame against the compiler's own unwinder."""

import json
import os
import subprocess

from harness import each, fixture, need_program, note, require, test
from target import Target, Told
from tracer import Trace, fine, run

LEAF_BYTES = 777	# CHAIN_BYTES of tests/fixtures/chain.h
DEPTH = 127		# SEEP_STACK_MAX of bpf/event.h

# Frames of the allocator and the leaf: operator new is one more.
LEAD = {"new": 3}


def chains(lines):
    return [json.loads(line[6:]) for line in lines if line.startswith("chain ")]


def told_chains(told):
    with open(told.path, encoding="ascii") as lines:
        return chains(lines)


class Symbols:
    """Functions of a file as its own symbol table has them, by nm."""

    def __init__(self, path, *options):
        text = subprocess.run(["nm", "--defined-only", "--print-size", *options, path], check=True,
                              capture_output=True, text=True).stdout
        fields = [line.split() for line in text.splitlines()]
        self.functions = [(int(f[0], 16), int(f[1], 16), f[3]) for f in fields if len(f) == 4]

    def name(self, offset):
        return next((name for start, size, name in self.functions
                     if start <= offset < start + size), None)


def outline(frames):
    """For messages: where a stack leads."""
    return " < ".join(f["function"] or f"{os.path.basename(f['module'] or '?')}+{f['offset']:x}"
                      for f in frames[:3] + frames[-6:])


def same_file(module, said):
    """The fixture's own file has no name, or one of /proc."""
    if said in ("", "/proc/self/exe"):
        return True
    return bool(module) and os.path.basename(os.path.realpath(said)) == os.path.basename(module)


def difference(frames, truth):
    """What is wrong with the first frame that is not the truth's; None: nothing."""
    lead = LEAD.get(truth["case"], 2)
    wanted = truth["frames"][1:][:DEPTH - lead]
    found = frames[lead:]
    for i, (frame, (path, offset)) in enumerate(zip(found, wanted)):
        if frame["offset"] != offset or not same_file(frame["module"], path):
            return i, f"frame {i + lead} is {frame['function']}+{frame['offset']:x}, not {offset:x}"
        if frame["guessed"]:
            return i, f"frame {i + lead} ({frame['function']}) is guessed"
    if len(found) != len(wanted):
        return min(len(found), len(wanted)), f"{len(found) + lead} frames, not {len(wanted) + lead}"
    return None


def site_of(sites, truth):
    """The site of that chain, and what is wrong with it: the one that agrees longest."""
    best = None
    for site in sites:
        wrong = difference(site["frames"], truth)
        if not wrong:
            return site, None
        if not best or wrong[0] > best[1][0]:
            best = site, wrong
    return (best[0], best[1][1]) if best else (None, "no site")


def check_chain(sites, truth, ends=("whole",)):
    """None, or what is wrong."""
    site, wrong = site_of(sites, truth)
    case, lead = truth["case"], LEAD.get(truth["case"], 2)
    if wrong:
        return f"{case}: {wrong}: {outline(site['frames']) if site else ''}"
    frames = site["frames"]
    if len(truth["frames"]) + lead - 1 > DEPTH:
        ends = ("depth",)
    if site["stack_end"] not in ends or len(frames) > DEPTH:
        return f"{case}: {len(frames)} frames end in {site['stack_end']}, not {ends[0]}"
    # The truth's first frame is where the leaf goes on after its allocation.
    if not frames[0]["allocator"] or not 0 < truth["frames"][0][1] - frames[lead - 1]["offset"] < 512:
        return f"{case}: not by way of the leaf: {outline(frames)}"
    return None


def check(report, truths, skip=("interrupt",), ends=("whole",)):
    """Each chain of the truth has a site of its very frames; there is no other one."""
    fine(report)
    wrong = []
    for pid in sorted({t["pid"] for t in truths}):
        own = [t for t in truths if t["pid"] == pid]
        # what made the container was another program, some of whose blocks may be as large
        spaces = [p for p in report.of(pid) if not p["comm"].startswith("python")]
        sites = [s for p in spaces for s in p["sites"] if s["largest"] == LEAF_BYTES]
        blocks = sum(s["live_count"] for s in sites)
        if blocks != len(own):
            wrong.append(f"{blocks} chains in process {pid}, not {len(own)}")
        wrong += [w for t in own if t["case"] not in skip and (w := check_chain(sites, t, ends))]
    require(not wrong, "; ".join(wrong))


C_CASES = {"deep-5", "deep-30", "deep-115", "deep-140", "sort", "signal", "signal-stack",
           "interrupt", "thread", "child", "after"}


def run_c(name, options=(), arguments=(), more=(), ends=("whole",)):
    """All cases under `seep run`; the report and the truths."""
    told = Told()
    report = run(told, fixture(name), "--now", *arguments, options=("--no-inline", *options))
    truths = told_chains(told)
    require({t["case"] for t in truths} == C_CASES | set(more),
            f"the fixture did only {[t['case'] for t in truths]}")
    check(report, truths, ends=ends)
    return report, truths


@test("stacks.interrupted")
def stacks_interrupted():
    """A signal's handler allocates while a function runs that calls nothing."""
    told = Told()
    report = run(told, fixture("stacks"), "--now", options=["--no-inline"])
    truth = next(t for t in told_chains(told) if t["case"] == "interrupt")
    wrong = check_chain(report.sites(truth["pid"]), truth)
    require(not wrong, wrong)


@test("stacks.c.run")
@test("stacks.c.multi", "multi")
@test("stacks.c.perf-cookie", "perf-cookie")
def stacks_c(attach=None):
    """Depths, arrays, realigned frames, callbacks, signals, threads, fork, exec, dlopen."""
    options = ("--attach", attach) if attach else ()
    run_c("stacks", options, [fixture("stacks.so")], ["library"])


@test("stacks.few")
def stacks_few():
    """Where the kernel side remembers four stacks alone, all are sent, again and again."""
    run_c("stacks", ["--max-stacks=1"], [fixture("stacks.so")], ["library"])


@test("stacks.static")
def stacks_static():
    run_c("stacks-static")


@each("stacks.{}", ["musl", "musl-static"])
def stacks_musl(library):
    """musl's own functions have no call frame information: there a stack may have to end."""
    run_c(f"stacks-{library}", ends=("whole", "no rule", "no code"))


@test("stacks.stripped")
def stacks_stripped():
    """Without a symbol table: unnamed, and yet the functions of the one that has it."""
    report, truths = run_c("stacks-stripped")
    symbols = Symbols(fixture("stacks"))
    deep = next(t for t in truths if t["case"] == "deep-30")
    site, _ = site_of(report.sites(deep["pid"]), deep)
    wanted = ["leaf", *(f"link_{i:03}" for i in range(29, -1, -1)), "at_depth", "main"]
    frames = site["frames"][1:1 + len(wanted)]
    named = [symbols.name(f["offset"] - 1) for f in frames]
    require(named == wanted, f"{named}, not {wanted}")
    require(not any(f["function"] for f in frames), "a name without a symbol table")


@test("stacks.names")
def stacks_names():
    """The chain by name, in order, down to main."""
    report, truths = run_c("stacks", arguments=[fixture("stacks.so")], more=["library"])
    for depth in (5, 30, 115):
        truth = next(t for t in truths if t["case"] == f"deep-{depth}")
        site, _ = site_of(report.sites(truth["pid"]), truth)
        wanted = ["leaf", *(f"link_{i:03}" for i in range(depth - 1, -1, -1)), "at_depth", "main"]
        names = [f["function"] for f in site["frames"][1:]]
        require(names[:len(wanted)] == wanted, f"depth {depth}: {names}")
        require(names[-1] == "_start", f"depth {depth} ends in {names[-1]}")


class ChainTarget(Target):
    """A fixture that says its chains while it is attached to."""

    def __init__(self, *arguments, **keywords):
        self.lines = []
        super().__init__(*arguments, **keywords)

    def _line(self, seconds=60):
        self.lines.append(super()._line(seconds))
        return self.lines[-1]


def attach_to_stacks():
    """Attached to, with a library that is loaded only then: the report and the truths."""
    target = ChainTarget("stacks", fixture("stacks.so"))
    trace = Trace("-p", target.pid, "--no-inline").attached()
    target.work()
    truths = [t for t in chains(target.lines) if t["pid"] == target.pid]
    require(len(truths) == 10, f"{len(truths)} chains, not 10")
    return trace.stop(), truths, target.pid


@test("stacks.attach")
def stacks_attach():
    report, truths, _ = attach_to_stacks()
    check(report, truths, skip=("library",))


@test("stacks.attach.dlopen")
def stacks_attach_dlopen():
    """Until the table of a new library is in, its stacks are cut and say so; never wrong."""
    report, _, pid = attach_to_stacks()
    sites = [s for s in report.sites(pid) if s["largest"] == LEAF_BYTES and
             any((f["module"] or "").endswith("stacks.so") for f in s["frames"])]
    require(len(sites) == 1, f"{len(sites)} sites in the library, not 1")
    require(sites[0]["stack_end"] in ("whole", "no code"), sites[0]["stack_end"])
    require(sites[0]["stack_end"] == "whole" or len(sites[0]["frames"]) == 2,
            outline(sites[0]["frames"]))


@test("stacks.jit")
def stacks_jit():
    """Stacks lead through code made at run time, also after its page was not executable for a while."""
    target = Target("jit")
    trace = Trace("-p", target.pid).attached()
    target.tell()
    target.until("done")
    report = trace.stop()
    usual = [s for s in report.sites(target.pid) if s["largest"] == 200]
    require(len(usual) == 1, f"{len(usual)} sites, not 1")
    require(usual[0]["stack_end"] == "whole", f"it ends with {usual[0]['stack_end']}")
    named = [f["function"] for f in usual[0]["frames"]]
    require("call_made_code" in named and "main" in named, f"through made code: {named}")


CXX_CASES = {"new", "cleanup", "catch", "after-catch", "catch-all", "catch-again", "sort",
             "virtual", "thunk", "lambda", "constructor"}


@test("stacks.cxx.run")
@test("stacks.cxx.multi", "multi")
@test("stacks.cxx.perf-cookie", "perf-cookie")
def stacks_cxx(attach=None):
    """Clean-ups and handlers of exceptions, callbacks, virtual functions, thunks, lambdas."""
    told = Told()
    report = run(told, fixture("stacks-cxx"), "--now",
                 options=["--no-inline", *(["--attach", attach] if attach else [])])
    truths = told_chains(told)
    require({t["case"] for t in truths} == CXX_CASES,
            f"the fixture did only {[t['case'] for t in truths]}")
    check(report, truths)


PERL = "my %h = map { $_ => [map { \"x$_\" } 1..5] } 1..500; my @s = sort { $a <=> $b } keys %h; " \
       "my $t = join ',', @s; $t =~ s/1/2/g; eval { die 'x' };"
PYTHON = "import json, re, sqlite3, ctypes; s = json.dumps({str(i): [i] for i in range(500)}); " \
         "json.loads(s); re.findall(r'[0-9]+', s); c = sqlite3.connect(':memory:'); " \
         "c.execute('create table t(a)'); ctypes.CDLL(None).strdup(b'x' * 50)"


@test("stacks.perl", "perl", "-e", PERL)
@test("stacks.python", "/usr/bin/python3", "-c", PYTHON)
@test("stacks.redis-version", "redis-server", "--version")
@test("stacks.sort", "sort", "/etc/passwd")
def stacks_program(*command):
    """Programs as they are packaged: 999 of 1,000 stacks whole, and none by guessing."""
    need_program(command[0])
    sites = [s for p in quiet(command).processes for s in p["sites"] if s["stack_known"]]
    require(len(sites) > 5, f"only {len(sites)} stacks")
    cut = [s for s in sites if s["stack_end"] not in ("whole", "depth")]
    guessed = [s for s in sites if any(f["guessed"] for f in s["frames"])]
    note(f"{len(sites)} stacks, {len(cut)} cut, {len(guessed)} guessed")
    require(len(cut) * 1000 <= len(sites), f"{len(cut)} of {len(sites)} stacks are cut: "
                                           f"{[outline(s['frames']) for s in cut[:3]]}")
    require(not guessed, f"guessed: {[outline(s['frames']) for s in guessed[:3]]}")


def quiet(command):
    """A report of a command whose own output goes nowhere."""
    shell = ["sh", "-c", 'exec "$@" > /dev/null', "sh"]
    return run(None, *shell, *command, options=["--no-inline"])
