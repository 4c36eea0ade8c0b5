/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Limits of made-up machines: which is near, what counts, and what broken files lead to. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proc/limits.h"
#include "tree.h"

#define MIB (UINT64_C(1) << 20)
#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
#define V1_MOUNT                                                                                   \
	"31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup memory rw,memory\n"                        \
	"32 23 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

static void put_process(struct tree *t, const char *cgroup)
{
	tree_put(t, "/proc/7/status",
		 "Name:\tx\nVmSize:\t  204800 kB\nVmData:\t  51200 kB\nVmRSS:\t 90000 kB\n"
		 "RssAnon:\t 40960 kB\nVmSwap:\t 0 kB\n");
	tree_put(t, "/proc/7/limits",
		 "Limit                     Soft Limit           Hard Limit           Units\n"
		 "Max data size             unlimited            unlimited            bytes\n"
		 "Max address space         unlimited            unlimited            bytes\n");
	tree_put(t, "/proc/7/cgroup", cgroup);
	tree_put(t, "/proc/meminfo",
		 "MemTotal:       8388608 kB\nMemFree:  100 kB\nMemAvailable:    4194304 kB\n"
		 "SwapTotal:      0 kB\nSwapFree:       0 kB\n");
}

static void put_v2(struct tree *t, const char *folder, const char *max, const char *usage)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", folder);
	tree_put(t, path, max);
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.current", folder);
	tree_put(t, path, usage);
}

static void machine_v2(struct tree *t)
{
	assert_int_equal(tree_new(t), 0);
	put_process(t, "0::/a/b\n");
	tree_put(t, "/proc/self/mountinfo", V2_MOUNT);
	put_v2(t, "/a", "104857600\n", "94371840\n"); /* 100 MiB, 90 used */
	put_v2(t, "/a/b", "max\n", "83886080\n");
}

static void an_ancestors_limit_holds(void **state)
{
	struct tree t;
	struct limits limits;
	const struct limit *near;

	machine_v2(&t);
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	assert_true(limits.cgroup_known);
	assert_int_equal(limits.cgroup.version, 2);
	assert_int_equal(limits.cgroup.nr_levels, 3);
	assert_string_equal(limits.cgroup.levels[0].path, "/a/b");
	assert_string_equal(limits.cgroup.levels[2].path, "/");
	near = limits_nearest(&limits, true);
	assert_non_null(near);
	assert_int_equal(near->kind, LIMIT_CGROUP_MAX);
	assert_string_equal(near->cgroup, "/a");
	assert_int_equal(near->bytes, 100 * MIB);
	assert_int_equal(near->room, 10 * MIB);
	assert_int_equal(limits.problems, 0);
	assert_int_equal(limits.anonymous, 40 * MIB);
	limits_release(&limits);
	tree_free(&t);
}

static void page_cache_leaves_room(void **state)
{
	struct tree t;
	struct limits limits;
	const struct limit *near;

	machine_v2(&t);
	tree_put(&t, "/sys/fs/cgroup/a/memory.stat",
		 "anon 31457280\nfile 62914560\nkernel 0\ninactive_file 41943040\n"
		 "active_file 10485760\nslab_reclaimable 1048576\n");
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	near = limits_nearest(&limits, true);
	assert_int_equal(near->used, 39 * MIB);
	assert_int_equal(near->room, 61 * MIB);
	assert_int_equal(limits.cgroup.levels[1].anonymous, 30 * MIB);
	assert_int_equal(limits.cgroup.levels[1].file, 60 * MIB);
	limits_release(&limits);
	tree_free(&t);
}

static void swap_helps_as_far_as_it_is_allowed(void **state)
{
	struct tree t;
	struct limits limits;
	const struct limit *near;

	machine_v2(&t);
	tree_put(&t, "/proc/meminfo",
		 "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\nSwapTotal: 1048576 kB\n"
		 "SwapFree: 1048576 kB\n");
	tree_put(&t, "/sys/fs/cgroup/memory.swap.max", "max\n");
	tree_put(&t, "/sys/fs/cgroup/a/memory.swap.max", "20971520\n");
	tree_put(&t, "/sys/fs/cgroup/a/memory.swap.current", "4194304\n");
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	near = limits_nearest(&limits, true);
	assert_int_equal(near->room, 26 * MIB);
	assert_int_equal(near->swap_room, 16 * MIB);
	limits_release(&limits);
	tree_free(&t);
}

