# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The compile of a real C++ file, whole: bare, under probes that do nothing, under seep. What is
compared is the processor time of the compiler alone, system time included.
"""

import os
import re
import shutil
import statistics
import subprocess
import tempfile

from children import Child, Unavailable

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compiled.cc")
WAYS = ("bare", "floor", "seep")
SECONDS = 300


def _compiler():
    path = subprocess.run(["g++", "-print-prog-name=cc1plus"], capture_output=True, text=True,
                          check=True).stdout.strip()
    if not os.path.isabs(path):
        raise Unavailable("g++ has no cc1plus")
    return path


def _libraries(program, folder):
    """Its libraries copied, so that probes in the copies are met by nobody else."""
    out = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"=> (/\S+)", out):
        shutil.copy(path, folder)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


class Compile:
    def __init__(self, bench, folder):
        self.bench, self.folder = bench, folder
        self.cc1plus = shutil.copy(_compiler(), folder)
        libraries = os.path.join(folder, "libraries")
        os.mkdir(libraries)
        self.files = [self.cc1plus, *_libraries(self.cc1plus, libraries)]
        self.text = os.path.join(folder, "source.ii")
        subprocess.run(["g++", "-std=c++17", "-E", "-O2", "-o", self.text, SOURCE], check=True)
        self.command = ["env", f"LD_LIBRARY_PATH={libraries}", self.cc1plus, "-quiet", "-O2", "-std=c++17",
                        "-o", "/dev/null", self.text]

    def seconds_of(self, program):
        """Of this program, which runs the compiler, with all that it starts."""
        return self._seconds(command=[*program, *self.command])

    def _seconds(self, before=(), command=()):
        """Of the compiler: what the shell that has started it says of its children."""
        script = 'TIMEFORMAT="compiler %U %S"; time "$@"'
        done = subprocess.run([*before, "bash", "-c", script, "bash", *(command or self.command)],
                              capture_output=True, text=True, timeout=SECONDS)
        told = re.search(r"compiler ([0-9.]+) ([0-9.]+)", done.stderr)
        if done.returncode or not told:
            raise Unavailable(f"the compile failed: {done.stderr.strip()[-200:]}")
        return float(told[1]) + float(told[2])

    def bare(self):
        return self._seconds()

    def floor(self):
        files = [word for path in self.files for word in ("-F", path)]
        floor = Child([self.bench.floor, *files])
        try:
            floor.wait_for(lambda line: line.startswith("ready"), 30)
            return self._seconds()
        finally:
            floor.end()

    def seep(self):
        return self._seconds([self.bench.seep, "run", "-q", "--"])


def measure(bench, rounds):
    """Seconds by way, a list each, taken in turn."""
    with tempfile.TemporaryDirectory() as folder:
        compile_ = Compile(bench, folder)
        seconds = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way in WAYS:
                seconds[way].append(getattr(compile_, way)())
    return seconds


def ratio(seconds, way, base):
    return statistics.median(a / b for a, b in zip(seconds[way], seconds[base]))

