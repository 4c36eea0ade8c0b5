// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the framing of a replay file. What the records say is decode.c's business.
 */
#include "ingest/replay.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char magic[8] = { 'S', 'E', 'E', 'P', 'R', 'E', 'C', '1' };

struct replay_writer {
	FILE *file;
};

struct replay_reader {
	FILE *file;
	uint64_t record[REPLAY_RECORD_MAX / 8];
};

int replay_create(const char *path, struct replay_writer **ret_writer)
{
	struct replay_writer *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->file = fopen(path, "wbe");
	if (!w->file || fwrite(magic, sizeof(magic), 1, w->file) != 1) {
		err = errno ? -errno : -EIO;
		if (w->file)
			fclose(w->file);
		free(w);
		return err;
	}
	*ret_writer = w;
	return 0;
}

int replay_write(struct replay_writer *w, const void *record, size_t size)
{
	uint32_t length = htole32((uint32_t)size);

	if (!size || size > REPLAY_RECORD_MAX)
		return -EMSGSIZE;
	if (fwrite(&length, sizeof(length), 1, w->file) != 1 ||
	    fwrite(record, size, 1, w->file) != 1)
		return errno ? -errno : -EIO;
	return 0;
}

int replay_finish(struct replay_writer *w)
{
	int err = 0;

	if (ferror(w->file))
		err = -EIO;
	if (fclose(w->file) && !err)
		err = -errno;
	free(w);
	return err;
}

int replay_open(const char *path, struct replay_reader **ret_reader)
{
	struct replay_reader *r = calloc(1, sizeof(*r));
	char found[sizeof(magic)];
	int err = -EBADMSG;

	if (!r)
		return -ENOMEM;
	r->file = fopen(path, "rbe");
	if (!r->file) {
		err = -errno;
		goto fail;
	}
	if (fread(found, sizeof(found), 1, r->file) != 1 || memcmp(found, magic, sizeof(magic)))
		goto fail;
	*ret_reader = r;
	return 0;
fail:
	replay_close(r);
	return err;
}

int replay_read(struct replay_reader *r, const void **ret_record, size_t *ret_size)
{
	uint32_t length;
	size_t got = fread(&length, 1, sizeof(length), r->file);

	if (!got)
		return ferror(r->file) ? -EIO : 0;
	length = le32toh(length);
	if (got != sizeof(length) || !length || length > REPLAY_RECORD_MAX ||
	    fread(r->record, length, 1, r->file) != 1)
		return ferror(r->file) ? -EIO : -EBADMSG;
	*ret_record = r->record;
	*ret_size = length;
	return 1;
}

void replay_close(struct replay_reader *r)
{
	if (!r)
		return;
	if (r->file)
		fclose(r->file);
	free(r);
}
