# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Drives the seep binary, and compares what it reports with what a fixture knows."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time

from harness import PATIENCE, Failure, cleanup, note, require, settings, start, wait_for

# Exit codes that a trace without complaint ends with: nothing found, something found.
FINE = (0, 10)
COUNTED = ("live_bytes", "live_count", "alloc_bytes", "alloc_count", "free_count")
PROBE_LINKS = ("uprobe_multi", "perf")
# Longer than this no one waits for a seep that has work all the time.
BUSY_SECONDS = 5


def plain_name(function):
    """The bare name of a demangled C++ or Rust function."""
    if not function:
        return ""
    name = re.sub(r"^(?:void|char|type|plain|aligned)\*? ", "", function)
    name = re.sub(r"\(.*$", "", name)
    name = re.sub(r"::h[0-9a-f]{16}$", "", name)
    return re.sub(r"\.(?:constprop|isra|part|cold)\.?\d*", "", name.rsplit("::", 1)[-1])


# glibc's strdup keeps its argument in the frame pointer: a walker by frame pointers alone
# ends there, at a name that nothing else in the fixture leads to.
LAST_NAMES = {"leak_strdup": ("strdup", "__strdup"), "leak_strndup": ("strndup", "__strndup")}


class Report:
    """What seep left: the exit code, stderr, and the JSON document."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err
        self.document = None

    def parse(self):
        try:
            document = json.loads(self.out)
        except ValueError as error:
            raise Failure(f"stdout is not one JSON document ({error}); exit code {self.code}, "
                          f"stdout {self.out[:120]!r}, stderr {self.err[-300:]!r}") from error
        require(document.get("schema") == 1, f"schema is {document.get('schema')!r}, not 1")
        self.document = document
        return self

    @property
    def health(self):
        return self.document["health"]

    @property
    def processes(self):
        return self.document["processes"]

    def of(self, pid):
        """All address spaces of that process."""
        return [p for p in self.processes if p["pid"] == pid]

    def process(self, pid):
        found = self.of(pid)
        require(found, f"no process {pid} in the report, only "
                       f"{[(p['pid'], p['comm']) for p in self.processes]}")
        return found[-1]

    def sites(self, pid=None):
        return [s for p in self.processes if pid is None or p["pid"] == pid for s in p["sites"]]

    def sites_of(self, function, pid=None):
        wanted = (function, "via_" + function, *LAST_NAMES.get(function, ()))
        return [s for s in self.sites(pid)
                if any(plain_name(f.get("function")) in wanted for f in s["frames"])]

    def sum(self, function, field, pid=None):
        return sum(s[field] for s in self.sites_of(function, pid))


def written(file):
    """What a process has written so far; not by seek: the position is the one that it writes at."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)


def sleeps(pid):
    """Does it wait in all of its threads? One that only waits for a processor does not."""
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/stat", encoding="utf-8") as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] != "S":
                    return False
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def until_idle(pid, seconds=30, looks=10):
    """Waits until the process has done what there was to do: it sleeps whenever it is looked at."""
    end, asleep = time.monotonic() + seconds, 0
    while asleep < looks and time.monotonic() < end:
        asleep = asleep + 1 if sleeps(pid) else 0
        time.sleep(0.02)


