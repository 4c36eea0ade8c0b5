/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The store of sweeps: what goes in is there, in the tables of captures too; it stays within
 * its bound; and neither a kill, a full disk, another sweep, a reader nor damage loses what was
 * there before.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sweep_profiles.h"
#include "heap/signature.h"
#include "store/sweep_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[48];
static char path[96];

static int make_directory(void **state)
{
	strcpy(directory, "/dev/shm/seep-store-XXXXXX");
	if (!mkdtemp(directory)) {
		strcpy(directory, "/tmp/seep-store-XXXXXX");
		if (!mkdtemp(directory))
			return -1;
	}
	snprintf(path, sizeof(path), "%s/a/b/seep.db", directory);
	return 0;
}

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *at)
{
	return remove(name);
}

static int remove_directory(void **state)
{
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct sweep_store *open_with(uint64_t bytes_max, double age_max)
{
	struct sweep_store_options options = { bytes_max, age_max, 60000 };
	struct sweep_store *store = NULL;
	char *message;
	int err = sweep_store_open(path, &options, &store, &message);

	if (err)
		print_message("%s\n", message ? message : "?");
	assert_int_equal(err, 0);
	assert_null(message);
	return store;
}

static struct sweep_store *open_store(void)
{
	return open_with(0, 0);
}

static int64_t begin_at(struct sweep_store *store, double started)
{
	struct sweep_begin begin = {
		.host = "h1",
		.host_id = "0123",
		.version = "0.1.0",
		.command = "seep sweep",
		.started = started,
		.probability = 0.25,
		.budget = 2,
	};
	char *message = NULL;
	int64_t sweep = 0;
	int err = sweep_store_begin(store, &begin, &sweep, &message);

	if (err)
		print_message("%s\n", message ? message : "?");
	assert_int_equal(err, 0);
	assert_true(sweep > 0);
	return sweep;
}

static void finish(struct sweep_store *store, int64_t sweep)
{
	struct sweep_end end = { .seconds = 61, .outcome = "findings", .processes = 2000 };

	assert_int_equal(sweep_store_finish(store, sweep, &end, NULL), 0);
}

static int64_t add(struct sweep_store *store, int64_t sweep, const struct profile *profile)
{
	char *message = NULL;
	int64_t capture = 0;
	int err = sweep_store_add_profile(store, sweep, profile, "1.2", &capture, &message);

	if (err)
		print_message("%s\n", message ? message : "?");
	assert_int_equal(err, 0);
	assert_true(capture > 0);
	return capture;
}

static sqlite3 *look(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 60000);
	return db;
}

static sqlite3_int64 ask_in(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	sqlite3_int64 answer;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	answer = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return answer;
}

static sqlite3_int64 ask(const char *sql)
{
	sqlite3 *db = look();
	sqlite3_int64 answer = ask_in(db, sql);

	sqlite3_close(db);
	return answer;
}

static void execute(const char *sql)
{
	sqlite3 *db = look();

	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static bool is_sound(void)
{
	return ask("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") == 1;
}

/* Every capture that the store knows has all its parts, and no part is without a capture. */
static bool captures_are_whole(sqlite3_int64 nr_sites)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM sweep_capture c WHERE (SELECT count(*) FROM site s WHERE "
		 "s.capture = c.capture) <> %lld OR (SELECT count(*) FROM site_signature s WHERE "
		 "s.capture = c.capture) <> %lld",
		 nr_sites, nr_sites);
	return ask(sql) == 0 &&
	       ask("SELECT count(*) FROM site WHERE capture NOT IN (SELECT capture FROM "
		   "sweep_capture)") == 0;
}

