/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Captures: what is written is read back to the last bit; what is no capture, or a
 * damaged one, is refused in words; a failed write leaves everything as it was.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sample_profile.h"
#include "report/formats.h"
#include "store/atomic_file.h"
#include "store/capture.h"

#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

static char directory[48];
static char path[64];

/* In memory where that is possible: hundreds of small files are synced. */
static int make_directory(void **state)
{
	strcpy(directory, "/dev/shm/seep-test-XXXXXX");
	if (!mkdtemp(directory)) {
		strcpy(directory, "/tmp/seep-test-XXXXXX");
		if (!mkdtemp(directory))
			return -1;
	}
	snprintf(path, sizeof(path), "%s/x.seep", directory);
	return 0;
}

static int remove_directory(void **state)
{
	unlink(path);
	return rmdir(directory);
}

static char *json_of(const struct profile *profile)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(report_json.write(profile, &(struct report_options){ 0 }, out), 0);
	fclose(out);
	return text;
}

static struct profile *read_back(void)
{
	struct profile *profile = NULL;
	char *message;
	int err = capture_read(path, &profile, &message);

	if (err)
		fail_msg("%s", message);
	return profile;
}

static void check_round_trip(const struct profile *profile)
{
	char *message, *expected = json_of(profile), *got;
	struct profile *back;

	if (capture_write(path, profile, &message))
		fail_msg("%s", message);
	back = read_back();
	got = json_of(back);
	assert_string_equal(expected, got);
	free(expected);
	free(got);
	profile_free(back);
}

static void sample_survives(void **state)
{
	struct profile *profile = sample_profile();

	check_round_trip(profile);
	profile_free(profile);
}

static void empty_survives(void **state)
{
	struct profile *profile = profile_new();

	check_round_trip(profile);
	profile_free(profile);
}

/* splitmix64, seeded per run of the property. */
static uint64_t seed;

