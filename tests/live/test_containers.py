# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Stacks and names of processes that have a root of their own, or whose files were replaced."""

import os
import re
import shlex
import shutil
import subprocess
import sys

from harness import Skip, each, fixture, note, require, scratch, settings, test
from target import children_of
from test_processes import make_cgroup
from test_stacks import C_CASES, LEAF_BYTES, ChainTarget, Symbols, chains, check, outline, site_of
from tracer import Trace, fine, run

HERE = os.path.dirname(os.path.abspath(__file__))
CONTAINER = os.path.join(HERE, "container.py")
# The C library of the next release: the fixtures may need what an older one has not.
NEXT_RELEASE = {"bookworm": "trixie"}
LIBC = "usr/lib/x86_64-linux-gnu/libc.so.6"
LOADER = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"


def release():
    with open("/etc/os-release", encoding="utf-8") as file:
        fields = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    return fields.get("VERSION_CODENAME", "").strip('"')


def foreign_libraries():
    """The C library of another release than the one that seep and the fixtures are built on."""
    suite = NEXT_RELEASE.get(release(), "sid")
    done = subprocess.run([os.path.join(HERE, "foreign_root"), suite], capture_output=True,
                          text=True, check=False)
    if done.returncode:
        raise Skip(f"no packages of {suite}: {done.stderr.strip()[-200:]}")
    return done.stdout.strip()


def copy_libraries(root, program):
    """What the program needs, where its loader looks for it; nothing for a static one."""
    headers = subprocess.run(["readelf", "-lW", program], capture_output=True, text=True,
                             check=True).stdout
    needed = set(re.findall(r"program interpreter: (\S+)\]", headers))
    # musl's C library is its interpreter, and unknown to ldd
    if any("musl" not in path for path in needed):
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True)
        needed |= {w for w in listed.stdout.split() if w.startswith("/")}
    for path in needed:
        real = os.path.realpath(path)
        for place in (path, real):
            os.makedirs(root + os.path.dirname(place), exist_ok=True)
        shutil.copy(real, root + real)
        if path != real:
            os.symlink(real, root + path)


def make_root(name, foreign=False, prepare=None, folder="root"):
    """A folder that holds a fixture and its libraries, as /app/NAME; never our own files."""
    root = scratch(folder)
    if foreign:
        shutil.copytree(foreign_libraries(), root, symlinks=True)
    else:
        os.mkdir(root)
        copy_libraries(root, fixture(name))
    os.makedirs(f"{root}/app")
    shutil.copy(fixture(name), f"{root}/app/{name}")
    if prepare:
        prepare(root, name)
    return root


def contained(root, name, *options):
    """The command line of a fixture in a container, which has been seen to work here."""
    command = [sys.executable, "-E", CONTAINER, *options, root, f"/app/{name}"]
    tried = subprocess.run([*command, "--now"], capture_output=True, text=True, check=False)
    if tried.stderr.startswith("container: "):
        raise Skip(tried.stderr.strip())
    return command


class Contained(ChainTarget):
    """A fixture that waits in a container; `pid` is its id outside."""

    def __init__(self, root, name, *options):
        super().__init__(name, argv=contained(root, name, *options))
        if "--pid" in options:
            self.pid = children_of(self.process.pid)[0]


def outer_ids(report, truths):
    """The truths with the ids that the processes have outside of their namespace."""
    outer = {p["ns_pid"]: p["pid"] for p in report.processes if p["ns_pid"] != p["pid"]}
    return [dict(t, pid=outer.get(t["pid"], t["pid"])) for t in truths]


def libc_names(root):
    """What the C library in the root calls its own functions."""
    return {name.split("@")[0]: (start, start + size)
            for start, size, name in Symbols(f"{root}/{LIBC}", "--dynamic").functions}


def leaf_sites(report):
    """Those of the fixture; what made its container is a program of Python's."""
    return [s for p in report.processes if not p["comm"].startswith("python")
            for s in p["sites"] if s["largest"] == LEAF_BYTES]