static void is_made_for_its_owner_alone(void **state)
{
	struct stat status;
	char folder[96];

	umask(0);
	sweep_store_close(open_store());
	umask(022);
	snprintf(folder, sizeof(folder), "%s/a", directory);
	assert_int_equal(stat(folder, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(ask("PRAGMA user_version"), SWEEP_STORE_SCHEMA);
	assert_int_equal(ask("PRAGMA auto_vacuum"), 2);
}

static void keeps_what_a_sweep_found(void **state)
{
	struct swept_site sites[] = { { "leak", 1000 }, { "work", 0 } };
	struct swept_program program = { "/usr/bin/app", "abcd", 42, 1000, 4 };
	struct profile *profile = swept_profile(&program, sites, 2);
	struct sweep_store *store = open_store();
	int64_t sweep = begin_at(store, 5000), capture = add(store, sweep, profile);
	struct sweep_suspect suspect = {
		.pid = 42,
		.comm = "app",
		.exe = "/usr/bin/app",
		.why = "grew 34 MB in 60 s",
		.growth = 1000,
		.limit = 1 << 30,
		.traced = true,
		.capture = capture,
	};
	struct sweep_suspect other = {
		.pid = 43, .comm = "x", .not_traced = "it had ended", .places = "92% memset < grow"
	};
	struct sweep_oom oom = { .time = 5010, .pid = 99, .comm = "victim", .limit = 1 << 20 };
	char sql[256];

	assert_int_equal(sweep_store_add_suspect(store, sweep, &suspect, NULL), 0);
	assert_int_equal(sweep_store_add_suspect(store, sweep, &other, NULL), 0);
	assert_int_equal(sweep_store_add_oom(store, sweep, &oom, NULL), 0);
	finish(store, sweep);
	sweep_store_close(store);
	assert_int_equal(ask("SELECT count(*) FROM sweep WHERE host = 'h1' AND probability = 0.25 "
			     "AND outcome = 'findings' AND processes = 2000 AND seconds = 61"),
			 1);
	assert_int_equal(ask("SELECT count(*) FROM suspect WHERE pid = 42 AND traced AND "
			     "capture = 1 AND limit_bytes = 1 << 30"),
			 1);
	assert_int_equal(
		ask("SELECT count(*) FROM suspect WHERE pid = 43 AND NOT traced AND "
		    "capture IS NULL AND limit_bytes IS NULL AND places LIKE '92% memset%'"),
		1);
	assert_int_equal(ask("SELECT limit_bytes FROM oom WHERE comm = 'victim'"), 1 << 20);
	assert_int_equal(ask("SELECT count(*) FROM program WHERE build_id = 'abcd' AND "
			     "version = '1.2' AND exe = '/usr/bin/app'"),
			 1);
	/* The very tables of a capture, and its views. */
	assert_int_equal(ask("SELECT growth_per_hour FROM top_sites WHERE place = 'leak'"),
			 3600000);
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM site_signature WHERE signature = %lld AND site = 0",
		 (long long)signature_of(profile, &profile->sites[0]).code);
	assert_int_equal(ask(sql), 1);
	assert_true(captures_are_whole(2));
	profile_free(profile);
}

static void numbers_are_never_given_twice(void **state)
{
	struct sweep_store *store = open_store();
	int64_t first = begin_at(store, 5000), second;

	finish(store, first);
	execute("DELETE FROM sweep");
	/* A clock that has gone back changes nothing. */
	second = begin_at(store, 100);
	assert_true(second > first);
	sweep_store_close(store);
}

static void old_sweeps_go_with_all_they_had(void **state)
{
	struct profile *profile = swept_large(5);
	struct sweep_store *store = open_with(0, 1000);
	int64_t old = begin_at(store, 5000);

	add(store, old, profile);
	finish(store, old);
	finish(store, begin_at(store, 5900));
	assert_int_equal(ask("SELECT count(*) FROM sweep"), 2);
	finish(store, begin_at(store, 6001));
	assert_int_equal(ask("SELECT min(id) FROM sweep"), old + 1);
	assert_int_equal(ask("SELECT count(*) FROM site"), 0);
	assert_int_equal(ask("SELECT count(*) FROM program"), 0);
	/* One from the future, of a clock that was ahead, does not make the others go. */
	finish(store, begin_at(store, 9e9));
	assert_int_equal(ask("SELECT count(*) FROM sweep"), 1);
	finish(store, begin_at(store, 7000));
	finish(store, begin_at(store, 99999));
	assert_int_equal(ask("SELECT count(*) FROM sweep"), 3);
	sweep_store_close(store);
	profile_free(profile);
}

static void stays_within_its_bound_at_any_time(void **state)
{
	const uint64_t bound = 2 << 20;
	struct profile *profile = swept_large(60);
	struct sweep_store *store = open_with(bound, 0);
	uint64_t small;

	for (int i = 0; i < 60; i++) {
		int64_t sweep = begin_at(store, 5000 + i);

		assert_true(sweep_store_bytes(store) <= bound);
		add(store, sweep, profile);
		assert_true(sweep_store_bytes(store) <= bound);
		finish(store, sweep);
		assert_true(sweep_store_bytes(store) <= bound);
	}
	assert_int_equal(ask("SELECT max(id) FROM sweep"), 60);
	/* As much as fits is kept, and it is the newest. */
	assert_true(ask("SELECT count(*) FROM sweep") >= 4);
	assert_int_equal(ask("SELECT max(id) - min(id) + 1 - count(*) FROM sweep"), 0);
	assert_true(captures_are_whole(60));
	small = sweep_store_bytes(store);
	sweep_store_close(store);
	store = open_with(1 << 20, 0);
	finish(store, begin_at(store, 9000));
	assert_true(sweep_store_bytes(store) <= 1 << 20);
	assert_true(sweep_store_bytes(store) < small);
	sweep_store_close(store);
	assert_true(is_sound());
	profile_free(profile);
}

static void what_can_never_fit_is_refused(void **state)
{
	struct profile *large = swept_large(3000), *small = swept_large(5);
	struct sweep_store *store = open_with(1 << 20, 0);
	int64_t sweep = begin_at(store, 5000), capture;
	char *message = NULL;

	add(store, sweep, small);
	assert_int_equal(sweep_store_add_profile(store, sweep, large, NULL, &capture, &message),
			 -EFBIG);
	assert_non_null(strstr(message, "1048576 bytes"));
	free(message);
	assert_true(sweep_store_bytes(store) <= 1 << 20);
	add(store, sweep, small);
	finish(store, sweep);
	sweep_store_close(store);
	assert_int_equal(ask("SELECT count(*) FROM sweep_capture"), 2);
	assert_true(captures_are_whole(5));
	profile_free(large);
	profile_free(small);
}

/* What the database could hold, but not the log beside it: it is refused before it is written. */
static void what_the_log_cannot_hold_is_refused(void **state)
{
	const uint64_t bound = 16 << 20;
	struct profile *large = swept_large(6000), *small = swept_large(40);
	struct sweep_store *store = open_with(bound, 0);
	int64_t sweep = begin_at(store, 5000), capture;
	char *message = NULL;

	add(store, sweep, small);
	assert_int_equal(sweep_store_add_profile(store, sweep, large, NULL, &capture, &message),
			 -EFBIG);
	assert_non_null(strstr(message, "too much"));
	free(message);
	/* Nothing of it was written, not even for a while: a file does not shrink by itself. */
	assert_true(sweep_store_bytes(store) <= bound / 8);
	finish(store, sweep);
	sweep_store_close(store);
	assert_int_equal(ask("SELECT count(*) FROM sweep_capture"), 1);
	profile_free(large);
	profile_free(small);
}

static void a_long_reader_holds_nothing_up_forever(void **state)
{
	const uint64_t bound = 1 << 20;
	struct profile *profile = swept_large(40);
	struct sweep_store *store = open_with(bound, 0);
	int64_t sweep = begin_at(store, 5000), capture;
	sqlite3 *reader = look();
	char *message = NULL;
	int err = 0;

	assert_int_equal(
		sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM sweep", NULL, NULL, NULL),
		SQLITE_OK);
	for (int i = 0; i < 20 && !err; i++) {
		free(message);
		err = sweep_store_add_profile(store, sweep, profile, NULL, &capture, &message);
		assert_true(sweep_store_bytes(store) <= bound);
	}
	assert_int_equal(err, -EBUSY);
	assert_non_null(strstr(message, "reads"));
	free(message);
	/* What the reader sees has not changed. */
	assert_int_equal(ask_in(reader, "SELECT count(*) FROM sweep_capture"), 0);
	sqlite3_close(reader);
	add(store, sweep, profile);
	finish(store, sweep);
	sweep_store_close(store);
	assert_true(is_sound());
	profile_free(profile);
}

static void two_sweeps_at_once_lose_nothing(void **state)
{
	struct profile *profile = swept_large(20);
	pid_t children[3];

	for (int i = 0; i < 3; i++) {
		children[i] = fork();
		if (children[i])
			continue;
		for (int round = 0; round < 3; round++) {
			struct sweep_store *store = open_with(0, 0);
			int64_t sweep = begin_at(store, 5000 + i);

			add(store, sweep, profile);
			finish(store, sweep);
			sweep_store_close(store);
		}
		_exit(0);
	}
	for (int i = 0; i < 3; i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(ask("SELECT count(*) FROM sweep WHERE outcome = 'findings'"), 9);
	assert_int_equal(ask("SELECT count(DISTINCT sweep) FROM sweep_capture"), 9);
	assert_true(captures_are_whole(20));
	assert_true(is_sound());
	profile_free(profile);
}

static void the_other_ones_sweep_is_told_when_it_went(void **state)
{
	struct sweep_store *store = open_store();
	int64_t sweep = begin_at(store, 5000);
	struct sweep_suspect suspect = { .pid = 1, .comm = "x" };
	char *message;

	execute("DELETE FROM sweep");
	assert_int_equal(sweep_store_add_suspect(store, sweep, &suspect, &message), -ESTALE);
	assert_non_null(strstr(message, "make room"));
	free(message);
	finish(store, begin_at(store, 5001));
	sweep_store_close(store);
}

static void a_kill_loses_only_what_was_being_written(void **state)
{
	struct profile *profile = swept_large(40);

	for (int run = 0; run < 12; run++) {
		int status, pipes[2];
		char done;
		sqlite3_int64 told = 0;
		pid_t child;

		assert_int_equal(pipe(pipes), 0);
		child = fork();
		if (!child) {
			struct sweep_store *store = open_with(2 << 20, 0);

			for (;;) {
				int64_t sweep = begin_at(store, 5000 + run);

				add(store, sweep, profile);
				finish(store, sweep);
				if (write(pipes[1], "x", 1) < 0)
					_exit(1);
			}
		}
		close(pipes[1]);
		usleep(20000 + run * 7000);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		while (read(pipes[0], &done, 1) == 1)
			told++;
		close(pipes[0]);
		if (access(path, F_OK) < 0)
			continue;
		sweep_store_close(open_with(2 << 20, 0));
		assert_true(is_sound());
		/* What had been said to be done is there, but for what went to make room. */
		assert_true(ask("SELECT count(*) FROM sweep WHERE outcome NOT NULL") >=
			    (told < 2 ? told : 2));
		/* A capture that is going, its sweep gone, may be there in part. */
		assert_int_equal(ask("SELECT count(*) FROM sweep_capture c WHERE sweep IN (SELECT "
				     "id FROM sweep) AND (SELECT count(*) FROM site s WHERE "
				     "s.capture = c.capture) <> 40"),
				 0);
	}
	profile_free(profile);
}

static void a_full_disk_loses_nothing(void **state)
{
	struct profile *profile = swept_large(60);
	struct sweep_store *store;
	int64_t sweep, capture;
	sqlite3_int64 kept;
	char *message = NULL;
	char mounted[96];
	int err = 0;

	snprintf(mounted, sizeof(mounted), "%s/a", directory);
	assert_int_equal(mkdir(mounted, 0700), 0);
	/* Of this process alone: it goes with it. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", mounted, "tmpfs", 0, "size=2m,mode=700") < 0) {
		print_message("needs the right to mount a tmpfs\n");
		profile_free(profile);
		skip();
	}
	store = open_store();
	sweep = begin_at(store, 5000);
	add(store, sweep, profile);
	for (int i = 0; i < 100 && !err; i++) {
		free(message);
		err = sweep_store_add_profile(store, sweep, profile, NULL, &capture, &message);
	}
	assert_int_equal(err, -ENOSPC);
	assert_non_null(strstr(message, "disk is full"));
	free(message);
	kept = ask("SELECT count(*) FROM sweep_capture");
	assert_true(kept >= 1);
	assert_true(captures_are_whole(60));
	sweep_store_close(store);
	assert_true(is_sound());
	/* Once there is room it goes on. */
	assert_int_equal(mount("tmpfs", mounted, "tmpfs", MS_REMOUNT, "size=8m"), 0);
	store = open_store();
	add(store, sweep, profile);
	finish(store, sweep);
	sweep_store_close(store);
	assert_int_equal(ask("SELECT count(*) FROM sweep_capture"), kept + 1);
	assert_int_equal(umount(mounted), 0);
	profile_free(profile);
}

static int nr_files(const char *part)
{
	char folder[96];
	struct dirent *entry;
	DIR *listing;
	int nr = 0;

	snprintf(folder, sizeof(folder), "%s/a/b", directory);
	listing = opendir(folder);
	assert_non_null(listing);
	while ((entry = readdir(listing)))
		nr += strstr(entry->d_name, part) != NULL;
	closedir(listing);
	return nr;
}

static void overwrite(off_t at, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, size, at), size);
	close(fd);
}