static uint64_t draw(void)
{
	uint64_t x = seed += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static uint64_t below(uint64_t bound)
{
	return bound ? draw() % bound : 0;
}

/* Small, or anything up to what a counter may be. */
static uint64_t count(void)
{
	return below(2) ? below(1000) : draw() >> (1 + below(60));
}

static double real(void)
{
	return below(3) ? (double)draw() / 3e9 : 0;
}

static uint32_t index_or_none(size_t nr)
{
	return nr && below(4) ? below(nr) : PROFILE_NONE;
}

static const char *text(struct profile *profile)
{
	char buffer[24];
	size_t length = below(sizeof(buffer));

	if (!below(4))
		return NULL;
	for (size_t i = 0; i < length; i++)
		buffer[i] = 1 + below(255);
	buffer[length] = '\0';
	return profile_string(profile, buffer);
}

static const char *name(struct profile *profile)
{
	const char *some = text(profile);

	return some ? some : profile_string(profile, "name");
}

/* Fills all uint64_t of a struct between two members, both included. */
#define FILL_COUNTS(row, first, last)                                                              \
	for (uint64_t *field_ = &(row)->first; field_ <= &(row)->last; field_++)                   \
	*field_ = count()

static void random_stack(struct profile *p)
{
	struct profile_stack *stack = vec_push(&p->stacks, &p->nr_stacks, &p->cap_stacks);

	stack->nr_frames = p->nr_frames ? below(40) : 0;
	stack->frames = calloc(stack->nr_frames + 1, sizeof(*stack->frames));
	stack->cut = below(2);
	stack->end = below(STACK_END_COUNT);
	for (uint32_t i = 0; i < stack->nr_frames; i++)
		stack->frames[i] = below(p->nr_frames);
}

static void random_process(struct profile *p, size_t nr)
{
	struct profile_process *process =
		vec_push(&p->processes, &p->nr_processes, &p->cap_processes);

	process->pid = draw();
	process->ns_pid = draw();
	process->parent = index_or_none(nr);
	process->generation = below(5);
	process->comm = name(p);
	process->exe = text(p);
	process->container = text(p);
	process->cgroup = text(p);
	process->runtime = text(p);
	process->started = real();
	process->seen_seconds = real();
	process->exited = below(2);
	process->exit_status = below(2) ? -1 : (int)below(65536);
	FILL_COUNTS(process, live_bytes, lost_frees);
	process->tainted = below(2);
	process->verdict = below(VERDICT_COUNT);
	process->evidence = text(p);
}

static void random_site(struct profile *p)
{
	struct profile_site *site = vec_push(&p->sites, &p->nr_sites, &p->cap_sites);

	site->id = draw();
	site->process = below(p->nr_processes);
	site->stack = index_or_none(p->nr_stacks);
	site->tid = below(3);
	site->family = name(p);
	site->operation = name(p);
	FILL_COUNTS(site, live_bytes, largest);
	site->oldest_seconds = real();
	site->live_bytes_error = real();
	site->live_count_error = real();
	site->growth_rate = real() - real();
	site->verdict = below(VERDICT_COUNT);
	site->evidence = text(p);
	site->leak_share = real();
	site->leak_share_low = real();
	site->leak_share_high = real();
	site->leak_bursts = 1 + count();
	site->nr_cohorts = below(PROFILE_COHORTS + 1);
	site->cohorts = calloc(site->nr_cohorts + 1, sizeof(*site->cohorts));
	for (uint32_t i = 0; i < site->nr_cohorts; i++) {
		site->cohorts[i].begin = real();
		site->cohorts[i].end = real();
		FILL_COUNTS(&site->cohorts[i], alloc_bytes, live_count);
	}
}

static void random_code(struct profile *p)
{
	for (uint64_t i = below(10); i > 0; i--)
		sample_module(p, name(p), text(p), below(2));
	for (uint64_t i = below(60); i > 0; i--) {
		struct profile_frame *frame = vec_push(&p->frames, &p->nr_frames, &p->cap_frames);

		frame->module = index_or_none(p->nr_modules);
		frame->flags = below(16);
		frame->address = draw() >> below(64);
		frame->offset = draw() >> below(64);
		frame->function = text(p);
		frame->file = text(p);
		frame->line = draw();
		frame->language = text(p);
	}
	for (uint64_t i = below(20); i > 0; i--)
		random_stack(p);
}

static void random_objects(struct profile *p, uint32_t process)
{
	struct profile_objects *row = vec_push(&p->objects, &p->nr_objects, &p->cap_objects);

	row->process = process;
	row->collected_by = name(p);
	row->cause = name(p);
	row->reason = text(p);
	row->looks = count();
	row->look_seconds = real();
	row->look_cost = real();
	row->objects = count();
	row->objects_before = count();
	row->collector = text(p);
	row->held = count();
	row->dead = count();
	row->garbage = count();
	row->path = text(p);
	row->container = text(p);
	row->length = count();
	row->length_growth = real() - real();
	row->type = text(p);
	row->type_growth = real() - real();
	row->native_rate = real();
	row->place = text(p);
}

static struct profile *random_profile(void)
{
	struct profile *p = profile_new();
	size_t nr_processes = 1 + below(5);

	p->capture.started = real();
	p->capture.seconds = real();
	p->capture.mode = below(2);
	p->capture.sample_bytes = count();
	p->capture.command = text(p);
	p->capture.host = text(p);
	p->capture.kernel = text(p);
	p->capture.architecture = text(p);
	p->capture.seep_version = text(p);
	p->capture.ran_child = below(2);
	p->capture.budget = real();
	p->capture.budget_words = text(p);
	FILL_COUNTS(&p->health, events, collector_bytes);
	p->health.cpu_seconds = real();
	p->health.traced_share = real();
	p->health.target_seconds = real();
	p->health.cost_seconds = real();
	for (uint64_t i = below(9); i > 0; i--) {
		struct profile_burst *burst = vec_push(&p->bursts, &p->nr_bursts, &p->cap_bursts);

		burst->begin = real();
		burst->end = real();
		burst->hits = count();
		burst->cost_seconds = real();
	}
	random_code(p);
	for (size_t i = 0; i < nr_processes; i++)
		random_process(p, nr_processes);
	for (size_t i = 0; i < nr_processes; i++)
		if (below(2))
			random_objects(p, i);
	for (uint64_t i = below(40); i > 0; i--)
		random_site(p);
	for (uint64_t i = below(9); i > 0; i--)
		sample_skip(p, below(2), text(p), text(p), text(p));
	for (uint64_t i = below(30); i > 0; i--)
		sample_point(p, below(nr_processes), real(), count(), count(), count());
	return p;
}

static void random_profiles_survive(void **state)
{
	for (uint64_t run = 1; run <= 40; run++) {
		struct profile *profile;

		seed = run;
		profile = random_profile();
		check_round_trip(profile);
		profile_free(profile);
	}
}

/* Asserts that reading fails so, and that the words hold `part`. */
static void check_refused(int expected, const char *part)
{
	struct profile *profile = NULL;
	char *message = NULL;

	assert_int_equal(capture_read(path, &profile, &message), expected);
	assert_null(profile);
	assert_non_null(message);
	if (!strstr(message, part))
		fail_msg("no '%s' in: %s", part, message);
	assert_int_equal(capture_read(path, &profile, NULL), expected);
	free(message);
}

static void write_file(const char *bytes, size_t size)
{
	FILE *out = fopen(path, "we");

	assert_int_equal(fwrite(bytes, 1, size, out), size);
	fclose(out);
}

/* Writes the sample, then changes it as another program would. */
static void write_altered(const char *sql)
{
	struct profile *profile = sample_profile();
	sqlite3 *db;
	char *error = NULL;

	assert_int_equal(capture_write(path, profile, NULL), 0);
	profile_free(profile);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	if (sqlite3_exec(db, sql, NULL, NULL, &error))
		fail_msg("%s: %s", sql, error);
	sqlite3_close(db);
}

static void refuses_what_is_no_capture(void **state)
{
	unlink(path);
	check_refused(-ENOENT, "No such file");
	write_file("", 0);
	check_refused(-EINVAL, "empty");
	write_file("SQLite format 3", 16);
	check_refused(-EINVAL, "no seep capture");
	write_file("a text\n", 7);
	check_refused(-EINVAL, "no seep capture");
	write_altered("PRAGMA application_id = 7");
	check_refused(-EINVAL, "no seep capture");
	write_altered("PRAGMA user_version = 2");
	check_refused(-EPROTO, "newer seep");
	write_altered("PRAGMA user_version = 0");
	check_refused(-EINVAL, "damaged");
}

static void refuses_altered_tables(void **state)
{
	static const char *const alterations[][2] = {
		{ "DROP TABLE cohort", "tables are not those" },
		{ "ALTER TABLE site ADD COLUMN extra TEXT", "tables are not those" },
		{ "DROP VIEW top_sites; DROP VIEW site_frames; DROP TABLE point; CREATE VIEW point "
		  "AS "
		  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
		  "tables are not those" },
		{ "UPDATE frame SET module = 99 WHERE id = 0", "refers to one that is not there" },
		{ "UPDATE site SET process = 99 WHERE id = 0", "refers to one that is not there" },
		{ "UPDATE site SET process = NULL WHERE id = 0",
		  "refers to one that is not there" },
		{ "UPDATE site SET stack = 99 WHERE id = 0", "refers to one that is not there" },
		{ "UPDATE objects SET process = 77", "refers to one that is not there" },
		{ "UPDATE point SET process = 77 WHERE id = 0", "refers to one that is not there" },
		{ "UPDATE process SET parent = 99 WHERE id = 0",
		  "refers to one that is not there" },
		{ "UPDATE stack_frame SET frame = 99 WHERE position = 0",
		  "refers to one that is not" },
		{ "UPDATE stack_frame SET frame = NULL WHERE position = 0",
		  "refers to one that is" },
		{ "UPDATE stack_frame SET stack = 99 WHERE stack = 0",
		  "refers to one that is not" },
		{ "UPDATE stack_frame SET stack = -1 WHERE stack = 0",
		  "refers to one that is not" },
		{ "DELETE FROM stack_frame WHERE position = 1", "rows are missing" },
		{ "DELETE FROM module WHERE id = 1", "rows are missing" },
		{ "DELETE FROM capture", "rows are missing" },
		{ "DELETE FROM cohort WHERE position = 3", "rows are missing" },
		{ "INSERT INTO cohort SELECT capture, site, position + 20, 0, 0, 0, 0, 0, 0 FROM "
		  "cohort",
		  "rows are missing" },
		{ "UPDATE site SET live_bytes = -1 WHERE id = 0", "out of its range" },
		{ "UPDATE process SET pid = 4294967296 WHERE id = 0", "out of its range" },
		{ "UPDATE process SET verdict = 'odd' WHERE id = 0", "out of its range" },
		{ "UPDATE process SET exit_status = -5 WHERE id = 0", "out of its range" },
		{ "UPDATE capture SET mode = 'odd'", "out of its range" },
		{ "UPDATE stack SET stack_end = 'odd' WHERE id = 0", "out of its range" },
	};

	for (size_t i = 0; i < sizeof(alterations) / sizeof(alterations[0]); i++) {
		write_altered(alterations[i][0]);
		check_refused(-EINVAL, alterations[i][1]);
	}
}

/* People may add their own tables, views and indices; they are not run. */
static void ignores_additions(void **state)
{
	struct profile *back;

	write_altered("CREATE TABLE note (text TEXT); CREATE INDEX by_verdict ON site (verdict);"
		      "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
		      "SELECT i + 1 FROM n) SELECT i FROM n");
	back = read_back();
	assert_int_equal(back->nr_sites, 6);
	profile_free(back);
}

static char *sample_bytes(size_t *ret_size)
{
	struct profile *profile = sample_profile();
	char *bytes = malloc(1 << 20);
	FILE *in;

	assert_int_equal(capture_write(path, profile, NULL), 0);
	profile_free(profile);
	in = fopen(path, "re");
	*ret_size = fread(bytes, 1, 1 << 20, in);
	fclose(in);
	return bytes;
}

/* Whatever is flipped or cut off: an error in words, or a profile that can be rendered. */
static void survives_damage(void **state)
{
	size_t size, refused = 0;
	char *bytes = sample_bytes(&size), *changed = malloc(size);

	seed = 42;
	for (int run = 0; run < 250; run++) {
		struct profile *profile = NULL;
		char *message = NULL;
		int err;

		memcpy(changed, bytes, size);
		for (uint64_t flips = 1 + below(4); flips > 0; flips--)
			changed[below(size)] ^= 1 << below(8);
		write_file(changed, run % 4 ? size : below(size));
		err = capture_read(path, &profile, &message);
		if (err) {
			assert_non_null(message);
			assert_null(profile);
			refused++;
		} else {
			free(json_of(profile));
		}
		free(message);
		profile_free(profile);
	}
	assert_true(refused > 60);
	free(bytes);
	free(changed);
}

static size_t files_in(const char *where)
{
	DIR *dir = opendir(where);
	struct dirent *entry;
	size_t nr = 0;

	while ((entry = readdir(dir)))
		nr += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
	closedir(dir);
	return nr;
}

/* A profile whose capture has some megabytes. */
static struct profile *large_profile(void)
{
	struct profile *profile = sample_profile();

	for (int i = 0; i < 60000; i++)
		sample_point(profile, 0, i, i, i, i);
	return profile;
}

static void full_disk_leaves_the_old_file(void **state)
{
	struct profile *sample = sample_profile(), *large = large_profile();
	char where[64], *message = NULL, *expected = json_of(sample), *got;
	struct profile *back;

	snprintf(where, sizeof(where), "%s/small", directory);
	assert_int_equal(mkdir(where, 0700), 0);
	if (mount("tmpfs", where, "tmpfs", 0, "size=512k") < 0) {
		rmdir(where);
		print_message("needs the right to mount a tmpfs\n");
		profile_free(sample);
		profile_free(large);
		free(expected);
		skip();
	}
	strcat(where, "/x.seep");
	assert_int_equal(capture_write(where, sample, NULL), 0);
	assert_int_equal(capture_write(where, large, &message), -ENOSPC);
	assert_non_null(strstr(message, "disk is full"));
	assert_int_equal(capture_read(where, &back, NULL), 0);
	got = json_of(back);
	assert_string_equal(got, expected);
	where[strlen(where) - strlen("/x.seep")] = '\0';
	assert_int_equal(files_in(where), 1);
	assert_int_equal(umount(where), 0);
	rmdir(where);
	profile_free(sample);
	profile_free(large);
	profile_free(back);
	free(message);
	free(expected);
	free(got);
}

static void replaces_whole_files_only(void **state)
{
	struct profile *profile = sample_profile();
	struct stat before, after;
	char *message, link_path[80];

	umask(022);
	write_file("old", 3);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(capture_write(path, profile, NULL), 0);
	assert_int_equal(stat(path, &after), 0);
	/* Another file under the name: whoever had the old one open still reads it whole. */
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_int_equal(after.st_mode & 0777, 0644);
	assert_int_equal(files_in(directory), 1);

	snprintf(link_path, sizeof(link_path), "%s/link", directory);
	assert_int_equal(symlink(path, link_path), 0);
	assert_int_equal(capture_write(link_path, profile, NULL), 0);
	assert_int_equal(lstat(link_path, &after), 0);
	assert_true(S_ISLNK(after.st_mode));
	unlink(link_path);

	/* A device stays what it is. */
	assert_int_equal(capture_write("/dev/null", profile, NULL), 0);
	assert_int_equal(stat("/dev/null", &after), 0);
	assert_true(S_ISCHR(after.st_mode));

	assert_int_equal(capture_write(directory, profile, &message), -EISDIR);
	assert_non_null(strstr(message, "directory"));
	free(message);
	assert_int_equal(capture_write("/nowhere/x.seep", profile, &message), -ENOENT);
	free(message);
	profile_free(profile);
}

static void remove_parts(void)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	while ((entry = readdir(dir)))
		if (strstr(entry->d_name, ".part"))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

/* Killed at any moment: the old file or the new one, whole, and nothing beside it. */
static void killed_writer_leaves_a_whole_file(void **state)
{
	struct profile *sample = sample_profile(), *large = large_profile(), *back;

	assert_int_equal(capture_write(path, sample, NULL), 0);
	for (int run = 0; run < 25; run++) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			for (;;)
				capture_write(path, large, NULL);
		}
		usleep(run * 5000);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		back = read_back();
		assert_true(back->nr_points == sample->nr_points ||
			    back->nr_points == large->nr_points);
		profile_free(back);
	}
	/* The new file has a second name for the moment between its link and its rename. */
	assert_true(files_in(directory) <= 2);
	remove_parts();
	profile_free(sample);
	profile_free(large);
}

