# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The same totals as LeakSanitizer and Valgrind on the same program."""

import os
import re
import subprocess
import xml.etree.ElementTree as tree

from harness import Skip, fixture, need_program, require, scratch, test
from target import Told
from tracer import compare, fine, run

LOST = ("lose_direct", "lose_chained")


def traced():
    told = Told()
    report = fine(run(told, fixture("lost"), "--now"))
    compare(report, told.truths()[0])
    return report, told.pid()


def totals(report, functions):
    return (sum(report.sum(f, "live_bytes") for f in functions),
            sum(report.sum(f, "live_count") for f in functions))


@test("peers.leak-sanitizer")
def leak_sanitizer():
    program = fixture("lost-sanitized")
    environment = dict(os.environ, LSAN_OPTIONS="exitcode=23", FIXTURE_OUT=scratch("lsan"))
    done = subprocess.run([program, "--now"], capture_output=True, text=True, env=environment,
                          stdin=subprocess.DEVNULL, timeout=60, check=False)
    summary = re.search(r"(\d+) byte\(s\) leaked in (\d+) allocation\(s\)", done.stderr)
    if not summary:
        raise Skip(f"LeakSanitizer does not work here: {done.stderr[-200:]!r}")
    theirs = (int(summary[1]), int(summary[2]))
    report, _ = traced()
    ours = totals(report, LOST)
    require(ours == theirs, f"bytes and blocks lost: {ours}, LeakSanitizer {theirs}")


@test("peers.valgrind")
def valgrind():
    need_program("valgrind")
    path = scratch("memcheck.xml")
    environment = dict(os.environ, FIXTURE_OUT=scratch("valgrind"))
    subprocess.run(["valgrind", "--tool=memcheck", "--leak-check=full", "--show-leak-kinds=all",
                    "--run-libc-freeres=no", "--xml=yes", f"--xml-file={path}", fixture("lost"),
                    "--now"], env=environment, stdin=subprocess.DEVNULL, timeout=80, check=True,
                   capture_output=True)
    found = {}
    for error in tree.parse(path).getroot().findall("error"):
        what = error.find("xwhat")
        if what is not None and error.findtext("kind", "").startswith("Leak_"):
            kind = found.setdefault(error.findtext("kind"), [0, 0])
            kind[0] += int(what.findtext("leakedbytes"))
            kind[1] += int(what.findtext("leakedblocks"))
    # the bytes of a definite loss include those that are lost through it, its blocks do not
    bytes_of = {kind: value[0] for kind, value in found.items() if kind != "Leak_IndirectlyLost"}
    live = (sum(bytes_of.values()), sum(value[1] for value in found.values()))
    lost = (bytes_of["Leak_DefinitelyLost"],
            found["Leak_DefinitelyLost"][1] + found["Leak_IndirectlyLost"][1])
    report, pid = traced()
    ours = totals(report, LOST)
    require(ours == lost, f"bytes and blocks lost: {ours}, Valgrind {lost}")
    process = report.process(pid)
    all_of_ours = (process["live_bytes"], process["live_count"])
    require(all_of_ours == live,
            f"bytes and blocks at exit: {all_of_ours}, Valgrind {live}")
