/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Any bytes in place of an ELF file, and of a function's code. The first input is a small
 * file that is right, from which the fuzzer goes on by itself.
 */
#include <stdlib.h>

#include "../unit/elf_image.h"
#include "attach/plan.h"
#include "elf_mutator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);

static void make_seed(struct elf_image *image)
{
	static const uint8_t push[] = { 0x55, 0xc3 }, jump[] = { 0xe9, 0x10, 0, 0, 0 };

	memset(image, 0, sizeof(*image));
	image_function(image, "malloc", push, sizeof(push));
	image_function(image, "free", push, sizeof(push));
	image_function(image, "_ZdlPv", jump, sizeof(jump));
	image_function(image, "_rjem_realloc", push, sizeof(push));
	image_finish(image);
}

/* What has lost the file's head is exchanged for the seed, else hardly any input is an ELF. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	static struct elf_image image;

	if (size < sizeof(Elf64_Ehdr) || memcmp(data, ELFMAG, SELFMAG) != 0) {
		make_seed(&image);
		if (image.size <= most) {
			memcpy(data, image.bytes, image.size);
			size = image.size;
		}
	}
	if (!elf_is_file(data, size))
		return LLVMFuzzerMutate(data, size, most);
	return elf_mutate(data, size, most, seed);
}

static void plan_bytes(const uint8_t *data, size_t size)
{
	static const char *const extra[] = { "my_", "lib*.so", NULL };
	const struct plan_options options = {
		.extra_families = extra,
		.nop5_is_free = size & 1,
		.allow_throwing = size & 2,
		.sampled = size & 4,
	};
	struct plan *plan = NULL;
	int fd = image_file(data, size);

	if (fd < 0)
		return;
	if (plan_make(fd, "/lib/libfuzz.so", &options, &plan) == 0)
		for (size_t i = 0; i < plan->nr_probes; i++)
			if (plan->probes[i].file_offset >= size)
				abort();
	plan_free(plan);
	close(fd);
}

static void choose_in_bytes(const uint8_t *data, size_t size, uint16_t machine)
{
	const struct site_wish wish = {
		.machine = machine,
		.arguments = data[0],
		.needs_return = data[0] & 1,
		.nop5_is_free = data[0] & 2,
	};
	struct site site;

	site_choose(&wish, data + 1, size - 1, &site);
	if (site.offset && site.offset >= size - 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 1) {
		choose_in_bytes(data, size, EM_X86_64);
		choose_in_bytes(data, size, EM_AARCH64);
	}
	plan_bytes(data, size);
	return 0;
}
