# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
redis-server under load, whole: untraced, within a budget of 2%, exact. What is compared is
the processor time of the server for one command; the ways alternate within a round.
"""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from children import Child, Unavailable

WAYS = ("untraced", "budget", "exact")
# The load goes on for so long with the probes on.
SECONDS = 20
PLANTED_EVERY = 25
OPTIONS = {"budget": ("--budget=2",), "exact": ("--budget=off",)}


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Redis:
    def __init__(self, folder, planted):
        self.port = _free_port()
        environment = ["env", f"LD_PRELOAD={planted}", f"PLANTED_EVERY={PLANTED_EVERY}"]
        self.server = Child([*environment, "redis-server", "--port", str(self.port), "--save", "",
                             "--appendonly", "no", "--dir", folder])
        self.server.wait_for(lambda line: "Ready to accept" in line, 20)
        self.load = Child(["redis-benchmark", "-p", str(self.port), "-t", "set", "-n",
                           "1000000000", "-r", "1000", "-c", "20", "-q"])
        time.sleep(1)

    def commands(self):
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.sendall(b"INFO stats\r\n")
            told = connection.recv(65536).decode()
        return int(re.search(r"total_commands_processed:(\d+)", told)[1])

    def measure(self, seconds):
        """Microseconds of processor time a command."""
        commands, used = self.commands(), _cpu_seconds(self.server.pid)
        time.sleep(seconds)
        return ((_cpu_seconds(self.server.pid) - used) * 1e6 /
                max(1, self.commands() - commands))

    def end(self):
        self.load.end(15)
        self.server.end(15)


def _measure(bench, way, redis, notes):
    if way == "untraced":
        return redis.measure(SECONDS)
    with tempfile.TemporaryFile() as report:
        seep = Child([bench.seep, "trace", "-v", "-q", "-p", str(redis.server.pid), "--duration",
                      "600", "--format", "json", *OPTIONS[way]], watch="stderr", stdout=report)
        try:
            seep.wait_for(lambda line: f"attach for {redis.server.pid}: 0" in line, 30)
            figure = redis.measure(SECONDS)
        finally:
            seep.end(2, 60)
        report.seek(0)
        document = json.load(report)
    named = [s for p in document["processes"] for s in p["sites"] if s["verdict"] == "growing"
             and any(f["function"] == "planted_leak" for f in s["frames"])]
    notes.setdefault(way, []).append({"named": bool(named), "health": {
        k: document["health"][k] for k in ("traced_share", "cost_seconds", "target_seconds")}})
    return figure


def measure(bench, rounds):
    """Figures of each way, one a round; and what the traces told."""
    for program in ("redis-server", "redis-benchmark"):
        if not shutil.which(program):
            raise Unavailable(f"no {program} here")
    planted = os.path.join(bench.build, "fixtures", "planted.so")
    figures, notes = {way: [] for way in WAYS}, {}
    with tempfile.TemporaryDirectory() as folder:
        redis = Redis(folder, planted)
        try:
            for number in range(rounds):
                for way in WAYS[number % 3:] + WAYS[:number % 3]:
                    figures[way].append(_measure(bench, way, redis, notes))
        finally:
            redis.end()
    return {"microseconds": figures, "notes": notes}


def ratio(served, way):
    pairs = zip(served["microseconds"][way], served["microseconds"]["untraced"])
    return statistics.median(a / b for a, b in pairs)