static sqlite3_int64 ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	sqlite3_int64 answer;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	answer = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return answer;
}

static void people_can_query_it(void **state)
{
	struct profile *profile = sample_profile();
	sqlite3 *db;

	assert_int_equal(capture_write(path, profile, NULL), 0);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(ask(db, "SELECT live_bytes FROM top_sites"), 251658240);
	assert_int_equal(ask(db, "SELECT count(*) FROM top_sites WHERE place = "
				 "'operator new(unsigned long)' AND growth_per_hour = 1209600000"),
			 1);
	assert_int_equal(ask(db, "SELECT count(*) FROM site_frames WHERE site = 0"), 7);
	assert_int_equal(ask(db, "SELECT sum(live_bytes) FROM cohort WHERE site = 0"), 100800000);
	sqlite3_close(db);
	profile_free(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_survives),
		cmocka_unit_test(empty_survives),
		cmocka_unit_test(random_profiles_survive),
		cmocka_unit_test(refuses_what_is_no_capture),
		cmocka_unit_test(refuses_altered_tables),
		cmocka_unit_test(ignores_additions),
		cmocka_unit_test(survives_damage),
		cmocka_unit_test(full_disk_leaves_the_old_file),
		cmocka_unit_test(replaces_whole_files_only),
		cmocka_unit_test(killed_writer_leaves_a_whole_file),
		cmocka_unit_test(people_can_query_it),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
