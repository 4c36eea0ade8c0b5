// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Debug files from servers: one that has them, slow ones, dead ones; and the cache. */
#include "symbol_session.h"

#include <dlfcn.h>
#include <time.h>

#include "stack/debug_servers.h"

/* Writes its port as a word, waits so long before each answer, and ends with descriptor 0. */
static const char SERVER[] = "import http.server, os, struct, sys, threading, time\n"
			     "class Handler(http.server.SimpleHTTPRequestHandler):\n"
			     "    def do_GET(self):\n"
			     "        time.sleep(float(sys.argv[1]))\n"
			     "        with open('requests', 'a') as f: f.write(self.path + '\\n')\n"
			     "        super().do_GET()\n"
			     "    def log_message(self, *a): pass\n"
			     "server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)\n"
			     "server.daemon_threads = True\n"
			     "os.write(1, struct.pack('=Q', server.server_port))\n"
			     "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
			     "while os.read(0, 1): pass\nos._exit(0)\n";

static void exec_server(int to_test, void *data)
{
	const char *delay = data;

	dup2(to_test, 1);
	if (!chdir(in_folder("served")))
		execlp("python3", "python3", "../server.py", delay, (char *)NULL);
	_exit(127);
}

static struct still_process start_server(const char *delay)
{
	struct still_process server;
	char url[64];
	uint64_t port;

	write_source("server.py", SERVER);
	run_command("mkdir -p served && rm -rf cache");
	server = start_still(exec_server, (void *)delay);
	read_words(&server, &port, 1);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", (int)port);
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_CACHE_PATH", in_folder("cache"), 1);
	return server;
}

static bool can_run(void)
{
	if (have_command("python3") && dlopen("libdebuginfod.so.1", RTLD_LAZY))
		return true;
	print_message("skipped: no python3, or no libdebuginfod\n");
	return false;
}

/* A stripped program "n", its debug file with the server, and where its hidden function is. */
static uint64_t make_program(void)
{
	write_source("n.c", C_SOURCE);
	run_command("cc -g -O2 -Wl,--build-id=0xabcdef0123456789 -o full n.c && strip -o n full && "
		    "mkdir -p served/buildid/abcdef0123456789 && objcopy --only-keep-debug full "
		    "served/buildid/abcdef0123456789/debuginfo");
	return symbol_value("full", "hidden");
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void test_served(void **state)
{
	const struct symbolizer_options asked = { .debuginfod = true };
	const struct symbol *symbols;
	struct still_process server;
	struct session session;
	uint64_t hidden, i;
	bool inlined = false;

	(void)state;
	if (!can_run())
		skip();
	hidden = make_program();
	server = start_server("0");
	session = open_session("n", NULL);
	assert_string_equal(function_at(&session, hidden), "(none)");
	close_session(&session);
	assert_false(try_command("test -e served/requests"));
	session = open_session("n", &asked);
	assert_string_equal(function_at(&session, hidden), "hidden");
	for (i = 0; i < 60 && !inlined; i++) {
		name_at(&session, symbol_value("full", "outer") + i, &symbols);
		inlined = symbols[0].inlined;
	}
	assert_true(inlined);
	assert_non_null(strstr(symbols[0].file, "/n.c"));
	close_session(&session);
	run_command(
		"test $(wc -l <served/requests) = 1 && test -e cache/abcdef0123456789/debuginfo");
	end_still(&server);
	/* the server is gone, the cache is there */
	session = open_session("n", &asked);
	assert_string_equal(function_at(&session, hidden), "hidden");
	close_session(&session);
	/* a file of another build is not believed */
	run_command(
		"cc -g -O2 -Wl,--build-id=0x77 -o other n.c && rm -rf cache/abcdef0123456789/* && "
		"objcopy --only-keep-debug other cache/abcdef0123456789/debuginfo");
	session = open_session("n", &asked);
	assert_string_equal(function_at(&session, hidden), "(none)");
	close_session(&session);
}

/* Slow: accepts and does not answer for long. Dead: nobody listens. */
static void check_times(const char *first, const char *second, const char *third)
{
	struct debug_servers *servers = debug_servers_new(700, 1500);
	double start = now(), each = now();

	assert_true(debug_servers_fetch(servers, first) < 0);
	assert_true(now() - each < 3);
	each = now();
	assert_true(debug_servers_fetch(servers, first) < 0);
	assert_true(now() - each < 0.1);
	assert_true(debug_servers_fetch(servers, second) < 0);
	assert_true(debug_servers_fetch(servers, third) < 0);
	assert_true(now() - start < 6);
	/* by now the time for all is up, if they took any */
	each = now();
	assert_true(debug_servers_fetch(servers, "0099") < 0);
	assert_true(now() - each < 1.5);
	each = now();
	debug_servers_free(servers);
	assert_true(now() - each < 2.5);
}

static void test_slow(void **state)
{
	struct still_process server;
	double start;

	(void)state;
	if (!can_run())
		skip();
	server = start_server("60");
	start = now();
	check_times("0011", "0022", "0033");
	assert_true(now() - start > 0.7);
	end_still(&server);
	setenv("DEBUGINFOD_URLS", "http://127.0.0.1:1", 1);
	check_times("0044", "0055", "0066");
}

/* A trace that goes on does not wait, and has the names once they have come. */
static void test_hurry(void **state)
{
	const struct symbolizer_options asked = { .debuginfod = true };
	struct still_process server;
	struct session session;
	uint64_t hidden;
	double start;
	int rounds;

	(void)state;
	if (!can_run())
		skip();
	hidden = make_program();
	server = start_server("0.5");
	session = open_session("n", &asked);
	start = now();
	symbolizer_hurry(session.symbolizer, true);
	assert_string_equal(function_at(&session, hidden), "(none)");
	assert_true(now() - start < 0.4);
	for (rounds = 0; rounds < 100; rounds++) {
		symbolizer_hurry(session.symbolizer, true);
		if (!strcmp(function_at(&session, hidden), "hidden"))
			break;
		usleep(100000);
	}
	assert_string_equal(function_at(&session, hidden), "hidden");
	close_session(&session);
	/* and what is under way is waited for when it may be */
	run_command("rm -rf cache");
	session = open_session("n", &asked);
	symbolizer_hurry(session.symbolizer, true);
	assert_string_equal(function_at(&session, hidden), "(none)");
	symbolizer_hurry(session.symbolizer, false);
	assert_string_equal(function_at(&session, hidden), "hidden");
	close_session(&session);
	end_still(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_served),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_hurry),
	};

	return cmocka_run_group_tests(tests, make_work_folder, remove_work_folder);
}
