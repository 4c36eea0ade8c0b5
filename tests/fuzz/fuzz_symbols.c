// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An ELF file with symbols, mini debug info and DWARF of anyone's making. The first two
 * bytes say which addresses are looked up, the rest is the file.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stack/elf_image.h"
#include "stack/object.h"

enum { NR_ADDRESSES = 16 };

static void name(struct object *object, uint64_t address)
{
	struct debug_info *info = object_debug_info(object);
	struct debug_frame frames[DEBUG_FRAMES_MAX];
	const char *language;

	object_symbol(object, address);
	if (info)
		debug_info_find(info, address, true, frames, &language);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* No build id, a path without folder: nothing else on this machine is looked at. */
	const struct debug_search search = { .path = "fuzz" };
	struct image image = { 0 };
	struct object *object;
	uint64_t start = 0x1000, i;
	int fd;

	if (size < 2)
		return 0;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data + 2, size - 2) < 0)
		return 0;
	if (!image_read(fd, &image)) {
		image_address(&image, data[0] * 4096, data[1] * 4096, true, &start);
		image_free(&image);
	}
	if (object_open(fd, &search, true, &object))
		return 0;
	for (i = 0; i < NR_ADDRESSES; i++)
		name(object, start + data[0] * 16 + i * data[1]);
	object_free(object);
	return 0;
}
