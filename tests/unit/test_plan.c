/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <linux/types.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <lzma.h>

#include "../../bpf/event.h"
#include "attach/plan.h"
#include "elf_image.h"
#include "proc/maps.h"

static const struct plan_options plain = { 0 };

static const uint8_t push[] = { 0x55, 0xc3 };
static const uint8_t moves_stack[] = { 0x48, 0x83, 0xec, 0x18, 0x53, 0xc3 };

static const struct plan_probe *probe_of(const struct plan *plan, const char *symbol)
{
	for (size_t i = 0; i < plan->nr_probes; i++)
		if (strcmp(plan->probes[i].symbol, symbol) == 0)
			return &plan->probes[i];
	return NULL;
}

static const char *skip_of(const struct plan *plan, const char *symbol)
{
	for (size_t i = 0; i < plan->nr_skips; i++)
		if (strcmp(plan->skips[i].symbol, symbol) == 0)
			return plan->skips[i].reason;
	return NULL;
}

static struct plan *plan_of(struct elf_image *image, const char *path,
			    const struct plan_options *options)
{
	struct plan *plan = NULL;
	int fd;

	image_finish(image);
	fd = image_file(image->bytes, image->size);
	assert_true(fd >= 0);
	assert_int_equal(plan_make(fd, path, options, &plan), 0);
	close(fd);
	return plan;
}

static const char *family_of(const struct plan_probe *probe)
{
	return family_name(SEEP_COOKIE_FAMILY(probe->cookie));
}

/* "jmp rel32" or "call rel32" at `from`, to `target`. */
static void relative(uint8_t *code, uint8_t opcode, uint64_t from, uint64_t target)
{
	int32_t distance = target - (from + 5);

	code[0] = opcode;
	memcpy(code + 1, &distance, sizeof(distance));
}

static uint64_t next_address(const struct elf_image *image)
{
	return IMAGE_BASE + IMAGE_TEXT + image->text_size;
}

static void the_libc_of_this_process(void **state)
{
	static const char *const wanted[] = { "free",	     "malloc",	 "calloc",
					      "realloc",     "memalign", "posix_memalign",
					      "reallocarray" };
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	struct plan *plan;
	struct maps maps;
	bool allocations = false;
	Dl_info info;
	int fd;

	if (!libc)
		skip();
	assert_true(dladdr(dlsym(libc, "malloc"), &info) != 0);
	fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	assert_int_equal(plan_make(fd, info.dli_fname, &plain, &plan), 0);
	assert_string_equal(family_name(plan->family), "glibc");
	assert_int_equal(maps_read(getpid(), &maps), 0);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const struct plan_probe *probe = probe_of(plan, wanted[i]);
		uintptr_t address = (uintptr_t)dlsym(libc, wanted[i]);
		const struct mapping *mapping = maps_find(&maps, address);

		assert_non_null(probe);
		assert_non_null(mapping);
		/* the file offset, told by the loader's mapping instead of the program headers */
		assert_true(probe->file_offset - probe->site.offset ==
			    address - mapping->start + mapping->offset);
		assert_true(probe->is_release != probe->needs_return);
	}
	for (size_t i = 0; i < plan->nr_probes; i++) {
		allocations = allocations || !plan->probes[i].is_release;
		assert_true(plan->probes[i].is_release || allocations);
		assert_true(!plan->probes[i].is_release || !allocations);
		for (size_t k = 0; k < i; k++)
			assert_true(plan->probes[i].address != plan->probes[k].address);
	}
	assert_null(probe_of(plan, "strdup"));
	assert_null(probe_of(plan, "__libc_malloc"));
	assert_non_null(strstr(probe_of(plan, "malloc")->aliases, "__libc_malloc"));
	assert_non_null(strstr(probe_of(plan, "memalign")->aliases, "aligned_alloc"));
	assert_int_equal(probe_of(plan, "malloc")->site.class, SITE_EMULATED);
	assert_int_equal(probe_of(plan, "free")->site.class, SITE_EMULATED);
	assert_true(probe_of(plan, "realloc")->cookie & SEEP_COOKIE_NULL_FREES);
	maps_free(&maps);
	plan_free(plan);
	close(fd);
	dlclose(libc);
}

