// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where a store is made. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/sweep_store.h"

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *at)
{
	return remove(name);
}

/* A name without a folder is one in the working directory. */
static void a_bare_name_is_in_this_folder(void **state)
{
	char directory[] = "/tmp/seep-store-XXXXXX", before[4096];
	struct sweep_store *store = NULL;
	char *message = NULL;

	assert_non_null(getcwd(before, sizeof(before)));
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	assert_int_equal(sweep_store_open("seep.db", NULL, &store, &message), 0);
	assert_null(message);
	sweep_store_close(store);
	assert_int_equal(access("seep.db", R_OK), 0);
	assert_int_equal(chdir(before), 0);
	assert_int_equal(nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_name_is_in_this_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
