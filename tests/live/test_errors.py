# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Wrong use and what cannot be done: exit codes, and a remedy in one clear message."""

import os
import re
import shutil
import struct
import subprocess
import time

from harness import Skip, fixture, need_program, require, scratch, start, test
from target import Target, Told
from tracer import FINE, Report, Trace, binary, compare, run, seep


def refused(report, code, *words):
    require(report.code == code, f"exit code {report.code}, not {code}: {report.err[-300:]!r}")
    require(report.err.strip(), "no word on stderr")
    require(not report.out.strip(), f"stdout is not empty: {report.out[:100]!r}")
    for word in words:
        require(re.search(word, report.err, re.I), f"no {word!r} in {report.err[-400:]!r}")


@test("usage.no-command", ())
@test("usage.unknown-command", ("frobnicate",))
@test("usage.no-target", ("trace",))
@test("usage.unknown-option", ("trace", "--frobnicate"))
@test("usage.bad-pid", ("trace", "-p", "twelve"))
@test("usage.negative-pid", ("trace", "-p", "-4"))
@test("usage.zero-pid", ("trace", "-p", "0"))
@test("usage.huge-pid", ("trace", "-p", "99999999999999999999"))
@test("usage.bad-format", ("trace", "-p", "1", "--format", "nonsense"))
@test("usage.bad-sort", ("trace", "-p", "1", "--sort", "nonsense"))
@test("usage.bad-size", ("trace", "-p", "1", "-z", "12q"))
@test("usage.bad-age", ("trace", "-p", "1", "--older", "soon"))
@test("usage.bad-duration", ("trace", "-p", "1", "--duration", "-1"))
@test("usage.bad-interval", ("trace", "-p", "1", "x"))
@test("usage.bad-count", ("trace", "-p", "1", "1", "x"))
@test("usage.bad-ring", ("trace", "-p", "1", "--ring-bytes", "lots"))
@test("usage.bad-pair", ("trace", "-p", "1", "--pair", "libc.so:fopen"))
@test("usage.bad-sample", ("trace", "-p", "1", "--sample-bytes", "0x"))
@test("usage.run-nothing", ("run",))
@test("usage.run-nothing-after-dashes", ("run", "--"))
@test("usage.missing-value", ("trace", "-p"))
@test("usage.report-nothing", ("report",))
def usage(arguments):
    refused(seep(*arguments, seconds=20), 2)


@test("usage.help")
def usage_help():
    for arguments in (("--help",), ("trace", "--help"), ("run", "--help")):
        report = seep(*arguments, seconds=20)
        require(report.code == 0, f"{arguments}: exit code {report.code}")
        require("seep" in report.out, f"{arguments}: no help on stdout")


@test("error.no-such-pid")
def no_such_pid():
    child = subprocess.Popen(["true"])
    child.wait()
    refused(seep("trace", "-p", child.pid, "--duration", 1), 4, str(child.pid))


@test("error.no-match")
def no_match():
    report = seep("trace", "--comm", "no-such-*", "--duration", "1", "-q", "--format", "json",
                  seconds=60)
    require(report.code == 4, f"exit code {report.code} where nothing matched, not 4")
    require("no matching process" in report.err, f"no word of it: {report.err!r}")
    require(not report.parse().processes, "processes in a report of none")


@test("trace.separators")
def separators():
    child = start(["sleep", "60"])
    report = seep("trace", "-p", str(child.pid), "1", "2", seconds=60)
    lines = re.findall(r"^=+ \d{4}-\d\d-\d\d (\d\d:\d\d:\d\d) UTC =+$", report.out, re.M)
    require(len(lines) == 2 and lines[0] != lines[1], f"the reports are set apart by {lines}")
    report = seep("trace", "-p", str(child.pid), "--duration", "1", seconds=60)
    require("====" not in report.out, "a single report has a separator")


@test("report.short-pid")
def report_short_pid():
    child = start(["sleep", "60"])
    capture = os.path.join(scratch(), "one.seep")
    seep("trace", "-p", str(child.pid), "--duration", "1", "-q", "-o", capture, seconds=60)
    for option in (("-p", str(child.pid)), (f"--pid={child.pid}",)):
        report = seep("report", *option, "--format", "json", capture, seconds=20).parse()
        require(report.of(child.pid), f"{option} does not find the process")
    require(seep("report", "-p", "1", capture, seconds=20).code == 4, "a pid that is not there")