/* A libc without .symtab still tells what it does when a thread ends; only some versions ask. */
static void end_of_a_thread_in_this_libc(void **state)
{
	const char *version = gnu_get_libc_version();
	int minor = version[0] == '2' && version[1] == '.' ? atoi(version + 2) : 0;
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	const struct plan_probe *probe;
	struct plan *plan;
	Dl_info info;
	int fd;

	if (!libc || minor < 26 || minor > 41)
		skip();
	assert_true(dladdr(dlsym(libc, "malloc"), &info) != 0);
	fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	assert_int_equal(plan_make(fd, info.dli_fname, &plain, &plan), 0);
	probe = probe_of(plan, "__malloc_arena_thread_freeres");
	assert_non_null(probe);
	assert_int_equal(SEEP_COOKIE_OP(probe->cookie), SEEP_OP_PURGE);
	assert_true(probe->needs_return && !probe->is_release);
	assert_int_equal(probe->site.class, SITE_EMULATED);
	plan_free(plan);
	close(fd);
	dlclose(libc);
}

struct search_table {
	uint8_t form[4];
	int32_t frames;
	uint32_t nr;
	int32_t entries[8][2];
};

/* As glibc's, with a function at the end that has no name and calls free. */
static uint64_t nameless_libc(struct elf_image *image, struct search_table *table)
{
	uint64_t functions[6];
	uint8_t code[64] = { 0x55 };
	size_t nr = 0;

	memset(image, 0, sizeof(*image));
	functions[nr++] = image_function(image, "free", push, sizeof(push));
	functions[nr++] = image_function(image, "malloc", push, sizeof(push));
	functions[nr] = next_address(image);
	relative(code + 1, 0xe8, functions[nr] + 1, functions[0]);
	image_function(image, "realloc", code, sizeof(code));
	functions[++nr] = image_function(image, "malloc_info", push, sizeof(push));
	functions[++nr] = next_address(image);
	relative(code + 1, 0xe9, functions[nr] + 1, functions[0]);
	memcpy(image->text + image->text_size, code, sizeof(code));
	image->text_size += 64;
	functions[++nr] = next_address(image);
	relative(code + 1, 0xe8, functions[nr] + 1, functions[0]);
	relative(code + 9, 0xe8, functions[nr] + 9, functions[0]);
	memcpy(image->text + image->text_size, code, sizeof(code));
	image->text_size += 64;
	*table = (struct search_table){ .form = { 1, 0x1b, 0x03, 0x3b }, .nr = 6 };
	for (size_t i = 0; i < 6; i++)
		table->entries[i][0] = (int32_t)(functions[i] - IMAGE_TABLE);
	image->search_table = table;
	image->search_table_size = sizeof(*table);
	return functions[5];
}

static const struct plan_probe *purge_of(struct elf_image *image, bool sampled, struct plan **plan)
{
	*plan = plan_of(image, "/lib/libc.so.6", &(struct plan_options){ .sampled = sampled });
	return probe_of(*plan, "__malloc_arena_thread_freeres");
}

static void end_of_a_thread_without_names(void **state)
{
	static struct elf_image image;
	struct search_table table;
	const struct plan_probe *probe;
	uint64_t address = nameless_libc(&image, &table);
	struct plan *plan;

	probe = purge_of(&image, false, &plan);
	assert_non_null(probe);
	assert_true(probe->address == address && probe->site.offset == 0);
	plan_free(plan);
	assert_null(purge_of(&image, true, &plan));
	assert_non_null(probe_of(plan, "malloc"));
	plan_free(plan);
	/* A name that is there is taken. */
	image_symbol(&image, "__malloc_arena_thread_freeres", address - 64, 64);
	assert_true(purge_of(&image, false, &plan)->address == address - 64);
	plan_free(plan);
}

