# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Servers under load and a compile, whole: untraced, within the default budget, exact, under
heaptrack. What is compared is the processor time of the program for one operation. A way of
tracing is compared with the same server untraced just before and just after; heaptrack, which
has to be there from the start, with a server of its own that is started in turn.

Each server loses a block of 48 bytes at about a hundredth of its allocations
(tests/fixtures/planted.c).
"""

import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

import compiling
from children import Child, Unavailable

HERE = os.path.dirname(os.path.abspath(__file__))
WAYS = ("untraced", "budget", "exact", "heaptrack")
# How long each is looked at; a report of a trace within the budget comes every INTERVAL.
SECONDS = {"untraced": 10, "budget": 60, "exact": 10, "heaptrack": 10}
INTERVAL = 5
# A round of one server takes two minutes.
MOST_ROUNDS = 3
SLICE = 0.25
# Around a burst, probes are in for some time.
ATTACHING, DETACHING = 0.15, 0.35
TRACE = {"budget": ("--budget=2",), "exact": ("--budget=off",)}

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        keepalive_requests {kept};
        location / {{ return 200 "hello\\n"; }}
        location = /count {{ stub_status; }}
    }}
}}
"""


def _get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


def _redis(folder, port):
    return ["redis-server", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", folder]


def _redis_count(port):
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"INFO stats\r\n")
        told = connection.recv(65536).decode()
    return int(told.split("total_commands_processed:")[1].split()[0])


def _redis_load(port):
    return ["redis-benchmark", "-p", str(port), "-t", "set", "-n", "1000000000", "-r", "1000",
            "-c", "20", "-q"]


def _python(_, port):
    return ["/usr/bin/python3", os.path.join(HERE, "python_service.py"), str(port)]


def _nginx(kept):
    def command(folder, port):
        path = os.path.join(folder, "nginx.conf")
        with open(path, "w", encoding="ascii") as out:
            out.write(NGINX.format(folder=folder, port=port, kept=kept))
        return ["nginx", "-p", folder, "-c", path]
    return command


def _wrk(connections):
    return lambda port: ["wrk", "-t", "1", "-c", str(connections), "-d", "3600",
                         f"http://127.0.0.1:{port}/"]


# Name; programs it needs; its command; its load; operations so far; reads or receives in which
# a block is lost: so many that it is one of a hundred that are allocated.
SERVERS = (
    ("redis", ("redis-server", "redis-benchmark"), _redis, _redis_load, _redis_count, 20),
    ("python", ("wrk",), _python, _wrk(2), lambda port: int(_get(port, "/count")), 4),
    *((f"nginx_{kept}", ("nginx", "wrk"), _nginx(kept), _wrk(10),
       lambda port: int(_get(port, "/count").split("\n")[2].split()[2]), every)
      for kept, every in ((100, 33), (1, 25))),
)
COMPILE = "cc1plus"
NAMES = (*(server[0] for server in SERVERS), COMPILE)


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _cpu_seconds(pid):
    """Of the whole process, to the nanosecond: its clock has the number that the kernel gives it."""
    return time.clock_gettime(~pid << 3 | 2)


def _descendant(pid, name):
    """The one of this name that a script has started, or itself."""
    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
        if comm.read().strip().startswith(name[:15]):
            return pid
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        found = (_descendant(int(child), name) for child in children.read().split())
        return next((child for child in found if child), None)


def _microseconds(looks):
    """Of processor time for an operation."""
    (_, used, done), (_, used_then, done_then) = looks[0], looks[-1]
    return (used_then - used) * 1e6 / max(1, done_then - done)


def _excess_percent(looks, document):
    """
    What the bursts have cost, by the processor time for an operation in the slices that they are
    in and in those between them: what a busy machine does to the figure from one minute to the
    next, it does to both.
    """
    started = document["capture"]["started"]
    traced = [(started + burst["begin"] - ATTACHING, started + burst["end"] + DETACHING)
              for burst in document["health"]["bursts"]]
    sums = {True: [0, 0], False: [0, 0]}
    for (begin, used, done), (end, used_then, done_then) in zip(looks, looks[1:]):
        within = any(first < end and begin < last for first, last in traced)
        sums[within][0] += used_then - used
        sums[within][1] += done_then - done
    (cpu, operations), (cpu_alone, alone) = sums[True], sums[False]
    if not operations or not alone:
        return None
    return (cpu - operations * cpu_alone / alone) / (cpu + cpu_alone) * 100


