/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looks at made-up hosts become rows: who is shown, how fast it grows, and towards which limit. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "top/looker.h"
#include "tree.h"

#define MIB (UINT64_C(1) << 20)

/* A trend needs 12 points, no closer than a 64th of the window, and all within it. */
enum { LOOKS = 14, LOOK_US = 40000 };
static const double WINDOW = 2.5;

static void put(const struct tree *t, int pid, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void put(const struct tree *t, int pid, const char *name, const char *format, ...)
{
	char path[64], text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	tree_put(t, path, text);
}

struct fake {
	int pid;
	const char *comm, *cgroup;
	unsigned int start, ticks, kilobytes;
	const char *data_limit; /* NULL unlimited */
};

static void put_process(const struct tree *t, const struct fake *f)
{
	put(t, f->pid, "stat",
	    "%d (%s) S 1 %d %d 0 -1 4194304 %u 0 3 0 %u 0 0 0 20 0 1 0 %u 1000000 %u "
	    "18446744073709551615 1 1 0 0 0\n",
	    f->pid, f->comm, f->pid, f->pid, f->kilobytes, f->ticks, f->start, f->kilobytes / 4);
	put(t, f->pid, "status",
	    "Name:\tx\nUid:\t0\t0\t0\t0\nVmSize:\t 204800 kB\nVmData:\t %u kB\n"
	    "RssAnon:\t %u kB\nRssFile:\t 0 kB\nRssShmem:\t 0 kB\nVmSwap:\t 0 kB\n"
	    "Threads:\t1\n",
	    f->kilobytes, f->kilobytes);
	put(t, f->pid, "cgroup", "0::%s\n", f->cgroup);
	put(t, f->pid, "limits",
	    "Limit                     Soft Limit           Hard Limit           Units\n"
	    "Max data size             %-20s unlimited            bytes\n"
	    "Max address space         unlimited            unlimited            bytes\n",
	    f->data_limit ? f->data_limit : "unlimited");
}

static void put_cgroup(const struct tree *t, const char *folder, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", folder, name);
	tree_put(t, path, text);
}

static void machine(struct tree *t)
{
	assert_int_equal(tree_new(t), 0);
	tree_put(t, "/proc/self/mountinfo",
		 "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
	tree_put(t, "/proc/meminfo",
		 "MemTotal:       8388608 kB\nMemAvailable:    4194304 kB\n"
		 "SwapTotal:      0 kB\nSwapFree:       0 kB\n");
	put_cgroup(t, "/box", "memory.max", "536870912\n");
	put_cgroup(t, "/box", "memory.current", "268435456\n");
	put_cgroup(t, "/box", "memory.stat", "anon 268435456\nfile 0\n");
	put_cgroup(t, "/free", "memory.max", "max\n");
	put_cgroup(t, "/free", "memory.current", "1000\n");
}

static struct looker *open_looker(const struct tree *t, const struct looker_options *more)
{
	struct looker_options options = { 0 };
	struct looker *looker;

	if (more)
		options = *more;
	options.root = t->root;
	options.window = WINDOW;
	assert_int_equal(looker_open(&options, &looker), 0);
	return looker;
}

static struct overview *look(struct looker *looker)
{
	struct overview *overview;

	assert_int_equal(looker_look(looker, &overview), 0);
	return overview;
}

static const struct overview_row *row_of(const struct overview *overview, pid_t pid)
{
	for (size_t i = 0; i < overview->nr_rows; i++)
		if (overview->rows[i].pid == pid)
			return &overview->rows[i];
	return NULL;
}

static void growth_leads_to_the_limit_of_the_cgroup(void **state)
{
	struct fake leak = { 10, "leak", "/box", 1000, 5, 102400, NULL };
	struct fake idle = { 11, "idle", "/free", 1000, 5, 51200, NULL };
	struct overview *overview = NULL;
	const struct overview_row *row;
	struct looker *looker;
	struct tree t;

	machine(&t);
	put_process(&t, &idle);
	looker = open_looker(&t, NULL);
	for (int i = 0; i < LOOKS; i++) {
		leak.kilobytes += 1024;
		leak.ticks++;
		put_process(&t, &leak);
		overview_free(overview);
		overview = look(looker);
		usleep(LOOK_US);
	}
	assert_int_equal(overview->processes, 2);
	assert_int_equal(overview->memory_total, 8192 * MIB);
	row = row_of(overview, 10);
	assert_non_null(row);
	assert_int_equal(row->shape, SERIES_RISING);
	assert_true(row->rate > 0 && row->rate_low <= row->rate && row->rate_high >= row->rate);
	assert_int_equal(row->limit, 512 * MIB);
	assert_int_equal(row->room, 256 * MIB);
	assert_string_equal(row->limit_name, "memory limit of cgroup /box");
	assert_true(isfinite(row->time_to_limit));
	assert_true(fabs(row->time_to_limit * row->rate / (256 * MIB) - 1) < 0.5);
	assert_true(row->earliest <= row->time_to_limit && row->time_to_limit <= row->latest);
	assert_true(row->cpu > 0);
	assert_string_equal(row->place, "box");
	row = row_of(overview, 11);
	assert_int_equal(row->shape, SERIES_FLAT);
	assert_true(row->rate == 0 && row->cpu == 0);
	assert_int_equal(row->limit, 8192 * MIB);
	assert_string_equal(row->limit_name, "memory of the machine");
	assert_true(isinf(row->time_to_limit));
	overview_free(overview);
	looker_close(looker);
	tree_free(&t);
}

static void a_limit_of_its_own_is_nearer(void **state)
{
	/* 128 MiB of data at most, 100 used: 28 left. */
	const struct fake limited = { 10, "limited", "/box", 1000, 5, 102400, "134217728" };
	const struct fake roomy = { 11, "roomy", "/box", 1000, 5, 102400, "68719476736" };
	const struct overview_row *row;
	struct overview *overview;
	struct looker *looker;
	struct tree t;

	machine(&t);
	put_process(&t, &limited);
	put_process(&t, &roomy);
	looker = open_looker(&t, NULL);
	overview = look(looker);
	row = row_of(overview, 10);
	assert_string_equal(row->limit_name, "RLIMIT_DATA");
	assert_int_equal(row->limit, 128 * MIB);
	assert_int_equal(row->room, 28 * MIB);
	assert_string_equal(row_of(overview, 11)->limit_name, "memory limit of cgroup /box");
	overview_free(overview);
	looker_close(looker);
	tree_free(&t);
}

static size_t shown(const struct tree *t, const struct looker_options *options)
{
	struct looker *looker = open_looker(t, options);
	struct overview *overview = look(looker);
	size_t nr = overview->nr_rows;

	assert_int_equal(overview->processes, 3);
	overview_free(overview);
	looker_close(looker);
	return nr;
}

static void only_who_is_asked_for_is_shown(void **state)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	const pid_t pids[] = { 10, 12 };
	struct looker_options options = { 0 };
	char cgroup[128];
	struct tree t;

	machine(&t);
	snprintf(cgroup, sizeof(cgroup), "/kubepods/pod1/%s", id);
	put_process(&t, &(struct fake){ 10, "web", "/box/a", 1, 1, 1024, NULL });
	put_process(&t, &(struct fake){ 11, "web-2", "/boxer", 1, 1, 1024, NULL });
	put_process(&t, &(struct fake){ 12, "db", cgroup, 1, 1, 1024, NULL });
	assert_int_equal(shown(&t, &options), 3);
	options.filter.comm = "web*";
	assert_int_equal(shown(&t, &options), 2);
	options.filter.cgroup = "/sys/fs/cgroup/box/";
	assert_int_equal(shown(&t, &options), 1);
	options = (struct looker_options){ .filter.container = "0123456789" };
	assert_int_equal(shown(&t, &options), 1);
	options = (struct looker_options){ .pids = pids, .nr_pids = 2 };
	assert_int_equal(shown(&t, &options), 2);
	options.filter.comm = "db";
	assert_int_equal(shown(&t, &options), 1);
	options.filter.comm = "nobody";
	assert_int_equal(shown(&t, &options), 0);
	tree_free(&t);
}

static void a_pid_used_again_is_another_process(void **state)
{
	struct fake f = { 10, "first", "/free", 1000, 500, 102400, NULL };
	struct overview *overview;
	struct looker *looker;
	struct tree t;

	machine(&t);
	put_process(&t, &f);
	looker = open_looker(&t, NULL);
	overview_free(look(looker));
	usleep(LOOK_US);
	f.start = 2000;
	f.ticks = 600;
	put_process(&t, &f);
	overview = look(looker);
	assert_int_equal(row_of(overview, 10)->looks, 1);
	assert_true(row_of(overview, 10)->cpu < 0);
	overview_free(overview);
	looker_close(looker);
	tree_free(&t);
}

static void containers_have_short_names(void **state)
{
	struct overview *overview;
	struct looker *looker;
	struct tree t;

	machine(&t);
	put_process(&t, &(struct fake){ 10, "a", "/", 1, 1, 1024, NULL });
	put_process(&t, &(struct fake){ 11, "b", "/system.slice/nginx.service", 1, 1, 1, NULL });
	put_process(&t, &(struct fake){ 12, "c", "/x/0123456789abcdef0123456789abcdef", 1, 1, 1,
					NULL });
	looker = open_looker(&t, NULL);
	overview = look(looker);
	assert_null(row_of(overview, 10)->place);
	assert_string_equal(row_of(overview, 11)->place, "nginx.service");
	assert_string_equal(row_of(overview, 12)->place, "0123456789ab");
	overview_free(overview);
	looker_close(looker);
	tree_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growth_leads_to_the_limit_of_the_cgroup),
		cmocka_unit_test(a_limit_of_its_own_is_nearer),
		cmocka_unit_test(only_who_is_asked_for_is_shown),
		cmocka_unit_test(a_pid_used_again_is_another_process),
		cmocka_unit_test(containers_have_short_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