static void end_of_a_thread_in_doubt(void **state)
{
	static struct elf_image image;
	struct search_table table;
	struct plan *plan;
	uint8_t call[8];
	uint64_t address = nameless_libc(&image, &table);

	/* Two functions that call free: as in a program that is linked with its libc. */
	relative(call, 0xe8, address - 64 + 20, IMAGE_BASE + IMAGE_TEXT);
	memcpy(image.text + image.text_size - 128 + 20, call, 5);
	assert_null(purge_of(&image, false, &plan));
	plan_free(plan);
	/* Tables that cannot be read, or say what cannot be so. */
	nameless_libc(&image, &table);
	table.form[3] = 0x1b;
	assert_null(purge_of(&image, false, &plan));
	plan_free(plan);
	nameless_libc(&image, &table);
	table.nr = UINT32_MAX;
	assert_null(purge_of(&image, false, &plan));
	plan_free(plan);
	nameless_libc(&image, &table);
	image.search_table_size = 11;
	assert_null(purge_of(&image, false, &plan));
	plan_free(plan);
	/* Entries in no order lead anywhere, and do no harm. */
	nameless_libc(&image, &table);
	for (size_t i = 0; i < 6; i++)
		table.entries[i][0] = i % 2 ? INT32_MAX : INT32_MIN;
	(void)purge_of(&image, false, &plan);
	plan_free(plan);
}

static void one_probe_an_address(void **state)
{
	static struct elf_image image;
	uint64_t address = image_function(&image, "free", push, sizeof(push));
	struct plan *plan;

	image_symbol(&image, "cfree", address, 0);
	image_symbol(&image, "_ZdlPv@@V_1", address, 0);
	image_symbol(&image, "free@@V_2", address, 0);
	image_function(&image, "malloc", push, sizeof(push));
	image_symbol(&image, "calloc", 0, 0)->st_shndx = SHN_UNDEF;
	image_symbol(&image, "realloc", 0x90000000, 16);
	plan = plan_of(&image, "/lib/a.so", &plain);
	assert_string_equal(family_name(plan->family), "generic");
	assert_int_equal(plan->nr_probes, 2);
	assert_string_equal(plan->probes[0].symbol, "free");
	assert_string_equal(plan->probes[0].aliases, "cfree, _ZdlPv");
	assert_true(plan->probes[0].file_offset == IMAGE_TEXT);
	assert_int_equal(SEEP_COOKIE_OP(plan->probes[0].cookie), SEEP_OP_FREE);
	assert_null(skip_of(plan, "calloc"));
	assert_non_null(strstr(skip_of(plan, "realloc"), "executable segment"));
	plan_free(plan);
}

static void only_an_allocator_owns_plain_names(void **state)
{
	static struct elf_image image;
	struct plan *plan;

	/* as in libstdc++: operators that go through malloc, and a `free` of its own */
	image_function(&image, "_Znwm", push, sizeof(push));
	image_function(&image, "_ZdlPv", push, sizeof(push));
	image_function(&image, "free", push, sizeof(push));
	plan = plan_of(&image, "/lib/libstdc++.so.6", &plain);
	assert_int_equal(plan->nr_probes + plan->nr_skips, 0);
	assert_int_equal(plan->family, 0);
	plan_free(plan);
	/* unless it is named as one */
	plan = plan_of(
		&image, "/lib/libstdc++.so.6",
		&(struct plan_options){ .extra_families = (const char *[]){ "libstdc*", NULL } });
	assert_int_equal(plan->nr_probes, 2);
	assert_non_null(skip_of(plan, "_Znwm"));
	plan_free(plan);
}

static void tells_families_apart(void **state)
{
	static struct elf_image image;
	struct plan *plan;

	image_function(&image, "malloc", push, sizeof(push));
	image_function(&image, "free", push, sizeof(push));
	image_function(&image, "realloc", push, sizeof(push));
	image_function(&image, "__malloc_donate", push, sizeof(push));
	image_function(&image, "_rjem_malloc", push, sizeof(push));
	image_function(&image, "_rjem_realloc", push, sizeof(push));
	image_function(&image, "_rjem_sdallocx", push, sizeof(push));
	image_function(&image, "mi_heap_realloc", push, sizeof(push));
	image_function(&image, "my_malloc", push, sizeof(push));
	plan = plan_of(&image, "/bin/static",
		       &(struct plan_options){ .extra_families = (const char *[]){ "my_", NULL } });
	assert_string_equal(family_name(plan->family), "musl");
	assert_string_equal(family_of(probe_of(plan, "malloc")), "musl");
	assert_string_equal(family_of(probe_of(plan, "_rjem_malloc")), "jemalloc");
	assert_string_equal(family_of(probe_of(plan, "_rjem_sdallocx")), "jemalloc");
	assert_string_equal(family_of(probe_of(plan, "my_malloc")), "generic");
	assert_string_equal(family_of(probe_of(plan, "mi_heap_realloc")), "mimalloc");
	assert_int_equal(SEEP_COOKIE_ARG(probe_of(plan, "mi_heap_realloc")->cookie), 1);
	assert_false(probe_of(plan, "realloc")->cookie & SEEP_COOKIE_NULL_FREES);
	assert_true(probe_of(plan, "_rjem_realloc")->cookie & SEEP_COOKIE_NULL_FREES);
	plan_free(plan);
}

