# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Services on frameworks that nobody here wrote (tests/fixtures/python_services), under load,
each with one planted cause of growth or none; and what is to be said of each.
"""

import os
import shutil
import subprocess

from harness import Failure, Skip, need_program, require, start
from python_target import system_python

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures",
                      "python_services")
FRAMEWORKS = ["flask", "django", "tornado", "aiohttp", "twisted"]
# The planted cause: the word for it, and what must be named (a path, a type, a place).
EXPECTED = {
    "clean": ("none", None),
    "dict": ("container", "modules[causes].SESSIONS"),
    "list": ("container", "modules[causes].AUDIT"),
    "cache": ("container", "modules[causes].price"),
    # with nobody to collect them the framework's own cycles are more than the planted ones
    "cycle": ("cycle", "gc is disabled"),
    "frozen": ("cycle", "gc.freeze()"),
    "native": ("C module", "causes.py:"),
    "held": ("held from C", "Session"),
}
# What is said of tests/fixtures/python_services/behaviours.py: verdicts and causes that are
# right, and the path that must be named.
BEHAVIOURS = {
    "warming": (("filling", "none"), ("filling", "none"), None),
    "imports": (("filling", "none", "too little data"), ("loading", "none"), None),
    "frames": (("none", "too little data"), ("none",), None),
    "rows": (("none", "too little data", "overflow"), ("none", "overflow"), None),
    "batch": (("none", "too little data"), ("none",), None),
    "sessions": (("none", "too little data"), ("none",), None),
    "overflow": (("overflow",), ("overflow",), "modules[__main__].table"),
    "queue": (("leak",), ("container",), "modules[__main__].jobs.queue"),
}


def has_module(name):
    done = subprocess.run([system_python(), "-c", f"import {name}"], capture_output=True,
                          check=False)
    return done.returncode == 0


def first_line(process, what):
    line = process.stdout.readline().decode().split()
    if not line or line[0] != "ready":
        raise Failure(f"{what} did not begin: {line}")
    return line[1:]


class Service:
    """A framework's service with its cause, and who asks it."""

    def __init__(self, framework, cause, rate=100, connections=4):
        if not has_module(framework):
            raise Skip(f"no python3-{framework}")
        self.framework, self.cause = framework, cause
        self.process = start([system_python(), os.path.join(FOLDER, f"{framework}_service.py"),
                              cause], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        self.port = int(first_line(self.process, f"{framework} with {cause}")[0])
        self.load = ask(self.port, rate, connections)

    def answers(self):
        """Ends the load; how many answers it had."""
        return answers_of(self.load)


def ask(port, rate, connections):
    """The load on a port; it ends with the test, or by answers_of."""
    return start([system_python(), os.path.join(FOLDER, "load.py"), str(port), str(rate),
                  str(connections)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def answers_of(load):
    out, _ = load.communicate(timeout=30)
    return int(out)


def named(objects):
    """All that the row names: where, what, by whom."""
    words = [objects[key] for key in ("path", "type", "place", "reason") if objects[key]]
    return " ".join(words)


def complaint(process, cause):
    """What is wrong with the process's row for that cause; None: nothing."""
    objects = process["objects"]
    word, what = EXPECTED[cause]
    leak = cause != "clean"
    if not objects:
        return f"its objects were not looked at; {process['verdict']}"
    told = f"{process['verdict']}: {objects['reason']}"
    if objects["cause"] != word or (process["verdict"] == "leak") != leak:
        return f"called {objects['cause']}, {told}"
    if what and what not in named(objects):
        return f"{what} is not named: {told}"
    return None


def expect(report, service):
    process = report.process(service.pid)
    wrong = complaint(process, service.cause)
    require(not wrong, f"{service.framework} with {service.cause}: {wrong}")
    answers = service.answers()
    require(answers > 100, f"{service.framework} gave {answers} answers only")
    return process


class Behaviour:
    """A program of behaviours.py."""

    def __init__(self, name):
        self.name = name
        if name == "frames" and not has_module("numpy"):
            raise Skip("no python3-numpy")
        self.process = start([system_python(), os.path.join(FOLDER, "behaviours.py"), name],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        first_line(self.process, name)


def behaviour_complaint(process, name):
    """What is wrong with the process's row; None: nothing."""
    objects = process["objects"]
    verdicts, causes, path = BEHAVIOURS[name]
    if not objects:
        return f"its objects were not looked at; {process['verdict']}"
    told = f"{process['verdict']}, {objects['cause']}: {objects['reason']}"
    if process["verdict"] not in verdicts or objects["cause"] not in causes:
        return f"called {told}"
    return f"{path} is not named: {told}" if path and objects["path"] != path else None


def expect_behaviour(report, program):
    wrong = behaviour_complaint(report.process(program.pid), program.name)
    require(not wrong, f"{program.name}: {wrong}")


class Prefork:
    """gunicorn with three workers, one of which has the cause; and who asks them."""

    def __init__(self, cause, worker=2, rate=150):
        need_program("gunicorn")
        environment = dict(os.environ, LEAK_CAUSE=cause, LEAK_WORKER=str(worker))
        self.process = start([system_python(), shutil.which("gunicorn"), "-c",
                              "gunicorn_conf.py", "gunicorn_app:application"], cwd=FOLDER,
                             env=environment, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        port, told = None, {}
        while port is None or len(told) < 3:
            words = self.process.stdout.readline().split()
            require(words, "gunicorn did not begin")
            if words[0] == b"ready":
                port = int(words[1])
            else:
                told[int(words[1])] = int(words[2])
        self.growing = told.pop(worker)
        self.siblings = list(told.values())
        self.load = ask(port, rate, 9)


class Pool:
    """multiprocessing: a child with the cause, and a pool of three without."""

    def __init__(self, cause, python=None):
        self.process = start([python or system_python(), os.path.join(FOLDER, "pools.py"), cause],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        self.growing, *self.siblings = map(int, first_line(self.process, "pools.py"))


def expect_growing(report, family, path):
    """The one that grows is called so, by its path; nobody else of its family is."""
    for pid in (family.pid, *family.siblings):
        process = report.process(pid)
        require(process["verdict"] not in ("leak", "overflow"),
                f"{pid}, not {family.growing}: {process['verdict']}, {process['objects']}")
    process = report.process(family.growing)
    objects = process["objects"]
    require(process["verdict"] == "leak" and objects and objects["cause"] == "container"
            and objects["path"] == path, f"{process['verdict']}, {objects}")