def check_library_names(report, root):
    """Names in the C library are those of the root's, by its own symbol table."""
    exported = libc_names(root)
    frames = [f for s in leaf_sites(report) for f in s["frames"]
              if (f["module"] or "").endswith("/libc.so.6")]
    require(frames, "no frame in the C library")
    known = [f for f in frames if f["function"] in exported]
    require(known, f"no exported name among {sorted({f['function'] or '?' for f in frames})}")
    for frame in known:
        start, end = exported[frame["function"]]
        require(start <= frame["offset"] <= end,
                f"{frame['function']} is at {start:x} to {end:x}, not {frame['offset']:x}")


def build_id_of(path):
    text = subprocess.run(["readelf", "-n", path], capture_output=True, text=True,
                          check=False).stdout
    return text.partition("Build ID: ")[2].split("\n")[0]


def check_build_ids(report, paths):
    """Each frame of a module of that name has the file's build id."""
    wanted = {os.path.basename(path): build_id_of(path) for path in paths}
    for site in leaf_sites(report):
        for frame in site["frames"]:
            name = os.path.basename(frame["module"] or "")
            require(name not in wanted or (frame["build_id"] or "") == wanted[name],
                    f"{name}: build id {frame['build_id']}, not {wanted.get(name)}")


def check_links(report, truths):
    """The functions of the deep chain by name, from the leaf to main."""
    truth = next(t for t in truths if t["case"] == "deep-30")
    site, _ = site_of(report.sites(truth["pid"]), truth)
    wanted = ["leaf", *(f"link_{i:03}" for i in range(29, -1, -1)), "at_depth", "main"]
    names = [f["function"] for f in site["frames"][1:1 + len(wanted)]]
    require(names == wanted, outline(site["frames"]))


# musl's own functions have no call frame information.
def ends_of(name):
    return ("whole", "no rule", "no code") if "musl" in name else ("whole",)


def run_contained(name, *options, **keywords):
    """The fixture from its first instruction; the report, its truths, its root."""
    root, share = make_root(name, **keywords), scratch("share")
    os.mkdir(share)
    os.chmod(share, 0o777)
    environment = dict(os.environ, FIXTURE_OUT="/share/told")
    report = run(None, *contained(root, name, "--share", share, *options), "--now",
                 options=["--no-inline"], env=environment)
    with open(f"{share}/told", encoding="ascii") as lines:
        truths = outer_ids(report, chains(lines))
    require({t["case"] for t in truths} == C_CASES,
            f"the fixture did only {[t['case'] for t in truths]}")
    check(report, truths, ends=ends_of(name))
    check_links(report, truths)
    check_build_ids(report, [f"{root}/app/{name}"])
    return report, truths, root


def trace_all(targets, meanwhile=None):
    """One trace of all of them while each does its work."""
    trace = Trace(*[w for t in targets for w in ("-p", t.pid)], "--no-inline").attached()
    if meanwhile:
        meanwhile()
    for target in targets:
        target.work()
    return trace.stop()


def check_target(report, target, ends=("whole",)):
    """What a target did itself: its stacks and the names in them."""
    truths = [t for t in chains(target.lines) if t["pid"] == target.pid]
    check(report, truths, ends=ends)
    check_links(report, truths)


def attach_contained(name, *options, by=None, **keywords):
    root = make_root(name, **keywords)
    target = Contained(root, name, *options)
    require(not os.path.exists(f"/app/{name}"), "the program is visible from outside")
    trace = Trace(*(by(target) if by else ("-p", target.pid)), "--no-inline").attached()
    target.work()
    report = trace.stop()
    truths = outer_ids(report, chains(target.lines))
    check(report, [t for t in truths if t["pid"] == target.pid], ends=ends_of(name))
    check_links(report, truths)
    check_build_ids(report, [f"{root}/app/{name}"])
    return report, target, root


@each("container.{}.run", ["stacks", "stacks-static", "stacks-musl", "stacks-musl-static"])
def container_run(name):
    """An overlay, and only what the program needs in it."""
    run_contained(name)