class Running:
    """A server under load."""

    def __init__(self, bench, server, folder, before=()):
        _, _, command, load, self.count, every = server
        self.port = _free_port()
        argv = command(folder, self.port)
        planted = os.path.join(bench.build, "fixtures", "planted.so")
        os.environ.update(LD_PRELOAD=planted, PLANTED_EVERY=str(every))
        try:
            self.server = Child([*before, *argv])
        finally:
            del os.environ["LD_PRELOAD"], os.environ["PLANTED_EVERY"]
        self.operations_until(20)
        self.pid = _descendant(self.server.pid, os.path.basename(argv[0]))
        self.load = Child(load(self.port))
        time.sleep(2)

    def operations_until(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                return self.count(self.port)
            except OSError:
                time.sleep(0.1)
        raise Unavailable(f"{self.server.name} does not answer")

    def look(self):
        return time.time(), _cpu_seconds(self.pid), self.count(self.port)

    def looks(self, seconds):
        """One every SLICE."""
        found = [self.look()]
        while found[-1][0] < found[0][0] + seconds:
            time.sleep(SLICE)
            found.append(self.look())
        return found

    def measure(self, seconds):
        return _microseconds(self.looks(seconds))

    def end(self):
        self.load.end(15)
        self.server.end(15)


def documents_in(text):
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        document, at = decoder.raw_decode(text, at)
        yield document


def _accused(document):
    """Functions of each site that is said to leak."""
    return [[f["function"] for f in s["frames"]] for p in document["processes"]
            for s in p["sites"] if s["verdict"] == "growing"]


def notes_of(documents):
    """When the planted leak was first told, seconds; whom else; what it is said to have cost."""
    told, others = None, set()
    for document in documents:
        for functions in _accused(document):
            if "planted_leak" not in functions:
                others.add(functions[0] if functions else "?")
            elif told is None:
                told = document["capture"]["seconds"]
    health = documents[-1]["health"]
    return {"named_after": told, "others": sorted(others),
            "bursts": len(health["bursts"]), "traced_share": health["traced_share"],
            "own_percent": health["cpu_seconds"] / documents[-1]["capture"]["seconds"] * 100,
            "said_percent": health["cost_seconds"] / health["target_seconds"] * 100
            if health["target_seconds"] else None}


def _traced(bench, running, way):
    """The figure of a traced server, and what the trace has told."""
    count = SECONDS[way] // INTERVAL
    with tempfile.TemporaryFile() as report:
        seep = Child([bench.seep, "trace", "-v", "-q", "-p", str(running.pid), "--format", "json",
                      *TRACE[way], str(INTERVAL), str(count)], watch="stderr", stdout=report)
        try:
            seep.wait_for(lambda line: f"attach for {running.pid}: 0" in line, 30)
            looks = running.looks(SECONDS[way])
        finally:
            seep.end(2, 60)
        report.seek(0)
        documents = list(documents_in(report.read().decode()))
        told = notes_of(documents) | {"excess_percent": _excess_percent(looks, documents[-1])}
        return _microseconds(looks), told


def _round(bench, server, ratios, notes, figures):
    with tempfile.TemporaryDirectory() as folder:
        running = Running(bench, server, folder)
        try:
            before = running.measure(SECONDS["untraced"])
            for way in TRACE:
                figure, told = _traced(bench, running, way)
                after = running.measure(SECONDS["untraced"])
                ratios[way].append(figure / ((before + after) / 2))
                notes[way].append(told)
                figures[way].append(figure)
                figures["untraced"].append(before)
                before = after
        finally:
            running.end()
    if not shutil.which("heaptrack"):
        return
    with tempfile.TemporaryDirectory() as folder:
        running = Running(bench, server, folder, ["heaptrack", "-r", "-o", f"{folder}/heaptrack"])
        try:
            figures["heaptrack"].append(running.measure(SECONDS["heaptrack"]))
            ratios["heaptrack"].append(figures["heaptrack"][-1] / before)
        finally:
            running.end()


def _serve(bench, server, rounds):
    missing = [program for program in server[1] if not shutil.which(program)]
    if missing:
        return {"reason": f"no {missing[0]} here"}
    ratios, notes, figures = ({way: [] for way in WAYS} for _ in range(3))
    try:
        for _ in range(rounds):
            _round(bench, server, ratios, notes, figures)
    except (Unavailable, OSError, ValueError, subprocess.SubprocessError) as error:
        return {"reason": str(error)}
    return {"ratios": ratios, "notes": notes, "figures": figures, "planted": True}


def measure(bench, rounds, names=NAMES):
    """By server: ratios to untraced and figures by way, a list each, and what traces told."""
    served = {server[0]: _serve(bench, server, rounds) for server in SERVERS if server[0] in names}
    return served | ({COMPILE: _compile(bench, rounds)} if COMPILE in names else {})


class _Compiled:
    """
    A compile, each way once in a round. It leaks nothing: it ends before it matters. Under heaptrack
    with what packs its data.
    """

    # The compiler runs for so long before a trace within the budget begins.
    ALONE = 0.3

    def __init__(self, bench, folder):
        self.bench, self.compile = bench, compiling.Compile(bench, folder)
        self.raw = os.path.join(folder, "heaptrack")

    def untraced(self):
        return self.compile.bare(), None

    def exact(self):
        return self.compile.seep(), None

    def heaptrack(self):
        return self.compile.seconds_of(["heaptrack", "-r", "-o", self.raw]), None

    def budget(self):
        script = 'TIMEFORMAT="compiler %U %S"; time "$@"'
        shell = Child(["bash", "-c", script, "bash", *self.compile.command], watch="stderr")
        try:
            time.sleep(self.ALONE)
            pid = _descendant(shell.pid, "cc1plus")
            with tempfile.TemporaryFile() as report:
                seep = Child([self.bench.seep, "trace", "-q", "-p", str(pid), "--format", "json",
                              *TRACE["budget"]], watch="stderr", stdout=report)
                told = shell.wait_for(lambda line: line.startswith("compiler"), compiling.SECONDS)
                seep.end(2, 60)
                report.seek(0)
                notes = notes_of(list(documents_in(report.read().decode())))
        finally:
            shell.end(15)
        return sum(float(word) for word in told.split()[1:]), notes


def _compile(bench, rounds):
    ratios, notes, figures = ({way: [] for way in WAYS} for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        try:
            compiled = _Compiled(bench, folder)
            for _ in range(rounds):
                for way in WAYS if shutil.which("heaptrack") else WAYS[:-1]:
                    figure, told = getattr(compiled, way)()
                    figures[way].append(figure)
                    ratios[way].append(figure / figures["untraced"][-1])
                    notes[way] += [told] if told else []
        except (Unavailable, OSError, ValueError, subprocess.SubprocessError) as error:
            return {"reason": str(error)}
    return {"ratios": ratios, "notes": notes, "figures": figures, "planted": False}


def _middle(values, text="{:.3f}"):
    return text.format(statistics.median(values)) if values else "-"


def rows(served):
    """(server, way, ratio, figure, remarks) for each that was measured."""
    for name, told in served.items():
        if "reason" in told:
            yield name, "", "-", "-", told["reason"]
        for way in WAYS if "figures" in told else ():
            yield (name, way, _middle(told["ratios"][way]) if way != "untraced" else "",
                   _middle(told["figures"][way], "{:.2f}"), _remarks(told, way))


def _remarks(told, way):
    notes = told["notes"][way]
    if way == "heaptrack" and not told["figures"][way]:
        return "no heaptrack here" if not shutil.which("heaptrack") else "not measured"
    if not notes:
        return ""
    named = [note["named_after"] for note in notes if note["named_after"] is not None]
    words = f"leak named in {len(named)} of {len(notes)}" if told["planted"] else "nothing planted"
    if named:
        words += ", after " + " ".join(f"{seconds:.0f}" for seconds in named) + " s"
    for key, what in (("said_percent", "it says"), ("excess_percent", "measured in bursts")):
        costs = [note[key] for note in notes if note.get(key) is not None]
        if costs:
            words += f", {what} {statistics.median(costs):.1f}%"
    others = sorted({other for note in notes for other in note["others"]})
    return words + (f", ACCUSED: {' '.join(others)}" if others else "")
