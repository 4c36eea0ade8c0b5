// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Times the naming of addresses: maps the code of the files given, draws addresses in it
 * evenly (the same ones each time), places and names them. Prints "key value unit" lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hashmap.h"
#include "stack/elf_image.h"
#include "stack/symbols.h"

enum { NR_ADDRESSES = 10000, SPACE = 1, MAX_SEGMENTS = 4096 };

struct code {
	uint64_t start, size;
};

struct totals {
	size_t placed, named, with_line, inlined, errors;
	double seconds;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Maps the file's code as a loader would, at any address. Returns the segments added. */
static size_t map_code(const char *path, struct code *code, size_t room)
{
	__cleanup(close_fd)
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct image image = { 0 };
	size_t i, nr = 0;

	if (fd < 0 || image_read(fd, &image)) {
		fprintf(stderr, "bench-symbols: %s: no ELF file\n", path);
		return 0;
	}
	for (i = 0; i < image.nr_segments && nr < room; i++) {
		const struct image_segment *segment = &image.segments[i];
		uint64_t head = segment->offset % page;
		char *base;

		if (!segment->executable)
			continue;
		base = mmap(NULL, segment->file_size + head, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
			    (off_t)(segment->offset - head));
		if (base != MAP_FAILED)
			code[nr++] = (struct code){ (uintptr_t)base + head, segment->file_size };
	}
	image_free(&image);
	return nr;
}

/* The address `where` bytes into all code, as if it lay end to end. */
static uint64_t address_in(const struct code *code, size_t nr, uint64_t where)
{
	size_t i;

	for (i = 0; i < nr - 1 && where >= code[i].size; i++)
		where -= code[i].size;
	return code[i].start + where;
}

static void draw_addresses(const struct code *code, size_t nr, uint64_t *addresses)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < nr; i++)
		sum += code[i].size;
	for (i = 0; i < NR_ADDRESSES; i++)
		addresses[i] = address_in(code, nr, hash_mix(i + 1) % sum);
}

static struct totals name_all(const struct modules *modules, struct symbolizer *symbolizer,
			      const uint64_t *addresses)
{
	struct totals totals = { 0 };
	double start = now();
	size_t i;

	for (i = 0; i < NR_ADDRESSES; i++) {
		const struct symbol *symbols;
		struct place place;
		int nr;

		totals.placed += modules_place(modules, SPACE, addresses[i], &place);
		nr = symbolizer_name(symbolizer, &place, true, 0, &symbols);
		if (nr < 1) {
			totals.errors++;
			continue;
		}
		totals.named += symbols[nr - 1].function != NULL;
		totals.with_line += symbols[0].line > 0;
		totals.inlined += (size_t)nr - 1;
	}
	totals.seconds = now() - start;
	return totals;
}

static double place_all(const struct modules *modules, const uint64_t *addresses)
{
	double start = now();
	struct place place;
	size_t i;

	for (i = 0; i < NR_ADDRESSES; i++)
		modules_place(modules, SPACE, addresses[i], &place);
	return (now() - start) / NR_ADDRESSES * 1e9;
}

static void print_totals(const struct totals *cold, const struct totals *warm)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("symbols.addresses %d frames\n", NR_ADDRESSES);
	printf("symbols.placed %zu frames\n", cold->placed);
	printf("symbols.named %zu frames\n", cold->named);
	printf("symbols.with_line %zu frames\n", cold->with_line);
	printf("symbols.inlined %zu frames\n", cold->inlined);
	printf("symbols.errors %zu frames\n", cold->errors);
	printf("symbols.first %.3f s\n", cold->seconds);
	printf("symbols.again %.3f s\n", warm->seconds);
	printf("symbols.resident_peak %ld KiB\n", usage.ru_maxrss);
}

int main(int argc, char **argv)
{
	static const char *const defaults[] = { "/lib/x86_64-linux-gnu/libc.so.6",
						"/proc/self/exe" };
	static uint64_t addresses[NR_ADDRESSES];
	static struct code code[MAX_SEGMENTS];
	const struct symbolizer_options options = { .no_lines = getenv("NO_LINES") != NULL };
	struct modules *modules = modules_new();
	struct symbolizer *symbolizer = modules ? symbolizer_new(modules, &options) : NULL;
	struct totals cold, warm;
	size_t nr = 0;
	int i, err;

	for (i = 1; i < argc; i++)
		nr += map_code(argv[i], code + nr, MAX_SEGMENTS - nr);
	for (i = 0; argc == 1 && i < 2; i++)
		nr += map_code(defaults[i], code + nr, MAX_SEGMENTS - nr);
	if (!symbolizer || !nr) {
		fprintf(stderr, "usage: bench-symbols [FILE...]\n");
		return 2;
	}
	err = modules_refresh(modules, SPACE, getpid());
	if (err) {
		fprintf(stderr, "bench-symbols: maps: %s\n", strerror(-err));
		return 1;
	}
	draw_addresses(code, nr, addresses);
	cold = name_all(modules, symbolizer, addresses);
	warm = name_all(modules, symbolizer, addresses);
	print_totals(&cold, &warm);
	printf("symbols.place %.0f ns\n", place_all(modules, addresses));
	symbolizer_free(symbolizer);
	modules_free(modules);
	return 0;
}