@test("container.attach")
def container_attach():
    """Several containers at once, of every C library."""
    names = ["stacks", "stacks-static"]
    names += [n for n in ("stacks-musl", "stacks-musl-static")
              if os.path.exists(os.path.join(settings.fixtures, n))]
    roots = {name: make_root(name, folder=f"root-{name}") for name in names}
    targets = {name: Contained(root, name) for name, root in roots.items()}
    report = trace_all(targets.values())
    for name, target in targets.items():
        check_target(report, target, ends=ends_of(name))
        check_build_ids(report, [f"{roots[name]}/app/{name}"])


def hit_once(report):
    """No call met two probes: the outer one of them would never see its return."""
    health = report.health
    require(health["abandoned"] == 0,
            f"{health['abandoned']} of {health['entries']} calls abandoned")


@test("container.twins.run")
def container_twins_run():
    """Two containers of one image: one file beneath, by two names that the kernel tells."""
    root, share = make_root("stacks"), scratch("share")
    os.mkdir(share)
    command = shlex.join([*contained(root, "stacks", "--share", share), "--now"])
    report = run(None, "/bin/sh", "-c", f"{command} & {command} & wait", options=["--no-inline"],
                 env=dict(os.environ, FIXTURE_OUT="/share/told"))
    with open(f"{share}/told", encoding="ascii") as lines:
        truths = chains(lines)
    require(len(truths) == 2 * len(C_CASES), f"{len(truths)} chains of two containers")
    check(report, truths)
    hit_once(report)
    for pid in {t["pid"] for t in truths if t["case"] == "deep-30"}:
        check_links(report, [t for t in truths if t["pid"] == pid])


@test("container.twins.attach")
def container_twins_attach():
    root = make_root("stacks")
    twins = [Contained(root, "stacks") for _ in range(2)]
    report = trace_all(twins)
    for twin in twins:
        check_target(report, twin)
    hit_once(report)


@test("container.foreign.run")
def container_foreign_run():
    """The C library of another release, whose functions lie elsewhere."""
    report, _, root = run_contained("stacks", foreign=True)
    check_build_ids(report, [f"{root}/{LIBC}"])
    check_library_names(report, root)


@test("container.foreign.attach")
def container_foreign_attach():
    report, _, root = attach_contained("stacks", foreign=True)
    require(build_id_of(f"{root}/{LIBC}") != build_id_of(f"/{LIBC}"), "the library is our own")
    check_build_ids(report, [f"{root}/{LIBC}"])
    check_library_names(report, root)


@test("container.pid.run", "run")
@test("container.pid.attach", "attach")
def container_pid(how):
    """A pid namespace too: both ids are told."""
    if how == "run":
        report, truths, _ = run_contained("stacks", "--pid")
        pid = next(t["pid"] for t in truths if t["case"] == "deep-30")
    else:
        report, target, _ = attach_contained("stacks", "--pid")
        pid = target.pid
    require(report.process(pid)["ns_pid"] == 1, f"ns_pid {report.process(pid)['ns_pid']}")


@test("container.user")
def container_user():
    attach_contained("stacks", "--user", "--pid")


def into_cgroup(name):
    group = make_cgroup(name)

    def join(target):
        with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as procs:
            procs.write(str(target.pid))
        return group
    return join


@test("container.by-cgroup")
def container_by_cgroup():
    join = into_cgroup(None)
    attach_contained("stacks", "--pid", by=lambda target: ("--cgroup", join(target)))


@test("container.by-id")
def container_by_id():
    identity = "c0de" * 16
    join = into_cgroup(f"docker-{identity}.scope")

    def by(target):
        join(target)
        return "--container", identity[:12]
    report, target, _ = attach_contained("stacks", "--pid", by=by)
    require(report.process(target.pid)["container"] == identity, "the container is not named")


def split_debug_file(root, name):
    """Strips the fixture in there; its symbols go where a debug package has them."""
    program = f"{root}/app/{name}"
    identity = build_id_of(program)
    folder = f"{root}/usr/lib/debug/.build-id/{identity[:2]}"
    os.makedirs(folder)
    subprocess.run(["objcopy", "--only-keep-debug", program, f"{folder}/{identity[2:]}.debug"],
                   check=True)
    subprocess.run(["strip", "--strip-all", program], check=True)