static void assert_replaced(int nr_aside)
{
	struct sweep_store *store = NULL;
	char *message;

	assert_int_equal(sweep_store_open(path, NULL, &store, &message), 0);
	assert_non_null(strstr(message, ".corrupt-"));
	free(message);
	finish(store, begin_at(store, 5000));
	sweep_store_close(store);
	assert_int_equal(ask("SELECT count(*) FROM sweep"), 1);
	assert_int_equal(nr_files(".corrupt-"), nr_aside);
}

static void damage_is_moved_aside(void **state)
{
	static const char zeros[4096], noise[64] = "this was no page of a database";
	struct profile *profile = swept_large(400);
	struct sweep_store *store = open_store();
	struct stat status;

	add(store, begin_at(store, 5000), profile);
	sweep_store_close(store);
	/* Rows deep inside, which nothing reads before they are asked for. */
	assert_int_equal(stat(path, &status), 0);
	for (off_t at = status.st_size / 2 & -4096; at < status.st_size; at += 4096)
		overwrite(at, noise, sizeof(noise));
	assert_replaced(1);
	overwrite(0, zeros, sizeof(zeros));
	assert_replaced(2);
	overwrite(0, noise, 16);
	assert_replaced(3);
	assert_int_equal(truncate(path, 5000), 0);
	assert_replaced(4);
	profile_free(profile);
}

