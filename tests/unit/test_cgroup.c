/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proc/process.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static void expect(const char *path, const char *id)
{
	size_t length = 0;
	const char *found = cgroup_container(path, &length);

	if (!id) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_int_equal(length, 64);
	assert_memory_equal(found, id, length);
}

static void knows_the_shapes_of_containers(void **state)
{
	expect("/kubepods/burstable/pod1a2b3c4d-1111-2222-3333-444455556666/" ID, ID);
	expect("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1a2b.slice/"
	       "cri-containerd-" ID ".scope",
	       ID);
	expect("/kubepods-burstable-pod1a2b.slice/crio-" ID ".scope", ID);
	expect("/kubepods-burstable-pod1a2b.slice/docker-" ID ".scope", ID);
	expect("/kubepods-pod1a2b.slice:cri-containerd:" ID, ID);
	expect("/docker/" ID, ID);
	expect("/system.slice/docker-" ID ".scope", ID);
	expect("/machine.slice/libpod-" ID ".scope", ID);
	expect("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID
	       ".scope/container",
	       ID);
	expect("/libpod_parent/libpod-" ID, ID);
	expect("/system.slice/docker-" ID ".scope/init.scope", ID);
	expect("/docker/" ID "/docker/" OTHER, OTHER);
}

static void and_what_is_none(void **state)
{
	expect("/", NULL);
	expect("", NULL);
	expect("/system.slice/ssh.service", NULL);
	expect("/machine.slice/libpod-conmon-" ID ".scope", NULL);
	expect("/system.slice/crio-conmon-" ID ".scope", NULL);
	expect("/docker/0123456789abcdef", NULL);
	expect("/x/g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", NULL);
	/* longer than an id: some other hash */
	expect("/x/00" ID, NULL);
	expect("/" ID "0", NULL);
	expect(".scope", NULL);
}

static void filters_by_cgroup(void **state)
{
	char *container = NULL, *path = process_cgroup(getpid(), &container);
	char *text;

	assert_non_null(path);
	assert_true(process_matches(getpid(), &(struct process_filter){ .cgroup = path }));
	assert_true(process_matches(getpid(), &(struct process_filter){ .cgroup = "/" }));
	assert_true(asprintf(&text, "/sys/fs/cgroup%s/", path) > 0);
	assert_true(process_matches(getpid(), &(struct process_filter){ .cgroup = text }));
	free(text);
	/* a longer name that only begins alike, and a child of it */
	assert_true(asprintf(&text, "%s/x", strcmp(path, "/") == 0 ? "" : path) > 0);
	assert_false(process_matches(getpid(), &(struct process_filter){ .cgroup = text }));
	free(text);
	if (strlen(path) > 2) {
		path[strlen(path) - 1] = '\0';
		assert_false(process_matches(getpid(), &(struct process_filter){ .cgroup = path }));
	}
	if (container) {
		container[12] = '\0';
		assert_true(process_matches(getpid(),
					    &(struct process_filter){ .container = container }));
		container[5] = '\0';
		assert_false(process_matches(getpid(),
					     &(struct process_filter){ .container = container }));
	}
	free(container);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_shapes_of_containers),
		cmocka_unit_test(and_what_is_none),
		cmocka_unit_test(filters_by_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