@test("error.kernel-thread")
def kernel_thread():
    if not os.path.exists("/proc/2/exe") and not os.path.exists("/proc/2"):
        raise Skip("no kernel thread is visible here")
    report = seep("trace", "-p", 2, "--duration", 1)
    require(report.code not in FINE, f"a kernel thread was traced: {report.code}")
    require(report.err.strip(), "no word on stderr")


@test("error.zombie")
def zombie():
    child = start(["true"])
    time.sleep(0.3)  # ended, and not waited for
    report = seep("trace", "-p", child.pid, "--duration", 1)
    refused(report, 4)


@test("error.not-root")
def not_root():
    """As nobody: the remedy is named."""
    need_program("setpriv")
    copy = scratch("seep")
    shutil.copy(binary(), copy)
    os.chmod(copy, 0o755)
    target = Target("process", "exit")
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           "--inh-caps=-all", "--bounding-set=-all", copy, "trace", "-p",
                           str(target.pid), "--duration", "1"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=30, check=False)
    refused(Report(done.returncode, done.stdout, done.stderr), 3, "root|CAP_|sudo")
    target.work()


@test("error.not-root-run")
def not_root_run():
    """Without the privilege `run` does not run the command untraced."""
    need_program("setpriv")
    copy, mark = scratch("seep"), scratch("mark")
    shutil.copy(binary(), copy)
    os.chmod(copy, 0o755)
    os.chmod(os.path.dirname(mark), 0o777)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           "--inh-caps=-all", "--bounding-set=-all", copy, "run", "--",
                           "touch", mark], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=30, check=False)
    refused(Report(done.returncode, done.stdout, done.stderr), 3, "root|CAP_|sudo")
    require(not os.path.exists(mark), "the command ran untraced")


# i386: pause() for ever
FOREIGN = bytes([0xB8, 29, 0, 0, 0, 0xCD, 0x80, 0xEB, 0xF7])


@test("error.architecture")
def architecture():
    """A target in another architecture is refused, and runs on."""
    if os.uname().machine != "x86_64":
        raise Skip("the foreign program is of i386")
    path = scratch("foreign")
    size = 84 + len(FOREIGN)
    header = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack(
        "<HHIIIIIHHHHHH", 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    segment = struct.pack("<IIIIIIII", 1, 0, 0x8048000, 0x8048000, size, size, 5, 0x1000)
    with open(path, "wb") as file:
        file.write(header + segment + FOREIGN)
    os.chmod(path, 0o755)
    try:
        foreign = start([path])
    except OSError as error:
        raise Skip(f"the kernel runs no 32-bit programs: {error}") from error
    report = seep("trace", "-p", foreign.pid, "--duration", 1, seconds=20)
    require(report.code not in FINE, f"it was traced: exit code {report.code}")
    require(re.search("32-bit|architecture|i386|machine", report.err, re.I),
            f"the reason is not told: {report.err!r}")
    require(foreign.poll() is None, "the foreign program did not survive")


@test("error.no-such-command")
def no_such_command():
    report = seep("run", "--", "/nonexistent/program")
    require(report.code not in FINE, f"exit code {report.code}")
    require("/nonexistent/program" in report.err, f"it is not named: {report.err!r}")


@test("error.not-executable")
def not_executable():
    path = scratch("text")
    with open(path, "w", encoding="ascii") as file:
        file.write("no program\n")
    report = seep("run", "--", path)
    require(report.code not in FINE, f"exit code {report.code}")
    require(path in report.err, f"it is not named: {report.err!r}")


@test("error.no-such-symbol")
def no_such_symbol():
    """A pair that the library does not have: told, not silent."""
    target = Target("pair")
    trace = Trace("-p", target.pid, "--pair", "pair_library.so:thing_ajar=thing_close",
                  form="json").attached()
    target.work()
    report = trace.stop()
    told = [p for p in report.health["skipped_probes"] if p["symbol"] == "thing_ajar"]
    require(told or "thing_ajar" in report.err, "the missing symbol is told nowhere")


@test("error.not-a-capture", b"no capture at all\n" * 400)
@test("error.empty-capture", b"")
@test("error.truncated-capture", b"SQLite format 3\0" + bytes(600))
def not_a_capture(content):
    path = scratch("bad.seep")
    with open(path, "wb") as file:
        file.write(content)
    report = seep("report", path)
    require(report.code not in FINE, f"exit code {report.code}")
    require("bad.seep" in report.err, f"the file is not named: {report.err!r}")
    require(not report.out, "there is a report on stdout")


@test("error.missing-capture")
def missing_capture():
    report = seep("report", scratch("nothing.seep"))
    require(report.code not in FINE and "nothing.seep" in report.err,
            f"exit code {report.code}, {report.err!r}")


@test("error.unwritable-capture")
def unwritable_capture():
    """Told before anything is traced, not after an hour."""
    target = Target("process", "exit")
    began = time.monotonic()
    report = seep("trace", "-p", target.pid, "--duration", 60, "-o", "/nonexistent/x.seep")
    require(report.code not in FINE, f"exit code {report.code}")
    require("/nonexistent/x.seep" in report.err, f"the file is not named: {report.err!r}")
    require(time.monotonic() - began < 50, "it was told only after the trace")


@test("error.full-disk")
def full_disk():
    """A capture that does not fit: told, and no half file is left."""
    need_program("unshare")
    told = Told()
    folder = scratch("small")
    os.mkdir(folder)
    script = (f"mount -t tmpfs -o size=16k none {folder} && "
              f"{binary()} run -o {folder}/x.seep -- {fixture('process')} --now exit; "
              f"echo code $?; ls -A {folder}")
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
                          capture_output=True, text=True, env=told.env, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)
    code = re.search(r"^code (\d+)\n(.*)", done.stdout, re.M | re.S)
    require(code, f"no mount namespace: {done.stderr!r}")
    require(int(code[1]) not in FINE, f"exit code {code[1]} with a full disk")
    require("x.seep" in done.stderr, f"the file is not named: {done.stderr!r}")
    require(not code[2].strip(), f"left on the disk: {code[2]!r}")


