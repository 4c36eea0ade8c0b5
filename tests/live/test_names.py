# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Names of frames: JIT code of Java and node, stripped Go, options, and what has no name."""

import os
import subprocess
import time

from harness import fixture, need_program, require, scratch, start, test
from target import Target
from tracer import FINE, Trace, seep

JAVA = """import java.nio.ByteBuffer;
import java.util.ArrayList;
public class Leak {
    static final ArrayList<ByteBuffer> kept = new ArrayList<>();
    static int hold(int n) {
        ByteBuffer b = ByteBuffer.allocateDirect(n);
        kept.add(b);
        return b.capacity();
    }
    static int rounds(int n) {
        int sum = 0;
        for (int i = 0; i < n; i++) sum += hold(4096 + i % 16);
        return sum;
    }
    public static void main(String[] args) throws Exception {
        for (int i = 0; i < 8; i++) { rounds(1000); kept.clear(); System.gc(); }
        System.out.println("ready");
        System.out.flush();
        for (;;) { rounds(200); Thread.sleep(100); }
    }
}
"""
NODE = """const kept = [];
function hold(n) { kept.push(Buffer.allocUnsafeSlow(n)); return kept.length; }
function driver(k) { let t = 0; for (let i = 0; i < k; i++) t += hold(65536 + i % 50); return t; }
for (let i = 0; i < 100; i++) { driver(100); kept.length = 0; }
driver(100);
console.log('ready');
setInterval(() => { if (kept.length > 2000) kept.length = 0; driver(100); }, 100);
"""
GO = """package main
// #include <stdlib.h>
import "C"
import ("os"; "time"; "unsafe")
var kept []unsafe.Pointer
func inner(n int) unsafe.Pointer { return C.malloc(C.size_t(n)) }
//go:noinline
func hold(n int) { kept = append(kept, inner(n)) }
func main() {
    os.Stdout.WriteString("ready\\n")
    for { for i := 0; i < 50; i++ { hold(1000) }; time.Sleep(100 * time.Millisecond) }
}
"""


