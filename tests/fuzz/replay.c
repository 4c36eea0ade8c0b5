/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Takes the fuzzer's place: gives a target each file of a folder, without clang and
 * without chance, so that what was found once is looked at in every test run.
 *
 *	replay FOLDER
 *
 * Each input lies in memory of its own size, must stay as it is, and must be done within
 * a time that only an input which makes loops explode takes.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECONDS_MOST = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/* Targets with mutators of their own are linked with it. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most)
{
	return size;
}

static uint8_t *read_input(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "re");
	struct stat status;
	uint8_t *data;

	if (!file || fstat(fileno(file), &status) < 0) {
		perror(path);
		exit(2);
	}
	data = malloc((size_t)status.st_size);
	if ((!data && status.st_size) ||
	    fread(data, 1, (size_t)status.st_size, file) != (size_t)status.st_size) {
		perror(path);
		exit(2);
	}
	fclose(file);
	*ret_size = (size_t)status.st_size;
	return data;
}

static void replay(const char *path)
{
	size_t size;
	uint8_t *data = read_input(path, &size), *before = malloc(size + 1);

	if (!before)
		exit(2);
	memcpy(before, data, size);
	/* what the next line says is lost unless it fails: stderr is shown then */
	fprintf(stderr, "%s\n", path);
	alarm(SECONDS_MOST);
	LLVMFuzzerTestOneInput(data, size);
	alarm(0);
	if (memcmp(before, data, size) != 0) {
		fprintf(stderr, "the input was written to\n");
		exit(1);
	}
	free(before);
	free(data);
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int nr;

	if (argc != 2)
		return 2;
	nr = scandir(argv[1], &entries, is_input, alphasort);
	if (nr <= 0) {
		fprintf(stderr, "%s: no inputs\n", argv[1]);
		return 2;
	}
	for (int i = 0; i < nr; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", argv[1], entries[i]->d_name) < 0)
			return 2;
		replay(path);
		free(path);
		free(entries[i]);
	}
	free(entries);
	printf("%d inputs\n", nr);
	return 0;
}
