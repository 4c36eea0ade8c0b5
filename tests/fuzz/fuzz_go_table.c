// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A Go program's table of anyone's making. The first two bytes say which version, and where in
 * a good table the rest is laid over it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../unit/go_image.h"
#include "stack/go_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[GO_IMAGE_SIZE];
	struct debug_frame frames[DEBUG_FRAMES_MAX];
	struct go_table *table;
	size_t at, i;
	int fd;

	if (size < 2)
		return 0;
	go_image(file, (enum go_version)(data[0] % 4));
	at = data[1] == 255 ? 0 : data[1] > 240 ? GO_TREES : GO_TABLE + data[1] * 8;
	for (i = 2; i < size && at < sizeof(file); i++)
		file[at++] = data[i];
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, file, sizeof(file)) != (ssize_t)sizeof(file))
		abort();
	if (!go_table_open(fd, &table)) {
		for (i = 0; i < GO_LENGTH; i += 3)
			go_table_find(table, GO_TEXT + i, true, frames);
		go_table_free(table);
	}
	close(fd);
	return 0;
}