@test("error.full-stdout")
def full_stdout():
    """The report itself could not be written: not a success."""
    told = Told()
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([binary(), "run", "--format", "json", "--", fixture("process"),
                               "--now", "exit"], stdout=full, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, env=told.env, timeout=60, check=False)
    require(done.returncode not in FINE, f"exit code {done.returncode}")
    require(done.stderr.strip(), "no word on stderr")


CORRUPT = """
import ctypes, mmap, sys
file = open(sys.argv[1], "rb")
kept = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
print("ready", flush=True)
sys.stdin.readline()
for i in range(7):
    libc.malloc(ctypes.c_size_t(54321))
print("done", flush=True)
sys.stdin.readline()
"""


@test("error.corrupt-elf")
def corrupt_elf():
    """A corrupt file mapped as code: the rest of the process is traced all the same."""
    path = scratch("libcorrupt.so")
    with open(fixture("prefixed.so"), "rb") as file:
        content = bytearray(file.read())
    content[0x28:0x30] = b"\xff" * 8  # the section headers lie beyond all
    content[0x40:0x200] = b"\xff" * 0x1C0
    with open(path, "wb") as file:
        file.write(content[:9000])
    target = start([shutil.which("python3"), "-c", CORRUPT, path], stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE)
    require(target.stdout.readline() == b"ready\n", "the target did not start")
    trace = Trace("-p", target.pid).attached()
    target.stdin.write(b"\n")
    target.stdin.flush()
    require(target.stdout.readline() == b"done\n", "the target did not do its work")
    report = trace.stop()
    blocks = sum(s["live_count"] for s in report.sites(target.pid)
                 if s["live_count"] and s["live_bytes"] == 54321 * s["live_count"])
    require(blocks == 7, f"{blocks} blocks, not 7")


@test("error.deleted-file")
def deleted_file():
    """The target's own file is removed, another put in its place: still its names."""
    path = scratch("moved")
    shutil.copy(fixture("entries-static"), path)
    os.chmod(path, 0o755)
    target = Target("entries-static", argv=[path])
    os.unlink(path)
    with open(path, "w", encoding="ascii") as file:
        file.write("another\n")
    trace = Trace("-p", target.pid).attached()
    truth = target.work()
    report = trace.stop()
    compare(report, truth)


@test("doctor.plain")
def doctor_plain():
    report = seep("doctor")
    require(report.code == 0, f"exit code {report.code}: {report.err!r}")
    require(re.search("uprobe", report.out), "no word of uprobes")


@test("doctor.target")
def doctor_target():
    target = Target("entries-glibc")
    report = seep("doctor", "-p", target.pid)
    require(report.code == 0, f"exit code {report.code}: {report.err!r}")
    for word in ("malloc", "free", "realloc", "libc"):
        require(word in report.out, f"no word of {word}")
    require(target.process.poll() is None, "the target did not survive")


@test("run.clean")
def run_clean():
    """Nothing of the fixture's own is left: no finding at its sites."""
    told = Told()
    report = run(told, fixture("process"), "--now", "clean")
    require(not report.sum("leak_parent", "live_count"), "a freed block is outstanding")
