/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What allocators of real Python processes hold free, against what they say themselves: glibc by
 * mallinfo2(), pymalloc by sys._debugmallocstats().
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "allocator/holding.h"
#include "memory/stream.h"
#include "proc/maps.h"

#define MIB (1 << 20)

/* Leaves one block of five in ten, and says what is free, in the end as one line of two numbers. */
static const char glibc_script[] =
	"import ctypes, threading, sys\n"
	"c = ctypes.CDLL(None)\n"
	"class Info(ctypes.Structure):\n"
	"    _fields_ = [(n, ctypes.c_size_t) for n in 'arena ordblks smblks hblks hblkhd usmblks "
	"fsmblks uordblks fordblks keepcost'.split()]\n"
	"c.mallinfo2.restype = Info\n"
	"c.malloc.restype = ctypes.c_void_p\n"
	"c.free.argtypes = [ctypes.c_void_p]\n"
	"def work():\n"
	"    kept = [c.malloc(s) for i in range(4000) for s in (24, 100, 900, 3000, 40000 if i % "
	"20 "
	"== 0 else 50)]\n"
	"    for i, p in enumerate(kept):\n"
	"        if i % 10: c.free(p)\n"
	"work()\n"
	"t = threading.Thread(target=work); t.start(); t.join()\n"
	"i = c.mallinfo2()\n"
	"sys.stdout.write('%d %d\\n' % (i.fordblks, i.arena)); sys.stdout.flush()\n"
	"sys.stdin.read()\n";

static const char pymalloc_script[] =
	"import sys, re, os\n"
	"kept = [bytes(100 + i % 300) for i in range(120000)]\n"
	"kept = kept[::40]\n"
	"sys.stdout.flush()\n"
	"saved = os.dup(2); r, w = os.pipe()\n"
	"import fcntl; fcntl.fcntl(w, 1031, 1 << 20)\n"
	"os.dup2(w, 2); sys._debugmallocstats(); os.dup2(saved, 2); os.close(w)\n"
	"text = b''\n"
	"while True:\n"
	"    part = os.read(r, 65536)\n"
	"    text += part\n"
	"    if not part: break\n"
	"    if len(part) < 65536 and b'Total' in text: break\n"
	"text = text.decode()\n"
	"get = lambda name: int(re.search(name + r'\\s*=\\s*([\\d,]+)', "
	"text).group(1).replace(',', ''))\n"
	"unused = re.search(r'# bytes in available blocks\\s*=\\s*([\\d,]+)', text)\n"
	"pools = re.search(r'(\\d[\\d,]*) unused pools \\* (\\d+) bytes\\s*=\\s*([\\d,]+)', text)\n"
	"arenas = re.search(r'(\\d[\\d,]*) arenas \\* (\\d+) bytes/arena\\s*=\\s*([\\d,]+)', "
	"text)\n"
	"n = lambda m, g: int(m.group(g).replace(',', ''))\n"
	"sys.stdout.write('%d %d\\n' % (n(unused, 1) + n(pools, 3), n(arenas, 3))); "
	"sys.stdout.flush()\n"
	"sys.stdin.read()\n";

struct child {
	pid_t pid;
	int in;
	FILE *out;
};

static bool start(struct child *child, const char *python, const char *script)
{
	int in[2], out[2];

	if (pipe(in) || pipe(out))
		abort();
	child->pid = fork();
	if (!child->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		/* A version that is not there is no error. */
		dup2(open("/dev/null", O_WRONLY), 2);
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		unsetenv("PYTHONMALLOC");
		execlp(python, python, "-c", script, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	child->in = in[1];
	child->out = fdopen(out[0], "r");
	return child->pid > 0 && child->out;
}

static void stop(struct child *child)
{
	close(child->in);
	fclose(child->out);
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
}

typedef int look(struct remote *remote, const struct regions *regions, int pagemap,
		 struct holding *holding);

static int glibc_of(struct remote *remote, const struct regions *regions, int pagemap,
		    struct holding *holding)
{
	return holding_glibc(remote, regions, holding);
}

static int look_at(pid_t pid, look *how, struct holding *holding)
{
	struct maps maps = { 0 };
	struct regions regions = { 0 };
	struct remote *remote = NULL;
	int pagemap = stream_open_pagemap(pid);
	int err = maps_read(pid, &maps);

	err = err ?: regions_writable(&maps, &regions);
	err = err ?: remote_open(pid, &remote);
	err = err ?: how(remote, &regions, pagemap, holding);
	if (pagemap >= 0)
		close(pagemap);
	remote_free(remote);
	regions_free(&regions);
	maps_free(&maps);
	return err;
}

static void expect(const char *python, const char *script, look *how, uint64_t slack)
{
	struct child child;
	struct holding holding;
	unsigned long long held, unused;

	assert_true(start(&child, python, script));
	if (fscanf(child.out, "%llu %llu", &unused, &held) != 2) {
		stop(&child);
		print_message("          %s does not run here\n", python);
		return;
	}
	assert_int_equal(look_at(child.pid, how, &holding), 0);
	print_message("          %s %s: %" PRIu64 " KiB free of %" PRIu64 " KiB in %" PRIu64
		      " arenas, it says %llu of %llu%s\n",
		      python, holding.allocator, holding.free / 1024, holding.held / 1024,
		      holding.arenas, unused / 1024, held / 1024,
		      holding.partly ? " (partly)" : "");
	stop(&child);
	assert_false(holding.partly);
	assert_int_equal(holding.held, held);
	assert_true(unused > 2 * MIB);
	assert_true(holding.free + slack > unused && holding.free < unused + slack);
}

static void glibc(void **state)
{
	expect("python3", glibc_script, glibc_of, 128 << 10);
	expect("/usr/bin/python3", glibc_script, glibc_of, 128 << 10);
}

static void pymalloc(void **state)
{
	static const char *const versions[] = { "/usr/bin/python3", "python3",	  "python3.6",
						"python3.7",	    "python3.8",  "python3.9",
						"python3.10",	    "python3.12", "python3.13" };

	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
		expect(versions[i], pymalloc_script, holding_pymalloc, 256 << 10);
}

static void where_there_is_none(void **state)
{
	struct holding holding;
	struct child child;

	assert_true(start(&child, "cat", "x"));
	/* cat -c ends at once or waits: either way it has no arenas of Python's */
	assert_int_not_equal(look_at(child.pid, holding_pymalloc, &holding), 0);
	stop(&child);
	assert_int_not_equal(look_at(child.pid, glibc_of, &holding), 0);
}

enum { POINTERS = 64, PAGE = 4096 };
static const char *given_back[POINTERS];

/* What a program's variables point to may be memory that its allocator has given back. */
static void pointers_into_untouched_memory(void **state)
{
	char *area = mmap(NULL, POINTERS * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct holding holding;
	pid_t pid;
	int pagemap;

	assert_ptr_not_equal(area, MAP_FAILED);
	for (int i = 0; i < POINTERS; i++)
		given_back[i] = area + i * PAGE;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	assert_int_not_equal(look_at(pid, holding_pymalloc, &holding), 0);
	pagemap = stream_open_pagemap(pid);
	for (int i = 0; i < POINTERS; i++)
		assert_false(stream_page_in_use(pagemap, (uintptr_t)given_back[i]));
	close(pagemap);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(area, POINTERS * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(glibc),
		cmocka_unit_test(pymalloc),
		cmocka_unit_test(where_there_is_none),
		cmocka_unit_test(pointers_into_untouched_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