static void high_slows_down_and_kills_nobody(void **state)
{
	struct tree t;
	struct limits limits;

	machine_v2(&t);
	tree_put(&t, "/sys/fs/cgroup/a/b/memory.high", "84934656\n"); /* 81 MiB */
	tree_put(&t, "/sys/fs/cgroup/a/b/memory.events",
		 "low 0\nhigh 12\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n");
	tree_put(&t, "/sys/fs/cgroup/a/b/memory.pressure",
		 "some avg10=12.50 avg60=3.00 avg300=0.50 total=99\n"
		 "full avg10=10.00 avg60=2.00 avg300=0.25 total=77\n");
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	assert_int_equal(limits_nearest(&limits, false)->kind, LIMIT_CGROUP_HIGH);
	assert_int_equal(limits_nearest(&limits, false)->room, MIB);
	assert_int_equal(limits_nearest(&limits, true)->kind, LIMIT_CGROUP_MAX);
	assert_int_equal(limits.cgroup.levels[0].reached_high, 12);
	assert_int_equal(limits.cgroup.levels[0].reached_max, 3);
	assert_int_equal(limits.cgroup.levels[0].oom, 2);
	assert_int_equal(limits.cgroup.levels[0].oom_kill, 1);
	assert_true(limits.cgroup.levels[0].pressure.known);
	assert_true(limits.cgroup.levels[0].pressure.some_10 == 12.5);
	assert_true(limits.cgroup.levels[0].pressure.full_300 == 0.25);
	limits_release(&limits);
	tree_free(&t);
}

static void resource_limits_count_what_they_bound(void **state)
{
	struct tree t;
	struct limits limits;
	const struct limit *near;

	machine_v2(&t);
	tree_put(&t, "/proc/7/limits",
		 "Max data size             62914560             unlimited            bytes\n"
		 "Max address space         210763776            unlimited            bytes\n");
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	near = limits_nearest(&limits, true);
	assert_int_equal(near->kind, LIMIT_ADDRESS_SPACE); /* 201 MiB, 200 used */
	assert_int_equal(near->room, MIB);
	assert_int_equal(limits.items[1].room, 10 * MIB);
	limits_release(&limits);
	tree_free(&t);
}

static void without_cgroups_the_machine_is_the_limit(void **state)
{
	struct tree t;
	struct limits limits;

	assert_int_equal(tree_new(&t), 0);
	put_process(&t, "0::/\n");
	tree_put(&t, "/proc/self/mountinfo", "1 1 0:1 / / rw - ext4 /dev/x rw\n");
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	assert_false(limits.cgroup_known);
	assert_non_null(strstr(limits.problem, "is not mounted here"));
	assert_int_equal(limits_nearest(&limits, true)->kind, LIMIT_HOST);
	assert_int_equal(limits_nearest(&limits, true)->room, 4096 * MIB);
	limits_release(&limits);
	tree_free(&t);
}

static void put_v1(struct tree *t, const char *folder, const char *limit, const char *usage)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/fs/cgroup/memory%s/memory.limit_in_bytes", folder);
	tree_put(t, path, limit);
	snprintf(path, sizeof(path), "/sys/fs/cgroup/memory%s/memory.usage_in_bytes", folder);
	tree_put(t, path, usage);
}

static void machine_v1(struct tree *t)
{
	assert_int_equal(tree_new(t), 0);
	/* Hybrid: v2 is there and has no controllers. */
	put_process(t, "12:cpu,cpuacct:/x\n4:memory:/x/y\n0::/unified/path\n");
	tree_put(t, "/proc/self/mountinfo", V1_MOUNT);
	put_v1(t, "", "9223372036854771712\n", "1000000000\n");
	put_v1(t, "/x", "209715200\n", "104857600\n");
	put_v1(t, "/x/y", "9223372036854771712\n", "104857600\n");
	tree_put(t, "/sys/fs/cgroup/memory/x/y/memory.stat",
		 "cache 1\nrss 2\ntotal_cache 31457280\ntotal_rss 73400320\n"
		 "total_inactive_file 10485760\ntotal_active_file 10485760\n");
	tree_put(t, "/sys/fs/cgroup/memory/x/y/memory.failcnt", "42\n");
	tree_put(t, "/sys/fs/cgroup/memory/x/y/memory.oom_control",
		 "oom_kill_disable 0\nunder_oom 1\noom_kill 5\n");
}