def source(name, text):
    path = scratch(name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return path


def ready(argv, **keywords):
    # node leaves a log where it is started
    keywords.setdefault("cwd", scratch())
    process = start(argv, stdout=subprocess.PIPE, **keywords)
    require(process.stdout.readline() == b"ready\n", f"{argv[0]} did not start")
    return process


def functions(site):
    return [f.get("function") or "" for f in site["frames"]]


def traced(pid, seconds=2):
    report = Trace("-p", pid, "--duration", seconds).wait(60)
    require(report.code in FINE, f"exit code {report.code}: {report.err[-300:]!r}")
    return report


def doctor(pid):
    return seep("doctor", "-p", pid).out


@test("names.java")
def java():
    """Java code is named by a perf map, and stacks are whole with frame pointers."""
    need_program("java", "jcmd")
    process = ready(["java", "-XX:+PreserveFramePointer", source("Leak.java", JAVA)])
    told = doctor(process.pid)
    require("stacks are whole" in told and f"jcmd {process.pid} Compiler.perfmap" in told,
            f"doctor says {told!r}")
    subprocess.run(["jcmd", str(process.pid), "Compiler.perfmap"], check=True,
                   stdout=subprocess.DEVNULL)
    require("names from its perf map" in doctor(process.pid), "doctor does not see the map")
    report = traced(process.pid)
    os.unlink(f"/tmp/perf-{process.pid}.map")
    sites = [s for s in report.sites(process.pid) if "Unsafe_AllocateMemory0" in functions(s)]
    require(sites, "no site of Unsafe.allocateMemory")
    require(any(f["jit"] and "allocateMemory0" in (f["function"] or "")
                for s in sites for f in s["frames"]), "no Java function is named")
    for site in sites:
        require("start_thread" in functions(site), f"a stack is cut: {functions(site)}")


@test("names.java.plain")
def java_plain():
    """Without the options the doctor names them; those of the environment count."""
    need_program("java")
    path = source("Leak.java", JAVA)
    told = doctor(ready(["java", path]).pid)
    require("-XX:+PreserveFramePointer" in told, f"doctor says {told!r}")
    env = dict(os.environ, JAVA_TOOL_OPTIONS="-Xmx256m -XX:+PreserveFramePointer")
    told = doctor(ready(["java", path], env=env, stderr=subprocess.DEVNULL).pid)
    require("stacks are whole" in told, f"doctor says {told!r}")


@test("names.node")
def node():
    """JavaScript is named by node's jitdump file, with lines."""
    need_program("node")
    script = source("leak.js", NODE)
    process = ready(["node", "--perf-prof", script], cwd=os.path.dirname(script))
    told = doctor(process.pid)
    require("names from its jitdump file" in told and "--interpreted-frames" in told,
            f"doctor says {told!r}")
    report = traced(process.pid)
    frames = [f for s in report.sites(process.pid) for f in s["frames"]]
    named = [f for f in frames if f["jit"] and "driver" in (f["function"] or "")]
    require(named, "driver is not named")
    plain = ready(["node", script])
    told = doctor(plain.pid)
    require("--perf-basic-prof" in told, f"doctor says {told!r}")


@test("names.ended")
def ended():
    """JIT code is named by the perf map of a process that has ended."""
    need_program("node")
    process = ready(["node", "--perf-basic-prof", source("end.js", NODE)])
    trace = Trace("-p", process.pid, "--duration", 30).attached()
    time.sleep(1)
    process.kill()
    process.wait()
    report = trace.wait(40)
    os.unlink(f"/tmp/perf-{process.pid}.map")
    require(report.process(process.pid)["exited"], "it is not told as ended")
    require(any(f["jit"] and "driver" in (f["function"] or "")
                for s in report.sites(process.pid) for f in s["frames"]), "driver is not named")


@test("names.run")
def node_run():
    """The same of one that was run, whose mappings nobody had read before its code was made."""
    need_program("node")
    text = NODE.replace("console.log('ready');", "setTimeout(() => process.exit(0), 1000);")
    script = source("run.js", text)
    report = seep("run", "--format", "json", "--", "node", "--perf-basic-prof", script,
                  before=("env", "-C", os.path.dirname(script))).parse()
    pid = report.processes[0]["pid"]
    os.unlink(f"/tmp/perf-{pid}.map")
    frames = [s["frames"] for s in report.sites(pid)]
    named = [f for f in frames if any(g["jit"] and "driver" in (g["function"] or "") for g in f)]
    require(named, "driver is not named")
    require(any((f[-1]["function"] or "") == "_start" for f in named), f"none is whole: {named[0]}")


@test("names.go")
def go():
    """A stripped Go program has functions, files and lines."""
    need_program("go", "cc")
    path = scratch("leak")
    env = dict(os.environ, GO111MODULE="off", CGO_ENABLED="1")
    subprocess.run(["go", "build", "-ldflags=-s -w", "-o", path, source("leak.go", GO)], env=env,
                   check=True, stdout=subprocess.DEVNULL)
    process = ready([path])
    report = traced(process.pid)
    at = {f["function"]: f for s in report.sites(process.pid) for f in s["frames"]}
    require("runtime.asmcgocall" in at, f"the call out of Go is not named: {list(at)}")
    require("/runtime/asm_" in (at["runtime.asmcgocall"]["file"] or ""),
            f"it is at {at['runtime.asmcgocall']}")
    require("main.hold" in at, f"nothing beyond the change of stacks: {list(at)}")
    require(at["main.hold"]["file"].endswith("/leak.go") and at["main.hold"]["line"] == 8,
            f"main.hold is at {at['main.hold']}")
    require(at["main.inner"]["inlined"] and at["main.inner"]["line"] == 6,
            "main.inner is not inlined at line 6")


def names_with(*options):
    """A report on a C++ program whose containers are inlined into what uses them."""
    server = start([fixture("service")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    require(server.stdout.readline() == b"ready\n", "it did not start")
    trace = Trace("-p", server.pid, *options).attached()
    for _ in range(20):
        server.stdin.write(b"\n")
        server.stdin.flush()
        server.stdout.readline()
    return trace.stop()


@test("names.options")
def options():
    """--no-inline leaves physical frames, --no-demangle names as linkers know them."""
    def inlined(report):
        return sum(f["inlined"] for s in report.sites() for f in s["frames"])
    capture = scratch("all.seep")
    whole = names_with("-o", capture)
    require(inlined(whole), "nothing is inlined in this program")
    require(not inlined(names_with("--no-inline")), "inlined functions with --no-inline")
    again = seep("report", "--format", "json", "--no-inline", capture).parse()
    require(again.sites() and not inlined(again), "inlined functions in a report without")
    mangled = {f["function"] for s in names_with("--no-demangle").sites() for f in s["frames"]}
    require(any((name or "").startswith("_Z") for name in mangled), f"no mangled name: {mangled}")


@test("names.none")
def none():
    """What has no name is told by module, offset and build id, and no neighbour's name."""
    need_program("strip")
    path = scratch("bare")
    subprocess.run(["strip", "-o", path, fixture("threads-glibc")], check=True)
    target = Target("threads-glibc", argv=[path])
    capture = scratch("bare.seep")
    trace = Trace("-p", target.pid, "-o", capture).attached()
    target.work()
    report = trace.stop()
    target.leave()
    own = [f for s in report.sites() for f in s["frames"] if f["module"] == path]
    require(own, "no frame of the program")
    for frame in own:
        require(frame["function"] is None and frame["offset"] and frame["build_id"],
                f"a frame is {frame}")
    text = seep("report", "-v", "--top", 0, capture).out
    require(f"{os.path.basename(path)}+0x{own[0]['offset']:x}" in text, "it is not in the text")
    require(own[0]["build_id"] in text, "its build id is not in the text")