static void assert_refused(int expected, const char *words)
{
	struct sweep_store *store = NULL;
	char *message;

	assert_int_equal(sweep_store_open(path, NULL, &store, &message), expected);
	assert_null(store);
	if (!strstr(message, words))
		print_message("%s\n", message);
	assert_non_null(strstr(message, words));
	free(message);
	assert_int_equal(nr_files(".corrupt-"), 0);
}

static void what_is_no_store_is_left_alone(void **state)
{
	char other[128];
	int fd;

	sweep_store_close(open_store());
	execute("PRAGMA user_version = 99");
	assert_refused(-EPROTO, "newer seep");
	execute("PRAGMA user_version = 1; PRAGMA application_id = 7");
	assert_refused(-EINVAL, "no seep store");
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "dear diary\n", 11), 11);
	close(fd);
	assert_refused(-EINVAL, "no seep store");
	assert_int_equal(chmod(path, 0622), 0);
	assert_refused(-EPERM, "other users");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused(-EINVAL, "no regular file");
	assert_int_equal(rmdir(path), 0);
	snprintf(other, sizeof(other), "%s/other", directory);
	assert_int_equal(symlink(other, path), 0);
	assert_refused(-EINVAL, "no regular file");
	assert_int_equal(unlink(path), 0);
	snprintf(other, sizeof(other), "%s/a/b", directory);
	assert_int_equal(chmod(other, 0777), 0);
	assert_refused(-EPERM, "other users");
}