static void leaves_out_what_only_hands_over(void **state)
{
	static struct elf_image image;
	uint8_t jump[5], tail[8] = { 0x48, 0x89, 0xf8 },
			 call[] = { 0x48, 0x83, 0xec, 0x08, 0, 0, 0, 0, 0, 0xc3 };
	uint64_t release = image_function(&image, "free", push, sizeof(push));
	uint64_t allocation = image_function(&image, "malloc", push, sizeof(push));
	struct plan_options sampled = { .sampled = true };
	struct plan *plan;

	relative(jump, 0xe9, next_address(&image), release);
	image_function(&image, "_ZdlPv", jump, sizeof(jump));
	relative(call + 4, 0xe8, next_address(&image) + 4, release);
	image_function(&image, "_ZdlPvm", call, sizeof(call));
	/* a call of something else: this one frees by itself */
	relative(call + 4, 0xe8, next_address(&image) + 4, release + 1);
	image_function(&image, "_ZdaPvm", call, sizeof(call));
	relative(jump, 0xe9, next_address(&image), allocation);
	image_function(&image, "valloc", jump, sizeof(jump));
	relative(tail + 3, 0xe9, next_address(&image) + 3, allocation);
	image_function(&image, "pvalloc", tail, sizeof(tail));
	image_function(&image, "reallocarray", push, sizeof(push));

	plan = plan_of(&image, "/lib/a.so", &plain);
	assert_string_equal(skip_of(plan, "_ZdlPv"), "only jumps to free");
	assert_string_equal(skip_of(plan, "_ZdlPvm"), "ends in free");
	assert_non_null(probe_of(plan, "_ZdaPvm"));
	assert_string_equal(skip_of(plan, "valloc"), "only jumps to malloc");
	assert_non_null(probe_of(plan, "pvalloc"));
	assert_non_null(probe_of(plan, "reallocarray"));
	plan_free(plan);

	plan = plan_of(&image, "/lib/a.so", &sampled);
	assert_non_null(skip_of(plan, "pvalloc"));
	assert_non_null(skip_of(plan, "reallocarray"));
	assert_non_null(probe_of(plan, "malloc"));
	plan_free(plan);
}

static void leaves_out_what_cannot_be_probed(void **state)
{
	static struct elf_image image;
	struct plan_options throwing = { .allow_throwing = true };
	struct plan *plan;

	image_function(&image, "free", push, sizeof(push));
	image_function(&image, "malloc", push, sizeof(push));
	image_function(&image, "_Znwm", push, sizeof(push));
	image_function(&image, "_ZnwmRKSt9nothrow_t", push, sizeof(push));
	image_function(&image, "calloc", push, sizeof(push));
	image.symbols[image.nr_symbols - 1].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC);
	plan = plan_of(&image, "/lib/a.so", &plain);
	assert_non_null(strstr(skip_of(plan, "calloc"), "IFUNC"));
	assert_non_null(strstr(skip_of(plan, "_Znwm"), "throw"));
	assert_non_null(probe_of(plan, "_ZnwmRKSt9nothrow_t"));
	plan_free(plan);
	plan = plan_of(&image, "/lib/a.so", &throwing);
	assert_true(probe_of(plan, "_Znwm")->cookie & SEEP_COOKIE_THROWS);
	plan_free(plan);
}

static void knows_the_loader_and_the_stripped(void **state)
{
	static struct elf_image loader, stripped;
	struct plan *plan;

	image_function(&loader, "malloc", push, sizeof(push));
	image_function(&loader, "free", push, sizeof(push));
	image_symbol(&loader, "_rtld_global", IMAGE_BASE, 8)->st_info =
		ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
	plan = plan_of(&loader, "/lib/ld.so", &plain);
	assert_int_equal(plan->nr_probes, 0);
	assert_int_equal(plan->nr_skips, 0);
	plan_free(plan);
	plan = plan_of(&stripped, "/bin/stripped", &plain);
	assert_int_equal(plan->nr_probes, 0);
	assert_non_null(strstr(skip_of(plan, "*"), "no symbols"));
	plan_free(plan);
}

