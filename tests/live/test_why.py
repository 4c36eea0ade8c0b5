# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Who holds Python objects: growth planted in every kind of container and under every kind
of root must be found by its path, leaks without a holder must be told apart, and nothing
may be said against a process that is well.
"""

import json
import os
import subprocess
import time

from harness import each, note, require, start, test
from python_target import (KNOWN, Python, copy_of_system_python, interpreters, of_minor,
                           system_python)
from tracer import binary, seep, until_idle

HOLDERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures",
                       "holders.py")
MAIN = "modules[__main__]."
# shape of the path: type of the container
GROWN = {
    MAIN + "a_list": "list",
    MAIN + "a_dict": "dict",
    MAIN + "a_set": "set",
    MAIN + "a_deque": "deque",
    MAIN + "an_ordered_dict": "OrderedDict",
    MAIN + "a_defaultdict[*]": "list",
    MAIN + "a_queue.queue": "deque",
    MAIN + "a_session.rows": "list",
    MAIN + "a_slotted.rows": "list",
    MAIN + "a_named": "Named",
    MAIN + "a_named.extra": "list",
    MAIN + "Registry.entries": "dict",
    MAIN + "by_default.__defaults__[*]": "list",
    MAIN + "in_closure.<closure hits>": "list",
    MAIN + "nested[*][*].items": "dict",
    MAIN + "unbounded.cache": "lru_cache",
    MAIN + "a_local.<thread-local>.stuff": "list",
}


class Holders(Python):
    """tests/fixtures/holders.py under an interpreter."""

    def __init__(self, path, *scenarios):
        # what Python starts is its own fixture: this one speaks as that does
        self.path = path
        self.process = start([path, HOLDERS, *scenarios], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        self.pid = self.process.pid
        self._rest = b""
        self.line()


def look(pid, *options, code=0):
    report = seep("why", *options, "-p", pid, "--format", "json", "--limit", "0", seconds=90)
    require(report.code == code, f"exit code {report.code}, not {code}: {report.err[-300:]}")
    document = report.parse().document
    require(document["schema"] == 1 and len(document["processes"]) == 1, "not one process")
    return document["processes"][0]


def only_frames(process, local):
    return [c for c in process["containers"] if c["path"].endswith(" local " + local)]


def types_of(process, kind):
    return {row["type"]: row["count"] for row in process["unreached"][kind]["types"]}


@each("why.paths-{}", KNOWN)
def paths(minor):
    """Each kind of container under each kind of root, with its length, growth and content."""
    for path in of_minor(minor):
        target = Holders(path)
        target.ask("grow 300")
        run = start([binary(), "why", "-p", str(target.pid), "--every", "3", "--count", "2",
                     "--format", "json", "--limit", "0"], stdout=subprocess.PIPE)
        # after the first look, before the second
        time.sleep(0.3)
        until_idle(run.pid)
        target.ask("grow 200")
        out, _ = run.communicate(timeout=60)
        document = json.loads(out)
        process = document["processes"][0]
        found = {c["shape"]: c for c in process["containers"]}
        for shape, kind in GROWN.items():
            if shape.endswith("unbounded.cache") and minor == "2.7":
                continue
            require(shape in found, f"{path}: no {shape} in {sorted(found)}")
            c = found[shape]
            require(c["type"] == kind, f"{path}: {shape} is {c['type']}")
            require(c["length"] == 500, f"{path}: {shape} has {c['length']}")
            require(c["growth"] == 200, f"{path}: {shape} grew by {c['growth']}")
            require(c["holds"] and c["holds"][0]["type"] == "Item", f"{path}: {shape} {c['holds']}")
            require(c["bytes"] > 500 * 16, f"{path}: {shape} holds {c['bytes']}")
            require(c["root"] == "module", f"{path}: {shape} from {c['root']}")
        mine = only_frames(process, "mine")
        require(len(mine) == 1 and mine[0]["path"].startswith("<frame holder (holders.py:"),
                f"{path}: {mine}")
        require(mine[0]["root"] == "frame" and mine[0]["length"] == 500, f"{path}: {mine}")
        inside = only_frames(process, "inside")
        require(len(inside) == 1 and "in_generator" in inside[0]["path"], f"{path}: {inside}")
        require(not any("key-" in c["path"] for c in process["containers"]), "keys are shown")
        held = process["unreached"]["held"]["objects"]
        require(held <= 25, f"{path}: {held} held from C: {types_of(process, 'held')}")


@each("why.unreached-{}", KNOWN)
def unreached(minor):
    """Missing DECREFs and dead cycles are told apart, 98% of each at least."""
    for path in of_minor(minor):
        target = Holders(path, "lost", "cycles")
        process = look(target.pid, code=10)
        held, dead = types_of(process, "held"), types_of(process, "cycles")
        note(f"{path}: {held}, {dead}")
        require(held.get("Lost", 0) >= 490, f"{path}: held {held}")
        require(dead.get("Node", 0) >= 980, f"{path}: dead {dead}")
        require("Node" not in held and "Lost" not in dead, f"{path}: {held} {dead}")
        require(process["verdict"]["cause"] == "cycle", f"{path}: {process['verdict']}")


@each("why.global-{}", KNOWN)
def c_global(minor):
    """What only a variable of C leads to is named by it."""
    for path in of_minor(minor):
        target = Holders(path, "in_c")
        process = look(target.pid)
        found = [c for c in process["containers"] if c["length"] == 3333]
        require(len(found) == 1 and found[0]["root"] == "global", f"{path}: {found}")
        require("<C global " in found[0]["path"], f"{path}: {found[0]['path']}")


@each("why.uncollectable-{}", ["2.7", "3.11"])
def uncollectable(minor):
    """Cycles with __del__: 2.7 gives them up, later versions do not."""
    old = minor == "2.7"
    for path in of_minor(minor):
        process = look(Holders(path, "uncollectable").pid, code=10 if old else 0)
        found = types_of(process, "uncollectable")
        require(found.get("Finalized", 0) == (200 if old else 0), f"{path}: {found}")
        if old:
            require(process["verdict"]["cause"] == "uncollectable", f"{process['verdict']}")


@test("why.many-modules")
def many_modules():
    """An interpreter is found behind more extension modules than files are tried."""
    names = ("_bisect _blake2 _bz2 _contextvars _csv _datetime _decimal _hashlib _heapq _json "
             "_lzma _opcode _pickle _random _sha512 _socket _ssl _struct _uuid array binascii "
             "math select unicodedata zlib")
    code = (f"for name in '{names}'.split():\n    try: __import__(name)\n"
            "    except ImportError: pass\n"
            "import sys, time\nprint('ready'); sys.stdout.flush(); time.sleep(100)")
    for path in interpreters().values():
        target = start([path, "-c", code], stdout=subprocess.PIPE)
        target.stdout.readline()
        require(look(target.pid)["objects"] > 1000, f"{path}: no objects")


@test("why.type")
def of_type():
    """Paths to objects of a type, by their shape, each with an example."""
    target = Holders(system_python(), "lost")
    target.ask("grow 100")
    process = look(target.pid, "Item", "--samples", "0")
    paths_ = process["paths"]
    require(paths_["objects"] == paths_["sampled"] >= 1700, f"{paths_['objects']}")
    shapes = {row["shape"]: row for row in paths_["shapes"]}
    require(shapes[MAIN + "a_list[*]"]["count"] == 100, f"{shapes}")
    require(shapes[MAIN + "a_dict[*]"]["example"] == MAIN + "a_dict[str of 5]", f"{shapes}")
    process = look(target.pid, "Item", "--samples", "0", "--show-keys")
    examples = [row["example"] for row in process["paths"]["shapes"]]
    require(MAIN + 'a_dict["key-0"]' in examples, f"{examples}")
    process = look(target.pid, "Lost")
    require(process["paths"]["shapes"][0]["root"] == "c", f"{process['paths']}")


def verdict(scenario, code, looks=5):
    target = Holders(system_python(), scenario)
    time.sleep(0.5)
    return look(target.pid, "--every", "0.7", "--count", str(looks), code=code)


@test("why.verdicts")
def verdicts():
    """Each cause by its name, with its numbers."""
    process = verdict("leak", 10)
    require(process["verdict"]["cause"] == "container", f"{process['verdict']}")
    require(process["containers"][0]["path"] == MAIN + "a_list", f"{process['containers'][0]}")
    process = verdict("keep_losing", 10)
    require(process["verdict"]["cause"] == "held from C", f"{process['verdict']}")
    process = verdict("overflow", 10)
    first = process["containers"][0]
    require(process["verdict"]["cause"] == "container" and first["path"] == MAIN + "jobs.queue",
            f"{process['verdict']} {first}")
    require(first["holds"][0]["type"] == "tuple", f"{first}")


@test("why.clean")
def clean():
    """Nothing is said against what is well."""
    for scenario, cause in (("warming", "filling"), ("steady", "none")):
        process = verdict(scenario, 0)
        require(process["verdict"]["cause"] == cause, f"{scenario}: {process['verdict']}")
    require(process["unreached"]["held"]["objects"] < 100, f"{process['unreached']}")


@test("why.text")
def text():
    """The report for people: paths, what they hold, the verdict; never a key."""
    target = Holders(system_python())
    target.ask("grow 300")
    report = seep("why", "-p", target.pid, seconds=60)
    require(report.code == 0, f"exit code {report.code}")
    for words in ("of Item 100%", MAIN + "a_set", "Verdict: too little data"):
        require(words in report.out, f"no {words!r} in {report.out[-600:]}")
    report = seep("why", "-p", target.pid, "Item", "--limit", "3", seconds=60)
    require("such as " in report.out and "key-" not in report.out, report.out[-600:])


@test("why.several")
def several():
    """Workers found by their name or named one by one: each its own report."""
    path = copy_of_system_python("shop-worker")
    workers = [Python(path, 1000 * (i + 1), env={"PYTHONHOME": "/usr"}) for i in range(2)]
    for choice in (("--comm", "shop-work*"),
                   ("-p", ",".join(str(worker.pid) for worker in workers))):
        report = seep("why", *choice, "--format", "json", seconds=60)
        require(report.code == 0, f"exit code {report.code}: {report.err[-300:]}")
        processes = report.parse().document["processes"]
        require([p["pid"] for p in processes] == [w.pid for w in workers], f"{choice}: which")
        for i, process in enumerate(processes):
            rows = {c["path"]: c["length"] for c in process["containers"]}
            require(rows.get(MAIN + "kept[0]") == 1000 * (i + 1), f"{choice}: {rows}")
    report = seep("why", "--comm", "shop-work*", seconds=60)
    require(report.out.count("Verdict: ") == 2, report.out[-600:])


@test("why.refusals")
def refusals():
    sleeper = start(["sleep", "60"])
    for arguments, code, words in (
            (("-p", sleeper.pid), 2, "not CPython"),
            ((), 2, "which process"),
            (("-p", "1", "--count", "3"), 2, "--every"),
            (("-p", "1", "--comm", "x"), 2, "exclude"),
            (("--comm", "no-such-*"), 4, "no process"),
            (("-p", "1", "int", "str"), 2, "one type")):
        report = seep("why", *arguments)
        require(report.code == code and words in report.err, f"{arguments}: {report.err[-300:]}")


@test("why.speed")
def speed():
    """A million objects in the promised time and memory, with much to spare for a busy machine."""
    code = ("import sys, time\nkept = [(i, [i]) for i in range(200000)]\n"
            "print('ready'); sys.stdout.flush(); time.sleep(100)")
    target = start([system_python(), "-c", code], stdout=subprocess.PIPE)
    target.stdout.readline()
    process = look(target.pid)
    millions = process["objects"] / 1e6
    note(f"{process['seconds'] / millions:.2f} s, {process['memory'] / millions / 1e6:.0f} MB "
         f"a million objects")
    require(process["seconds"] / millions < 20, f"{process['seconds']} s")
    require(process["memory"] / millions < 350e6, f"{process['memory']} bytes")