static void an_older_store_is_brought_up(void **state)
{
	struct profile *profile = swept_large(3);
	struct sweep_store *store = open_store();
	int64_t sweep = begin_at(store, 5000);

	finish(store, sweep);
	sweep_store_close(store);
	execute("DROP VIEW top_sites; ALTER TABLE process DROP COLUMN runtime_limit_bytes; "
		"ALTER TABLE process DROP COLUMN evidence; DROP TABLE oom; PRAGMA user_version = "
		"0");
	store = open_store();
	sweep = begin_at(store, 5001);
	add(store, sweep, profile);
	assert_int_equal(sweep_store_add_oom(store, sweep,
					     &(struct sweep_oom){ .pid = 1, .comm = "x" }, NULL),
			 0);
	finish(store, sweep);
	sweep_store_close(store);
	assert_int_equal(ask("SELECT count(*) FROM sweep"), 2);
	assert_int_equal(ask("SELECT count(*) FROM top_sites"), 3);
	assert_int_equal(ask("SELECT runtime_limit_bytes FROM process"), 0);
	execute("ALTER TABLE site ADD COLUMN from_the_future INTEGER NOT NULL DEFAULT 0");
	assert_refused(-EPROTO, "newer");
	profile_free(profile);
}

static void has_a_place_of_its_own(void **state)
{
	char *where;

	setenv("XDG_STATE_HOME", "/state", 1);
	where = sweep_store_default_path();
	assert_string_equal(where, geteuid() ? "/state/seep/seep.db" : "/var/lib/seep/seep.db");
	free(where);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(is_made_for_its_owner_alone),
		STORE_TEST(keeps_what_a_sweep_found),
		STORE_TEST(numbers_are_never_given_twice),
		STORE_TEST(old_sweeps_go_with_all_they_had),
		STORE_TEST(stays_within_its_bound_at_any_time),
		STORE_TEST(what_can_never_fit_is_refused),
		STORE_TEST(what_the_log_cannot_hold_is_refused),
		STORE_TEST(a_long_reader_holds_nothing_up_forever),
		STORE_TEST(two_sweeps_at_once_lose_nothing),
		STORE_TEST(the_other_ones_sweep_is_told_when_it_went),
		STORE_TEST(a_kill_loses_only_what_was_being_written),
		STORE_TEST(damage_is_moved_aside),
		STORE_TEST(what_is_no_store_is_left_alone),
		STORE_TEST(an_older_store_is_brought_up),
		STORE_TEST(a_full_disk_loses_nothing),
		cmocka_unit_test(has_a_place_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
