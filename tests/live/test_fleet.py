# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a real sweep stores answers the fleet's questions: two builds of one leaking program."""

import json
import os
import re
import subprocess

from harness import fixture, require, scratch, start, test
from tracer import seep

QUICK = ("--triage=1s", "--trace=2s", "--budget=off", "--own-budget=off", "--format=json")


def build_id(path):
    notes = subprocess.run(["readelf", "-n", path], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    return bytes.fromhex(re.search(r"Build ID: ([0-9a-f]+)", notes).group(1))


def another_build(path):
    """The program again, as if built anew: with a build id of its own."""
    with open(fixture("grower"), "rb") as file:
        program = file.read()
    old = build_id(fixture("grower"))
    new = bytes(b ^ 0xff for b in old)
    require(program.count(old) == 1, "the build id is not to be found")
    with open(path, "wb") as file:
        file.write(program.replace(old, new))
    os.chmod(path, 0o755)
    return old.hex(), new.hex()


def ask(*arguments, code=0):
    report = seep("fleet", f"--store={scratch()}/store/seep.db", *arguments)
    require(report.code == code, f"exit code {report.code}, not {code}: {report.err[-300:]!r}")
    return report.out


def refused(*arguments):
    report = seep("fleet", f"--store={scratch()}/store/seep.db", *arguments)
    require(report.code == 2, f"exit code {report.code}, not 2: {report.out[:300]!r}")
    return report.err


@test("fleet.one-sweep-of-two-builds")
def two_builds():
    name = f"fl{os.getpid() % 1000000}"
    os.mkdir(f"{scratch()}/next")
    second = f"{scratch()}/next/grower"
    old, new = another_build(second)
    for program in (fixture("grower"), second):
        start([program, "leak", name], stdin=subprocess.PIPE)
    report = seep("sweep", f"--only=comm:{name}", f"--store={scratch()}/store/seep.db", *QUICK)
    require(report.code == 10, f"exit code {report.code}: {report.err[-300:]!r}")
    top = json.loads(ask("--format=json", "top"))
    require(top["sweeps"] == 1 and top["captures"] == 2, f"{top['sweeps']}, {top['captures']}")
    leak = top["sites"][0]
    require(leak["function"] == "leak_here" and leak["builds"] == 2 and leak["processes"] == 2,
            f"{leak}")
    # 4,000 bytes a thousand times a second, or what a busy machine makes of it
    require(4e5 < leak["bytes_per_second"] < 6e6, f"{leak['bytes_per_second']}")
    require(len([s for s in top["sites"] if s["function"] == "leak_here"]) == 1,
            "one site in two builds is two")
    site = json.loads(ask("--format=json", "site", leak["site"][:10]))
    require({s["build_id"] for s in site["sightings"]} == {old, new}, f"{site['sightings']}")
    require(len({s["signature"] for s in site["sightings"]}) == 2, "builds have one signature")
    require("leak_here" in ask("site", leak["site"]), "no stack")
    require(ask("versions", "grower").count(new[:12]) == 1, "no such build")
    versions = json.loads(ask("--format=json", "versions", "grower", old[:6], new[:6]))
    require(versions["sites"][0]["change"] == "too little data", f"{versions['sites'][0]}")
    # the one that is not named is the newest other one
    for chosen, other in ((old, new), (new, old)):
        compared = json.loads(ask("--format=json", "versions", "grower", f"--from={chosen[:6]}"))
        require([[b["build_id"] for b in compared[side]] for side in ("from", "to")] ==
                [[chosen], [other]], f"{compared['from']}, {compared['to']}")
        require(compared["sites_in_all"] == versions["sites_in_all"], f"{compared}")
    require("--from and --to" in refused("top", f"--from={old[:6]}"), "--from of top")
    require("--from and --to" in refused("versions", "grower", "a", "b", "--to=c"), "both ways")
    require("no sweep has traced a build" in refused("versions", "grower", "--from=zz"), "no build")


@test("fleet.errors")
def errors():
    for arguments, words in ((("top",), "seep sweep makes one"), (("site",), "SIGNATURE"),
                             (("bottom",), "none of top, site, versions"),
                             (("versions", "a", "b"), "two of its builds")):
        report = seep("fleet", f"--store={scratch()}/none.db", *arguments)
        require(report.code == 2 and words in report.err, f"{arguments}: {report.err!r}")