static void version_1_on_a_hybrid_host(void **state)
{
	struct tree t;
	struct limits limits;
	const struct limit *near;

	machine_v1(&t);
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	assert_int_equal(limits.cgroup.version, 1);
	assert_int_equal(limits.cgroup.nr_levels, 3);
	near = limits_nearest(&limits, true);
	assert_string_equal(near->cgroup, "/x");
	assert_int_equal(near->room, 100 * MIB);
	/* the root's and the innermost one's "no limit" are none */
	assert_int_equal(limits.nr, 2);
	assert_int_equal(limits.cgroup.levels[0].anonymous, 70 * MIB);
	assert_int_equal(limits.cgroup.levels[0].reclaimable, 20 * MIB);
	assert_int_equal(limits.cgroup.levels[0].reached_max, 42);
	assert_int_equal(limits.cgroup.levels[0].oom_kill, 5);
	assert_true(limits.cgroup.levels[0].under_oom);
	limits_release(&limits);
	tree_free(&t);
}

static void memory_and_swap_of_version_1(void **state)
{
	struct tree t;
	struct limits limits;
	const struct limit *near;

	machine_v1(&t);
	tree_put(&t, "/proc/meminfo",
		 "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\nSwapTotal: 1048576 kB\n"
		 "SwapFree: 1048576 kB\n");
	tree_put(&t, "/sys/fs/cgroup/memory/x/memory.memsw.limit_in_bytes", "262144000\n");
	tree_put(&t, "/sys/fs/cgroup/memory/x/memory.memsw.usage_in_bytes", "115343360\n");
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	near = limits_nearest(&limits, true);
	assert_int_equal(near->kind, LIMIT_CGROUP_MEMSW);
	assert_int_equal(near->room, 140 * MIB); /* 250 - 110 */
	assert_int_equal(limits.items[1].kind, LIMIT_CGROUP_MAX);
	assert_int_equal(limits.items[1].room, 150 * MIB); /* 100 and 50 of swap */
	limits_release(&limits);
	tree_free(&t);
}

static void version_1_without_hierarchy(void **state)
{
	struct tree t;
	struct limits limits;

	machine_v1(&t);
	tree_put(&t, "/sys/fs/cgroup/memory/x/memory.use_hierarchy", "0\n");
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	assert_int_equal(limits.cgroup.nr_levels, 1);
	assert_int_equal(limits_nearest(&limits, true)->kind, LIMIT_HOST);
	limits_release(&limits);
	tree_free(&t);
}

static void what_is_gone(void **state)
{
	struct tree t;
	struct limits limits;

	machine_v2(&t);
	assert_int_equal(limits_read(t.root, 8, &limits), -ESRCH);
	/* the cgroup vanishes, the process does not */
	tree_put(&t, "/proc/7/cgroup", "0::/removed\n");
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	assert_false(limits.cgroup_known);
	assert_non_null(strstr(limits.problem, "was removed"));
	limits_release(&limits);
	/* the process ends between two files */
	tree_drop(&t, "/proc/7/cgroup");
	assert_int_equal(limits_read(t.root, 7, &limits), -ESRCH);
	tree_put(&t, "/proc/7/cgroup", "0::/../other\n");
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	assert_non_null(strstr(limits.problem, "outside"));
	limits_release(&limits);
	tree_free(&t);
}

