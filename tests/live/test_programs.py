# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The main job: real programs that were running before; report, detach, unharmed."""

import os
import shutil
import socket
import subprocess
import threading
import urllib.request

from harness import cleanup, fixture, need_program, require, scratch, start, test, wait_for
from target import children_of
from tracer import FINE, Trace

SECONDS = 2.5


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class Load:
    """Calls a function again and again in a thread of its own, until the end."""

    def __init__(self, once):
        self._stop = threading.Event()
        self.errors = self.calls = 0
        self._thread = threading.Thread(target=self._run, args=(once,), daemon=True)
        self._thread.start()
        cleanup(self.stop)

    def _run(self, once):
        while not self._stop.is_set():
            try:
                once()
                self.calls += 1
            except OSError:
                self.errors += 1
            self._stop.wait(0.005)

    def stop(self):
        self._stop.set()
        self._thread.join(5)


def get(port, path="/"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return response.read()


def named_sites(report, pids):
    """How many sites have a frame of a name besides the allocator's own."""
    return sum(1 for s in report.sites() if s["frames"][1:]
               and any(f.get("function") for f in s["frames"][1:]))


def traced(pids, load, idle=()):
    """Attaches for a while under load, and checks what must hold of any program."""
    arguments = [w for pid in pids for w in ("-p", pid)]
    trace = Trace(*arguments, "--duration", SECONDS)
    report = trace.wait(60)
    require(report.code in (*FINE, 5), f"exit code {report.code}: {report.err[-300:]!r}")
    require(report.health["events"] > 100, f"only {report.health['events']} events")
    require({p["pid"] for p in report.processes} >= set(pids) - set(idle), "a process is missing")
    require(named_sites(report, pids), "no site has a named function")
    if load:
        load.stop()
        require(load.errors == 0, f"{load.errors} of {load.calls} requests failed")
    for pid in pids:
        os.kill(pid, 0)
    return report


@test("program.redis")
def redis():
    need_program("redis-server", "redis-benchmark", "redis-cli")
    port = free_port()
    server = start(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                    "--appendonly", "no", "--dir", os.path.dirname(scratch("x"))],
                   stdout=subprocess.DEVNULL)
    wait_for("redis answers", 10, lambda: answers(port))
    load = start(["redis-benchmark", "-p", str(port), "-t", "set,get,lpush,sadd", "-n", "10000000",
                  "-r", "100000", "-c", "10", "-q"], stdout=subprocess.DEVNULL,
                 stderr=subprocess.DEVNULL)
    report = traced([server.pid], None)
    require(load.poll() is None, "the load ended during the trace")
    load.terminate()
    load.wait()
    reply = subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True, timeout=10,
                           check=False)
    require(reply.stdout.strip() == b"PONG", f"it answers {reply.stdout!r}")
    require(server.poll() is None, "it did not survive")
    families = {s["family"] for s in report.sites(server.pid)}
    require(families & {"jemalloc", "glibc"}, f"no allocator in {families}")


NGINX = """
daemon off; pid {root}/pid; error_log {root}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {root}/b; proxy_temp_path {root}/p;
  fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ root {root}/www; }} }}
}}
"""


@test("program.nginx")
def nginx():
    need_program("nginx")
    port, root = free_port(), scratch("nginx")
    os.makedirs(root + "/www")
    with open(root + "/www/index.html", "w", encoding="ascii") as page:
        page.write("hello")
    with open(root + "/conf", "w", encoding="ascii") as conf:
        conf.write(NGINX.format(root=root, port=port))
    for path in (os.path.dirname(root), root, root + "/www"):
        os.chmod(path, 0o755)
    master = start(["nginx", "-c", root + "/conf", "-p", root, "-e", root + "/error.log"])
    wait_for("nginx answers", 10, lambda: answers(port))
    worker = wait_for("nginx has a worker", 5, lambda: children_of(master.pid))[0]
    load = Load(lambda: get(port))
    traced([master.pid, worker], load, idle=(master.pid,))
    require(get(port) == b"hello", "it does not answer")
    require(children_of(master.pid) == [worker], "its worker is another")
    require(master.poll() is None, "it did not survive")


@test("program.python")
def python():
    port, folder = free_port(), scratch("www")
    os.mkdir(folder)
    with open(folder + "/index.html", "w", encoding="ascii") as page:
        page.write("hello")
    system = "/usr/bin/python3"
    server = start([system if os.path.exists(system) else shutil.which("python3"), "-m",
                    "http.server", "--bind", "127.0.0.1", "--directory", folder, str(port)],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for("python answers", 10, lambda: answers(port))
    traced([server.pid], Load(lambda: get(port)))
    require(get(port, "/index.html") == b"hello", "it does not answer")
    require(server.poll() is None, "it did not survive")


NODE = """
const kept = [];
require('http').createServer((request, response) => {
  kept.push(Buffer.alloc(5000)); if (kept.length > 500) kept.length = 0;
  response.end('hello');
}).listen(Number(process.argv[2]), '127.0.0.1');
"""


@test("program.node")
def node():
    need_program("node")
    port, script = free_port(), scratch("server.js")
    with open(script, "w", encoding="ascii") as file:
        file.write(NODE)
    server = start(["node", script, str(port)])
    wait_for("node answers", 15, lambda: answers(port))
    traced([server.pid], Load(lambda: get(port)))
    require(get(port) == b"hello", "it does not answer")
    require(server.poll() is None, "it did not survive")


@test("program.cxx")
def cxx():
    server = start([fixture("service")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    require(server.stdout.readline() == b"ready\n", "it did not start")

    def ask():
        server.stdin.write(b"\n")
        server.stdin.flush()
        return server.stdout.readline()

    report = traced([server.pid], Load(ask))
    require(ask().startswith(b"held "), "it does not answer")
    require(server.poll() is None, "it did not survive")
    require(report.sites_of("open_session") or report.sites_of("main"),
            "the growing function is not named")
    sites = report.sites(server.pid)
    require(sum(s["live_bytes"] for s in sites) > 10000, "the sessions it keeps are not told")
