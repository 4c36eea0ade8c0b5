# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The programs whose stacks are compared, and how each is made to work for a while."""

import os
import shutil
import socket
import textwrap

PYTHON = "/usr/bin/python3"


class Program:
    """
    One row of the table. `every`: one of so many allocations is looked at, until `events` have
    been. `quick`: the events of the short form, 0 to leave it out. `counted`: it belongs to
    what must be identical. `returns`: FILE:PATTERN of functions that get return probes.
    """

    def __init__(self, name, command, every, events, quick=0, counted=True, needs=(), mode=None,
                 returns=None):
        self.name, self.command, self.every, self.events = name, command, every, events
        self.quick, self.counted, self.needs, self.mode = quick, counted, needs, mode
        self.returns = returns


def shell(text, *arguments):
    return ["sh", "-c", textwrap.dedent(text), "sh", *map(str, arguments)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(textwrap.dedent(text))
    return path


PYTHON_WORK = """
    import bz2, ctypes, decimal, gc, hashlib, json, lzma, re, sqlite3, ssl, threading, zlib
    import importlib, xml.dom.minidom, collections, tempfile, os, _ctypes

    COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int),
                               ctypes.POINTER(ctypes.c_int))
    C = ctypes.CDLL(None)

    def call_back():
        numbers = (ctypes.c_int * 30)(*[(i * 7919) % 101 for i in range(30)])
        C.qsort(numbers, 30, 4, COMPARE(lambda a, b: int(str(a[0] - b[0]))))

    def databases():
        db = sqlite3.connect(':memory:')
        db.create_function('twice', 1, lambda x: str(x) * 2)
        db.execute('create table t(a integer primary key, b text)')
        db.executemany('insert into t(b) values (?)', [('x' * i,) for i in range(40)])
        db.execute('select twice(b) from t where a % 3 = 0 order by b desc').fetchall()

    def texts():
        s = json.dumps({str(i): [i, {'a': None}] for i in range(50)})
        json.loads(s)
        re.findall(r'([0-9]+)[^0-9]*', s)
        xml.dom.minidom.parseString('<a>' + '<b c="d">e</b>' * 20 + '</a>')
        try:
            json.loads('{' * 200)
        except ValueError as error:
            str(error)

    def blobs():
        data = os.urandom(3000) * 3
        for module in (zlib, bz2, lzma):
            module.decompress(module.compress(data))
        hashlib.sha3_256(data).hexdigest()
        decimal.Decimal(2).sqrt(decimal.Context(prec=200))
        ssl.create_default_context()

    def libraries():
        for name in ('libm.so.6', 'libz.so.1', 'libsqlite3.so.0', 'liblzma.so.5', 'libbz2.so.1.0'):
            try:
                library = ctypes.CDLL(name)
            except OSError:
                continue
            _ctypes.dlclose(library._handle)

    def work(rounds):
        for _ in range(rounds):
            for deed in (call_back, databases, texts, blobs, libraries):
                deed()

    threads = [threading.Thread(target=work, args=(2,)) for _ in range(2)]
    for thread in threads: thread.start()
    work(3)
    for thread in threads: thread.join()
"""

PERL_WORK = """
    use strict; use warnings; use List::Util qw(reduce first); use Data::Dumper; use POSIX;
    sub deep { my ($n) = @_; return $n ? [deep($n - 1)] : { a => "x" x 100 } }
    for my $round (1 .. 20) {
        my %h = map { $_ => [map { "x$_" } 1 .. 5] } 1 .. 200;
        my @s = sort { $h{$a}[1] cmp $h{$b}[1] } keys %h;
        my $t = join ',', @s; $t =~ s/(\\d+)/<$1>/g; my @m = $t =~ /<([^>]+)>/g;
        eval { die { code => $round } }; eval "sub f$round { return $round + 1 } f$round();";
        my $d = Dumper(deep(30)); my $u = sprintf("%s %d", "y" x $round, $round);
        my $sum = reduce { $a + $b } 1 .. 100; local $_ = $t; tr/a-z/A-Z/;
    }
"""

NODE_WORK = """
    const zlib = require('zlib'), crypto = require('crypto'), fs = require('fs');
    const { Worker, isMainThread } = require('worker_threads');
    const kept = [];
    function work(rounds) {
      for (let i = 0; i < rounds; i++) {
        kept.push(Buffer.alloc(20000 + i)); if (kept.length > 50) kept.length = 0;
        JSON.parse(JSON.stringify({ a: [1, 2, { b: 'c'.repeat(i % 100) }] }));
        if (i % 20 == 0) zlib.gunzipSync(zlib.gzipSync(Buffer.alloc(30000, i)));
        if (i % 10 == 0) crypto.createHash('sha256').update('x' + i).digest('hex');
        new RegExp('(a+)+b' + i).test('aaaab' + i);
        try { throw new Error('far ' + i); } catch (e) { e.stack; }
      }
    }
    work(600);
    if (isMainThread) { new Worker(__filename); fs.readdir('/usr/bin', () => work(100)); }
"""

JAVA_WORK = """
    import java.util.*;
    import java.util.zip.*;
    public class Work {
        public static void main(String[] arguments) throws Exception {
            Map<String, byte[]> map = new HashMap<>();
            for (int i = 0; i < 400; i++) {
                map.put("k" + i % 40, new byte[10000 + i]);
                Deflater deflater = new Deflater();
                deflater.setInput(new byte[2000]);
                deflater.finish();
                deflater.deflate(new byte[3000]);
                deflater.end();
                String text = String.format("%d %s", i, map.keySet());
                if (text.matches("(a+)+b")) throw new Exception(text);
            }
        }
    }
"""

CXX_SOURCE = """
    #include <algorithm>
    #include <functional>
    #include <iostream>
    #include <map>
    #include <regex>
    #include <string>
    #include <vector>
    template <int N> struct Fold { static constexpr int value = N + Fold<N - 1>::value; };
    template <> struct Fold<0> { static constexpr int value = 0; };
    int main(int argc, char **)
    {
        std::map<std::string, std::vector<std::function<int(int)>>> table;
        table["a"].push_back([argc](int x) { return x + argc + Fold<60>::value; });
        std::regex pattern("(a+)(b|c)*d");
        std::cout << std::regex_match("aabcd", pattern) << table["a"][0](1) << "\\n";
        return 0;
    }
"""

RUST_SOURCE = """
    use std::collections::{BTreeMap, HashMap};
    use std::fmt::Debug;
    #[derive(Debug, Clone, PartialEq)]
    enum Tree { Leaf(String), Node(Vec<Tree>) }
    fn build(depth: u32) -> Tree {
        if depth == 0 { Tree::Leaf(format!("leaf {depth}")) }
        else { Tree::Node((0..2).map(|_| build(depth - 1)).collect()) }
    }
    fn show<T: Debug>(value: &T) -> usize { format!("{value:#?}").len() }
    fn main() {
        let mut total = 0;
        for round in 0..30u64 {
            let tree = build(6);
            let mut map: HashMap<String, Vec<u64>> = HashMap::new();
            let mut sorted = BTreeMap::new();
            for i in 0..50 {
                map.entry(format!("key {}", i % 7)).or_default().push(i * round);
                sorted.insert(i.to_string(), Box::new([i; 10]));
            }
            total += show(&tree) + show(&map) + sorted.len();
            let caught = std::panic::catch_unwind(|| {
                let text = "x".repeat(round as usize);
                if round % 3 == 0 { panic!("round {text}") }
            });
            total += caught.is_err() as usize;
            let workers: Vec<_> = (0..2).map(|n| std::thread::spawn(move || build(n + 4))).collect();
            for worker in workers { total += show(&worker.join().unwrap()); }
        }
        println!("{total}");
    }
"""

PIPELINE = """
    for round in 1 2 3; do
        seq 1 3000 | sort -r | awk '{ a[$1 % 10] = a[$1 % 10] " " $1 } END { for (i in a) print length(a[i]) }' |
            sed 's/[0-9]/<&>/g' | gzip | gunzip | tr '<' '[' | sort -n | uniq -c | head -3
        find /etc -maxdepth 1 -name '*.conf' -exec grep -c . {} + | xargs -n 2 echo | wc -l
        bash -c 'declare -A t; for i in {1..200}; do t[$i]=$((i * i)); done; echo "${t[@]}" | md5sum'
        openssl genrsa 1024 2>/dev/null | openssl rsa -text -noout 2>/dev/null | tail -1
        tar -cf - -C /etc passwd group | xz | xz -d | tar -tf -
        curl -s "file:///etc/passwd" | cut -d: -f1 | paste -sd,
    done
"""

REDIS = """
    cd "$1"
    redis-server --port "$2" --bind 127.0.0.1 --save '' --appendonly no --dir "$1" &
    until redis-cli -p "$2" ping >/dev/null 2>&1; do sleep 0.1; done
    redis-benchmark -p "$2" -t set,get,lpush,sadd,hset,zadd,mset -n 2000 -r 1000 -c 4 -q
    redis-cli -p "$2" eval "local t = {} for i = 1, 100 do t[i] = tostring(i) end return cjson.encode(t)" 0
    redis-cli -p "$2" bgsave
    redis-cli -p "$2" shutdown nosave
    wait $!
"""

NGINX = """
    cd "$1"
    nginx -c "$1/nginx.conf" -p "$1" -e "$1/error.log" &
    until curl -s "http://127.0.0.1:$2/" >/dev/null; do sleep 0.1; done
    for i in $(seq 1 60); do
        curl -s --compressed "http://127.0.0.1:$2/" "http://127.0.0.1:$2/none" "http://127.0.0.1:$2/big" >/dev/null
    done
    kill -HUP "$(cat pid)"; sleep 0.5
    curl -s "http://127.0.0.1:$2/" >/dev/null
    kill -QUIT "$(cat pid)"
    wait $!
"""

NGINX_CONF = """
    daemon off; pid {root}/pid; error_log {root}/error.log; worker_processes 2; user root;
    events {{ worker_connections 64; }}
    http {{
      access_log off; gzip on; gzip_types *; client_body_temp_path {root}/b; proxy_temp_path {root}/p;
      fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
      server {{ listen 127.0.0.1:{port}; location / {{ root {root}; }} }}
    }}
"""

POSTGRES = """
    as() { setpriv --reuid=postgres --regid=postgres --clear-groups env -i PATH="$PATH" LC_ALL=C "$@"; }
    cd "$1"
    as initdb -D "$1/data" -N -A trust >/dev/null
    as postgres -D "$1/data" -p "$2" -k "$1" -c listen_addresses= -c fsync=off &
    until as psql -h "$1" -p "$2" -c 'select 1' >/dev/null 2>&1; do sleep 0.2; done
    as psql -h "$1" -p "$2" -q <<'END'
    create table t(a int primary key, b text, c jsonb);
    insert into t select i, repeat('x', i % 100), json_build_object('k', i) from generate_series(1, 500) i;
    create index on t(b); analyze t;
    select b, count(*), max(c->>'k') from t group by b order by 2 desc limit 3;
    select a.a from t a join t b on a.a = b.a + 1 where a.b ~ 'x{3,5}' limit 5;
    create function f(n int) returns int language plpgsql as $$ begin
      if n = 0 then raise exception 'far down'; end if; return f(n - 1); end $$;
    do $$ begin perform f(20); exception when others then null; end $$;
    with recursive r(n) as (select 1 union all select n + 1 from r where n < 50) select sum(n) from r;
    select 1/0;
    END
    as psql -h "$1" -p "$2" -qc vacuum
    kill -INT "$(head -1 data/postmaster.pid)"
    wait $!
"""


def each_fixture(fixtures):
    """All ways in which a stack can be made, one after the other."""
    return shell("""
        for round in 1 2 3 4 5 6; do
            "$1/stacks" --now "$1/stacks.so"; "$1/stacks-static" --now
            "$1/stacks-stripped" --now "$1/stacks.so"
        done
    """, fixtures)


def native(build, folder):
    fixtures, churn = os.path.join(build, "fixtures"), os.path.join(build, "truth")
    source = write(folder, "rust.rs", RUST_SOURCE)
    program = os.path.join(folder, "rust")
    return [
        Program("c", [churn + "/churn", "3000", "1"], 3, 2500, 300),
        Program("c interrupted", [churn + "/churn", "2000", "3", "4"], 1, 2000),
        Program("c fixtures", each_fixture(fixtures), 1, 1000),
        Program("c multi", [churn + "/churn", "1000", "2"], 3, 500, mode="multi"),
        Program("c return probes", [churn + "/churn", "1000", "4"], 3, 500,
                returns=churn + "/churn:link_0[0-5]5"),
        Program("c++", [churn + "/churn-cxx", "600", "1"], 9, 2500, 300),
        Program("c++ exceptions", shell('for i in 1 2 3 4 5 6 7 8 9 10; do "$1" --now; done',
                                        fixtures + "/stacks-cxx"), 1, 500),
        Program("rust", shell("""
            rustc --edition 2021 -O -o "$2" "$1" && "$2"; "$3" --now
            """, source, program, fixtures + "/leak-rust"), 60, 1500, needs=["rustc"]),
        Program("rust program", shell('"$1" && "$1"', program), 6, 1000, needs=[program]),
        Program("g++", ["g++", "-O1", "-o", folder + "/cxx", write(folder, "cxx.cc", CXX_SOURCE)],
                400, 1500, needs=["g++"]),
    ]


def scripts(folder):
    return [
        Program("python", ["env", "PYTHONMALLOC=malloc", PYTHON, write(folder, "work.py", PYTHON_WORK)],
                500, 2000, 300, needs=[PYTHON]),
        Program("python pymalloc", [PYTHON, folder + "/work.py"], 60, 1000, needs=[PYTHON]),
        Program("perl", ["perl", write(folder, "work.pl", PERL_WORK)], 80, 1000, 150, needs=["perl"]),
        Program("shell pipeline", shell(PIPELINE), 20, 1500, 200, needs=["openssl", "curl", "bash"]),
        Program("node", ["node", write(folder, "work.js", NODE_WORK)], 150, 1500, 150,
                needs=["node"]),
        Program("java", shell('cd "$1" && java Work.java', folder), 300, 1000, counted=False,
                needs=["java", write(folder, "Work.java", JAVA_WORK)]),
    ]


def servers(folder):
    redis, nginx, postgres = (os.path.join(folder, n) for n in ("redis", "nginx", "postgres"))
    for path in (redis, nginx, postgres):
        os.mkdir(path)
    os.chmod(folder, 0o755)
    if os.geteuid() == 0 and shutil.which("postgres"):
        shutil.chown(postgres, "postgres")
    port = free_port()
    write(nginx, "index.html", "hello\n" * 50)
    write(nginx, "big", "a line of a large page\n" * 5000)
    write(nginx, "nginx.conf", NGINX_CONF.format(root=nginx, port=port))
    return [
        Program("redis", shell(REDIS, redis, free_port()), 30, 1000, 200,
                needs=["redis-server", "redis-benchmark"]),
        Program("nginx", shell(NGINX, nginx, port), 20, 1000, 150, needs=["nginx", "curl"]),
        Program("postgres", shell(POSTGRES, postgres, free_port()), 40, 1500,
                needs=["postgres", "initdb", "psql", "setpriv"]),
    ]


def all_programs(build, folder):
    return native(build, folder) + scripts(folder) + servers(folder)