/* A static binary, stripped, whose symbols are in an xz-compressed ELF file inside it. */
static struct plan *plan_with_debugdata(const void *inner, size_t inner_size, bool whole)
{
	static uint8_t packed[8192];
	static struct elf_image image;
	size_t packed_size = 0;

	memset(&image, 0, sizeof(image));
	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, inner, inner_size,
						 packed, &packed_size, sizeof(packed)),
			 LZMA_OK);
	image_function(&image, "text", push, sizeof(push));
	image.debugdata = packed;
	image.debugdata_size = whole ? packed_size : packed_size / 2;
	return plan_of(&image, "/bin/static", &plain);
}

static void reads_mini_debug_info(void **state)
{
	static struct elf_image inner;
	struct plan *plan;

	image_symbol(&inner, "malloc", IMAGE_BASE + IMAGE_TEXT, 2);
	image_symbol(&inner, "free", IMAGE_BASE + IMAGE_TEXT, 2);
	image_finish(&inner);
	/* much larger than what it is packed to */
	plan = plan_with_debugdata(inner.bytes, sizeof(inner.bytes), true);
	assert_int_equal(plan->nr_probes, 1);
	assert_true(plan->probes[0].file_offset == IMAGE_TEXT);
	plan_free(plan);
	/* cut in the middle, outside and inside of the compression; and no ELF at all */
	plan = plan_with_debugdata(inner.bytes, inner.size, false);
	assert_int_equal(plan->nr_probes, 0);
	plan_free(plan);
	for (size_t size = 0; size < inner.size; size += 64) {
		plan = plan_with_debugdata(inner.bytes, size, true);
		assert_int_equal(plan->nr_probes, 0);
		plan_free(plan);
	}
}

static void a_function_of_many_jumps(void **state)
{
	static struct elf_image image;
	uint8_t code[60];
	struct plan *plan;
	uint64_t release = image_function(&image, "free", push, sizeof(push));

	image_function(&image, "malloc", push, sizeof(push));
	code[0] = 0x90;
	for (int i = 0; i < 11; i++)
		relative(code + 1 + i * 5, 0xe9, next_address(&image) + 1 + i * 5, release);
	image_function(&image, "_ZdlPv", code, 56);
	plan = plan_of(&image, "/lib/a.so", &plain);
	assert_non_null(probe_of(plan, "_ZdlPv"));
	plan_free(plan);
}

static void sites_follow_the_options(void **state)
{
	static struct elf_image image;
	struct plan_options entry = { .entry_sites_only = true };
	const struct plan_probe *probe;
	struct plan *plan;

	image_function(&image, "malloc", moves_stack, sizeof(moves_stack));
	image_function(&image, "free", moves_stack, sizeof(moves_stack));
	plan = plan_of(&image, "/lib/a.so", &plain);
	/* only the release may sit behind the move of the stack pointer */
	probe = probe_of(plan, "malloc");
	assert_int_equal(probe->site.offset, 0);
	assert_int_equal(probe->site.class, SITE_STEPPED);
	probe = probe_of(plan, "free");
	assert_int_equal(probe->site.offset, 4);
	assert_true(probe->file_offset == IMAGE_TEXT + 64 + 4);
	plan_free(plan);
	plan = plan_of(&image, "/lib/a.so", &entry);
	assert_int_equal(probe_of(plan, "free")->site.offset, 0);
	plan_free(plan);
}