class Trace:
    """`seep trace`, from its start until its probes are on, and to its report."""

    def __init__(self, *arguments, form="json", command="trace", env=None):
        self.files = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
        for file in self.files:
            cleanup(file.close)
        self.json = form == "json"
        self.says_when = command == "trace" and "-q" not in arguments
        argv = [binary(), command, "--format", form, "--all-sites", *map(str, arguments)]
        # figures are compared to the last byte: nothing may go unseen
        if command == "trace" and not any(a.startswith("--budget") for a in argv):
            argv.append("--budget=off")
        self.process = start(argv, stdin=subprocess.DEVNULL, stdout=self.files[0],
                             stderr=self.files[1], env=env)
        self.pid = self.process.pid

    def links(self):
        """Ids of the BPF links that it holds on probes."""
        found = {}
        folder = f"/proc/{self.pid}/fdinfo"
        try:
            for descriptor in os.listdir(folder):
                with open(f"{folder}/{descriptor}", encoding="ascii") as info:
                    text = info.read()
                kind = re.search(r"^link_type:\s*(\S+)", text, re.M)
                # Tracepoints are perf links too, and are there long before the first probe;
                # older kernels do not tell the two apart.
                tracepoint = re.search(r"^event_type:\s*tracepoint", text, re.M)
                identity = re.search(r"^link_id:\s*(\d+)", text, re.M)
                if kind and identity:
                    found[int(identity[1])] = "tracepoint" if tracepoint else kind[1]
        except (FileNotFoundError, ProcessLookupError):
            pass
        return found

    def attached(self, seconds=40, still=0.3):
        """
        Waits until it says so and has probes, and for a moment their links have stood still and it
        has slept: the tables by which stacks are walked are in too. One that has events coming in
        does not sleep, and is not waited for.
        """
        seconds *= PATIENCE
        end = time.monotonic() + seconds
        before, since, awake = None, 0, 0
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failure(f"seep ended before it traced: {self._collect().code}, "
                              f"{self._collect().err[-400:]!r}")
            links, now = self.links(), time.monotonic()
            on = any(kind in PROBE_LINKS for kind in links.values()) and \
                (not self.says_when or "tracing (" in self._stderr())
            if links != before or not on:
                before, since = links, now
            if not sleeps(self.pid):
                awake = now
            if now - max(since, awake) > still or now - since > still + BUSY_SECONDS:
                return self
            time.sleep(0.02)
        raise Failure(f"no probes within {seconds} s: {self._stderr()[-400:]!r}")

    def settled(self, seconds=30):
        """Waits until seep itself has little to do: the tables of all that was there are built."""
        end, before = time.monotonic() + seconds, None
        while time.monotonic() < end:
            with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            if before is not None and used - before < 0.1:
                break
            before = used
            time.sleep(0.5)
        return self

    def idle(self, seconds=30):
        """Waits until it has done what there was to do, however slow it is to do it."""
        until_idle(self.pid, seconds)
        return self

    def _stderr(self):
        return written(self.files[1]).decode(errors="replace")

    def _collect(self):
        self.files[0].seek(0)
        err = self._stderr()
        note(err)
        return Report(self.process.returncode, self.files[0].read().decode(errors="replace"), err)

    def stop(self, number=signal.SIGINT, seconds=60):
        """Ends the trace as Ctrl-C would; returns its report."""
        self.process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds=60):
        seconds *= PATIENCE
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"seep did not end within {seconds} s: "
                          f"{self._stderr()[-300:]!r}") from error
        report = self._collect()
        return report.parse() if self.json and report.code in (0, 10, 5) else report


def binary():
    return settings.seep


def seep(*arguments, seconds=60, env=None, before=()):
    """Runs seep to its end; returns code, stdout and stderr."""
    seconds *= PATIENCE
    argv = [*before, binary(), *map(str, arguments)]
    note("$ " + " ".join(argv))
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds,
                              env=env, check=False)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"seep {arguments[0]} did not end within {seconds} s") from error
    report = Report(done.returncode, done.stdout.decode(errors="replace"),
                    done.stderr.decode(errors="replace"))
    note(report.err)
    return report


def run(told, *command, options=(), seconds=60, env=None):
    """`seep run --format json -- COMMAND`; a report."""
    report = seep("run", "--format", "json", "--all-sites", *options, "--", *command,
                  seconds=seconds, env=dict(told.env, **(env or {})) if told else env)
    require(report.code in (0, 10, 5),
            f"seep run: exit code {report.code}, stderr {report.err[-400:]!r}")
    return report.parse()


def fine(report):
    """Nothing was lost: the figures may be compared to the last byte."""
    health = report.health
    require(health["dropped"] == 0, f"{health['dropped']} records dropped")
    require(report.code in FINE, f"exit code {report.code}, stderr {report.err[-300:]!r}")
    return report


def compare(report, truth, pid=None, fields=COUNTED, skip=("early_",)):
    """Every site of the truth to the last byte; all differences in one message."""
    pid = truth["pid"] if pid is None else pid
    fine(report)
    wrong = []
    for function, expected in sorted(truth["sites"].items()):
        if function.startswith(skip):
            continue
        for field in fields:
            found = report.sum(function, field, pid)
            if found != expected[field]:
                wrong.append(f"{function}.{field} {found}, truth {expected[field]}")
    require(not wrong, "; ".join(wrong[:8]) + (f"; {len(wrong) - 8} more" if wrong[8:] else ""))


def leaf_is(report, function, allocator=None):
    """The function is the allocator's direct caller in every one of its sites."""
    sites = report.sites_of(function)
    require(sites, f"no site of {function}")
    for site in sites:
        names = [plain_name(f.get("function")) for f in site["frames"]]
        own = [f for f in site["frames"] if f.get("allocator")]
        require(function in names[:2], f"{function} is not the caller of the allocator: {names}")
        require(own and own[0] is site["frames"][0],
                f"the allocator's frame is not marked: {names}")
        if allocator:
            require(names[0] == allocator, f"the leaf is {names[0]}, not {allocator}")


def family_is(report, function, family):
    found = {s["family"] for s in report.sites_of(function)}
    require(found == {family}, f"{function} is of {found}, not {family}")


def links_gone(identities, seconds=10):
    """Waits until the kernel knows none of those links any more."""
    def none_left():
        for identity in identities:
            done = subprocess.run(["bpftool", "link", "show", "id", str(identity)],
                                  capture_output=True, check=False)
            if done.returncode == 0 and done.stdout.strip():
                return False
        return True
    wait_for("links gone", seconds, none_left, 0.2)