@test("container.debug-file.attach")
@test("container.debug-file.run", "run")
def container_debug_file(how="attach"):
    """A debug package that only the container has names its program, even after its end."""
    if how == "run":
        run_contained("stacks", prepare=split_debug_file)
    else:
        attach_contained("stacks", prepare=split_debug_file)


def remove_and_write(path, other):
    os.remove(path)
    shutil.copy(other, path)


def rename_over(path, other):
    shutil.copy(other, path + ".new")
    os.rename(path + ".new", path)


def rename_away(path, other):
    """As dpkg does it: the old file is linked elsewhere for a while, then unlinked."""
    os.link(path, path + ".old")
    rename_over(path, other)
    os.remove(path + ".old")


REPLACEMENTS = {"removed": remove_and_write, "renamed": rename_over, "linked": rename_away}


def target_of_copy(name="stacks"):
    path = scratch(name)
    shutil.copy(fixture("stacks"), path)
    return ChainTarget("stacks", argv=[path]), path


def check_replaced(report, target):
    check_target(report, target)
    frames = [f for s in report.sites(target.pid) for f in s["frames"]
              if f["function"] == "leaf"]
    require(frames and all(f["deleted"] for f in frames), "the file is not told as deleted")


@test("replaced.before")
@test("replaced.during", True)
def replaced(late=False):
    """Another program lies at the path when seep comes: names are the running one's."""
    copies = {how: target_of_copy(how) for how in REPLACEMENTS}
    targets = [target for target, _ in copies.values()]

    def replace():
        for how, (_, path) in copies.items():
            REPLACEMENTS[how](path, fixture("entries-glibc"))
    if not late:
        replace()
    report = trace_all(targets, replace if late else None)
    for target in targets:
        check_replaced(report, target)


@test("replaced.both")
def replaced_both():
    """The old program and the new one run at once, from one path."""
    old, path = target_of_copy()
    rename_over(path, fixture("stacks-static"))
    new = ChainTarget("stacks", argv=[path])
    report = trace_all([old, new])
    check_replaced(report, old)
    check_target(report, new)


@test("replaced.gone")
def replaced_gone():
    """Removed, and nothing in its place; the process has ended when the report is made."""
    target, path = target_of_copy()
    trace = Trace("-p", target.pid, "--no-inline").attached()
    target.work()
    os.remove(path)
    target.leave()
    check_target(trace.wait(15), target)


def upgrade(target):
    """Another release's C library and loader, put over those that run."""
    for path in (LIBC, LOADER):
        rename_over(f"/proc/{target.pid}/root/{path}", f"/{path}")


@test("replaced.library.before")
@test("replaced.library.during", True)
def replaced_library(late=False):
    """A C library upgraded in an overlay under a running process."""
    root = make_root("stacks", foreign=True)
    target = Contained(root, "stacks")
    if not late:
        upgrade(target)
    # its child runs with the new library, and has another truth
    report = trace_all([target], (lambda: upgrade(target)) if late else None)
    check_target(report, target)
    own = [s for s in report.sites(target.pid) if s["largest"] == LEAF_BYTES]
    require(len({s["frames"][0]["build_id"] for s in own}) == 1, "two libraries")
    check_library_frames(own, root)


def check_library_frames(sites, root):
    """Frames in the C library are of the one that was there when the process began."""
    wanted, exported = build_id_of(f"{root}/{LIBC}"), libc_names(root)
    frames = [f for s in sites for f in s["frames"]
              if (f["module"] or "").endswith("/libc.so.6")]
    note(f"{len(frames)} frames in the C library: {sorted({f['function'] or '?' for f in frames})}")
    for frame in frames:
        require(frame["build_id"] == wanted, f"build id {frame['build_id']}, not {wanted}")
        span = exported.get(frame["function"])
        require(not span or span[0] <= frame["offset"] <= span[1],
                f"{frame['function']} at {frame['offset']:x}")