static void what_makes_no_sense(void **state)
{
	static const char *const wrong[] = {
		"", "-1\n", "12x\n", "0x10\n", "max1\n", " \n", "99999999999999999999999\n", "1 2\n"
	};
	struct tree t;
	struct limits limits;

	machine_v2(&t);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		tree_put(&t, "/sys/fs/cgroup/a/memory.max", wrong[i]);
		assert_int_equal(limits_read(t.root, 7, &limits), 0);
		assert_int_equal(limits.problems, 1);
		assert_string_equal(limits.problem,
				    "memory.max of cgroup /a is no number of bytes");
		assert_int_equal(limits_nearest(&limits, true)->kind, LIMIT_HOST);
		limits_release(&limits);
	}
	tree_put(&t, "/proc/meminfo", "MemTotal: lots\n");
	tree_put(&t, "/proc/7/limits", "nothing\n");
	tree_put(&t, "/proc/pressure/memory", "some avg10=1e9 avg60=nan avg300=0\n");
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	assert_null(limits_nearest(&limits, true));
	assert_false(limits.host.pressure.known);
	limits_release(&limits);
	tree_free(&t);
}

static void a_deep_tree_is_bounded(void **state)
{
	struct tree t;
	struct limits limits;
	char cgroup[256] = "0::", folder[128] = "";

	machine_v2(&t);
	for (int i = 0; i < 40; i++) {
		strcat(folder, "/d");
		put_v2(&t, folder, "max\n", "1\n");
	}
	strcat(cgroup, folder);
	tree_put(&t, "/proc/7/cgroup", cgroup);
	assert_int_equal(limits_read(t.root, 7, &limits), 0);
	assert_int_equal(limits.cgroup.nr_levels, CGROUP_LEVELS);
	assert_int_equal(limits.cgroup.levels_left_out, 41 - CGROUP_LEVELS);
	limits_release(&limits);
	tree_free(&t);
}

static void a_part_of_the_hierarchy_is_mounted(void **state)
{
	struct cgroup_place place;

	assert_int_equal(cgroup_place_find("0::/docker/id/x\n",
					   "9 8 0:1 /docker/id /sys/fs/cgroup\\040a rw m:1 s:2 - "
					   "cgroup2 cgroup rw\n",
					   &place),
			 0);
	assert_string_equal(place.path, "/x");
	assert_string_equal(place.mount, "/sys/fs/cgroup a");
	cgroup_place_free(&place);
	assert_int_equal(cgroup_place_find("0::/docker/idle\n",
					   "9 8 0:1 /docker/id /x rw - cgroup2 cgroup rw\n",
					   &place),
			 -EXDEV);
	assert_int_equal(cgroup_place_find("0::/a/../../b\n", V2_MOUNT, &place), -EBADMSG);
	assert_int_equal(cgroup_place_find("0::a\n", V2_MOUNT, &place), -EBADMSG);
	assert_int_equal(cgroup_place_find("rubbish\n:\n\n", V2_MOUNT, &place), -ENOENT);
	assert_int_equal(cgroup_place_find("0::/a\n", "\n - \n-\n1 2", &place), -ENOENT);
}

static void on_this_machine(void **state)
{
	struct limits limits;

	assert_int_equal(limits_read("", getpid(), &limits), 0);
	assert_true(cgroup_known(limits.host.total));
	assert_true(limits.anonymous > 0);
	print_message("          nearest: %s, %zu problems%s%s\n",
		      limits.nr ? limit_name(limits.items[0].kind, limits.cgroup.version) : "none",
		      limits.problems, limits.problems ? ": " : "", limits.problem);
	limits_release(&limits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ancestors_limit_holds),
		cmocka_unit_test(page_cache_leaves_room),
		cmocka_unit_test(swap_helps_as_far_as_it_is_allowed),
		cmocka_unit_test(high_slows_down_and_kills_nobody),
		cmocka_unit_test(resource_limits_count_what_they_bound),
		cmocka_unit_test(without_cgroups_the_machine_is_the_limit),
		cmocka_unit_test(version_1_on_a_hybrid_host),
		cmocka_unit_test(memory_and_swap_of_version_1),
		cmocka_unit_test(version_1_without_hierarchy),
		cmocka_unit_test(what_is_gone),
		cmocka_unit_test(what_makes_no_sense),
		cmocka_unit_test(a_deep_tree_is_bounded),
		cmocka_unit_test(a_part_of_the_hierarchy_is_mounted),
		cmocka_unit_test(on_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
