/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A stream of ring buffer records in a file, to be played again: 8 bytes "SEEPREC1", then
 * for each record its length (32 bits, little endian) and its bytes.
 */
#ifndef SEEP_INGEST_REPLAY_H
#define SEEP_INGEST_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#define REPLAY_RECORD_MAX 65536

struct replay_writer;
struct replay_reader;

/* 0 or -errno. An existing file is replaced. */
int replay_create(const char *path, struct replay_writer **ret_writer);
/* 0 or -errno; -EMSGSIZE for a record longer than REPLAY_RECORD_MAX, or empty. */
int replay_write(struct replay_writer *writer, const void *record, size_t size);
/* Frees the writer in any case. An error of a write shows here at the latest. */
int replay_finish(struct replay_writer *writer);

/* 0, -EBADMSG for a file that is no replay, or -errno. */
int replay_open(const char *path, struct replay_reader **ret_reader);
/*
 * 1 and a record, valid and aligned until the next call; 0 at the end; -EBADMSG for a file
 * cut within a record or with an impossible length, or -errno.
 */
int replay_read(struct replay_reader *reader, const void **ret_record, size_t *ret_size);
void replay_close(struct replay_reader *reader);

#endif