static void pairs_of_the_user(void **state)
{
	static struct elf_image image;
	struct pair pairs[2];
	struct plan_options options = { .pairs = pairs, .nr_pairs = 2 };
	struct plan *plan;
	char *message;

	assert_int_equal(pair_parse("libssl*:SSL_new@2=SSL_free@3", &pairs[0], &message), 0);
	assert_int_equal(pair_parse("libssl.so.3:malloc=gone", &pairs[1], &message), 0);
	image_function(&image, "SSL_new", push, sizeof(push));
	image_function(&image, "SSL_free", push, sizeof(push));
	image_function(&image, "malloc", push, sizeof(push));
	plan = plan_of(&image, "/usr/lib/libssl.so.3", &options);
	assert_int_equal(plan->family, 0);
	assert_int_equal(plan->nr_probes, 3);
	assert_true(plan->probes[0].cookie ==
		    SEEP_COOKIE(SEEP_OP_RELEASE, family_find("pair")->id, 3, 0));
	assert_int_equal(SEEP_COOKIE_OP(probe_of(plan, "SSL_new")->cookie), SEEP_OP_ACQUIRE_ARG);
	assert_int_equal(SEEP_COOKIE_ARG(probe_of(plan, "SSL_new")->cookie), 2);
	assert_int_equal(SEEP_COOKIE_OP(probe_of(plan, "malloc")->cookie), SEEP_OP_ACQUIRE);
	assert_non_null(skip_of(plan, "gone"));
	plan_free(plan);
	plan = plan_of(&image, "/usr/lib/libother.so", &options);
	assert_int_equal(plan->nr_probes + plan->nr_skips, 0);
	plan_free(plan);
	pair_free(&pairs[0]);
	pair_free(&pairs[1]);
}

/* Whatever the bytes are, the answer is a plan or one of the errors of the header. */
static void try_bytes(const void *bytes, size_t size)
{
	int fd = image_file(bytes, size), err;
	struct plan *plan = NULL;

	assert_true(fd >= 0);
	err = plan_make(fd, "/lib/x.so", &plain, &plan);
	close(fd);
	assert_true(err == 0 || err == -ENOEXEC || err == -EINVAL || err == -ENOMEM);
	if (!err)
		for (size_t i = 0; i < plan->nr_probes; i++)
			assert_true(plan->probes[i].file_offset < size);
	plan_free(plan);
}

static void corrupt_files(void **state)
{
	static struct elf_image image, broken;
	uint32_t seed = 7;

	image_function(&image, "malloc", push, sizeof(push));
	image_function(&image, "free", push, sizeof(push));
	image_function(&image, "mallocx", push, sizeof(push));
	image_finish(&image);
	for (size_t size = 0; size <= image.size; size++)
		try_bytes(image.bytes, size);
	for (int round = 0; round < 3000; round++) {
		broken = image;
		for (int k = 0; k < 1 + round % 3; k++) {
			seed = seed * 1664525 + 1013904223;
			broken.bytes[(seed >> 8) % image.size] = seed >> 4;
		}
		try_bytes(broken.bytes, image.size);
	}
}

static void errors_are_told_apart(void **state)
{
	static struct elf_image image;
	struct plan *plan = NULL;
	Elf64_Ehdr *header = (Elf64_Ehdr *)image.bytes;
	int fd = image_file("#!/bin/sh\n", 10);

	assert_int_equal(plan_make(fd, "/x", &plain, &plan), -ENOEXEC);
	close(fd);
	fd = open("/", O_RDONLY | O_DIRECTORY);
	assert_int_equal(plan_make(fd, "/", &plain, &plan), -ENOEXEC);
	close(fd);
	image_function(&image, "malloc", push, sizeof(push));
	image_finish(&image);
	fd = image_file(image.bytes, image.size - 1);
	assert_int_equal(plan_make(fd, "/cut", &plain, &plan), -EINVAL);
	close(fd);
	header->e_machine = EM_RISCV;
	fd = image_file(image.bytes, image.size);
	assert_int_equal(plan_make(fd, "/riscv", &plain, &plan), -ENOEXEC);
	close(fd);
	assert_null(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_libc_of_this_process),
		cmocka_unit_test(end_of_a_thread_in_this_libc),
		cmocka_unit_test(end_of_a_thread_without_names),
		cmocka_unit_test(end_of_a_thread_in_doubt),
		cmocka_unit_test(one_probe_an_address),
		cmocka_unit_test(only_an_allocator_owns_plain_names),
		cmocka_unit_test(tells_families_apart),
		cmocka_unit_test(leaves_out_what_only_hands_over),
		cmocka_unit_test(leaves_out_what_cannot_be_probed),
		cmocka_unit_test(knows_the_loader_and_the_stripped),
		cmocka_unit_test(reads_mini_debug_info),
		cmocka_unit_test(a_function_of_many_jumps),
		cmocka_unit_test(sites_follow_the_options),
		cmocka_unit_test(pairs_of_the_user),
		cmocka_unit_test(corrupt_files),
		cmocka_unit_test(errors_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
