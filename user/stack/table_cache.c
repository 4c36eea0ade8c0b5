// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns a directory of tables. A table is written under a name of its own and then renamed,
 * so that readers see whole files; two writers of one table write the same bytes. The time
 * of a file's last use is its modification time. What is written is not synced: a crash
 * may leave a damaged file, which the checksum finds.
 *
 * seep runs as root over files that users choose. Nothing is followed out of the directory;
 * only files that we own are read. A build id is what a file says of itself, so a name also
 * has a hash of what the table is made from.
 */
#include "stack/table_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/private_folder.h"
#include "base/vec.h"
#include "stack/cfi_image.h"

static const uint64_t DEFAULT_BYTES = 512UL << 20;
enum {
	MAX_FILE = 128 << 20,
	MAX_FILES = 1 << 16,
	PART_SECONDS = 3600, /* after that its writer is dead */
	NAME_SIZE = 2 * TABLE_BUILD_ID_MAX + 32,
};
#define TABLE_SUFFIX ".unwind"
#define PART_SUFFIX ".part"

struct table_cache {
	int directory;
	uint64_t max_bytes;
	uint64_t bytes; /* in all files: as last looked at, plus what we wrote since */
	uint32_t nr_parts;
	struct table_cache_stats stats;
};

struct cached_file {
	char *name;
	uint64_t size;
	struct timespec used;
};

struct listing {
	struct cached_file *files;
	size_t nr, cap;
	uint64_t bytes;
};

static bool ends_with(const char *name, const char *suffix)
{
	size_t length = strlen(name), suffix_length = strlen(suffix);

	return length > suffix_length && !strcmp(name + length - suffix_length, suffix);
}

/* Takes note of one file; what is left over of a dead writer is removed. */
static void list_file(struct table_cache *cache, struct listing *listing, const char *name)
{
	struct cached_file *file = NULL;
	struct stat status;

	if (fstatat(cache->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (ends_with(name, PART_SUFFIX)) {
		if (status.st_mtim.tv_sec < time(NULL) - PART_SECONDS)
			unlinkat(cache->directory, name, 0);
		return;
	}
	if (!ends_with(name, TABLE_SUFFIX))
		return;
	if (listing->nr < MAX_FILES)
		file = vec_push(&listing->files, &listing->nr, &listing->cap);
	if (file)
		file->name = strdup(name);
	if (!file || !file->name) {
		listing->nr -= file ? 1 : 0;
		unlinkat(cache->directory, name, 0);
		return;
	}
	file->size = (uint64_t)status.st_size;
	file->used = status.st_mtim;
	listing->bytes += file->size;
}

static void list_files(struct table_cache *cache, struct listing *listing)
{
	int copy = openat(cache->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!folder) {
		close_fd(&copy);
		return;
	}
	while ((entry = readdir(folder)))
		list_file(cache, listing, entry->d_name);
	closedir(folder);
}

static int compare_use(const void *left, const void *right)
{
	const struct cached_file *a = left, *b = right;

	if (a->used.tv_sec != b->used.tv_sec)
		return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
	return a->used.tv_nsec < b->used.tv_nsec ? -1 : a->used.tv_nsec > b->used.tv_nsec;
}

/* Looks what there is; removes the least recently used until `wanted` more bytes fit. */
static void make_room(struct table_cache *cache, uint64_t wanted)
{
	/* some more than needed, so that not every file means a look at all */
	uint64_t most = cache->max_bytes - cache->max_bytes / 8;
	struct listing listing = { 0 };
	bool full;

	list_files(cache, &listing);
	full = listing.bytes + wanted > cache->max_bytes;
	if (listing.nr)
		qsort(listing.files, listing.nr, sizeof(*listing.files), compare_use);
	for (size_t i = 0; i < listing.nr; i++) {
		if (full && listing.bytes + wanted > most && listing.bytes &&
		    unlinkat(cache->directory, listing.files[i].name, 0) == 0) {
			listing.bytes -= listing.files[i].size;
			cache->stats.evicted++;
		}
		free(listing.files[i].name);
	}
	free(listing.files);
	cache->bytes = listing.bytes;
}

int table_cache_open(const struct table_cache_options *options, struct table_cache **ret_cache)
{
	struct table_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->max_bytes = options && options->max_bytes ? options->max_bytes : DEFAULT_BYTES;
	cache->directory = private_folder_open(options ? options->directory : NULL, "unwind");
	if (cache->directory < 0) {
		int err = cache->directory;

		free(cache);
		return err;
	}
	make_room(cache, 0);
	*ret_cache = cache;
	return 0;
}

void table_cache_free(struct table_cache *cache)
{
	if (!cache)
		return;
	close(cache->directory);
	free(cache);
}

static void file_name(const struct table_key *key, char name[NAME_SIZE])
{
	char *at = name;

	for (uint32_t i = 0; i < key->build_id_length; i++)
		at += sprintf(at, "%02x", key->build_id[i]);
	sprintf(at, "-%016llx-%c" TABLE_SUFFIX, (unsigned long long)key->identity,
		key->full ? 'f' : 'c');
}

static bool read_whole(int fd, char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = read(fd, bytes + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

/* Reads a file of our own. -EINVAL when it is not as it should be. */
static int read_table(int fd, const struct table_key *key, struct unwind_table **ret_table)
{
	struct stat status;
	char *bytes;
	int err;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
	    status.st_size <= 0 || status.st_size > MAX_FILE)
		return -EINVAL;
	bytes = malloc((size_t)status.st_size);
	if (!bytes)
		return -ENOMEM;
	err = read_whole(fd, bytes, (size_t)status.st_size)
		      ? table_file_decode(bytes, (size_t)status.st_size, key, ret_table)
		      : -EINVAL;
	free(bytes);
	return err;
}

int table_cache_get(struct table_cache *cache, const struct table_key *key,
		    struct unwind_table **ret_table)
{
	__cleanup(close_fd)
	int fd = -1;
	char name[NAME_SIZE];
	int err;

	file_name(key, name);
	fd = openat(cache->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	err = fd < 0 ? (errno == ENOENT ? -ENOENT : -EINVAL) : read_table(fd, key, ret_table);
	if (err == -ENOMEM)
		return err;
	if (err) {
		cache->stats.rejected += err == -EINVAL;
		cache->stats.misses++;
		return -ENOENT;
	}
	futimens(fd, NULL);
	cache->stats.hits++;
	return 0;
}

static int write_whole(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t wrote = write(fd, bytes, size);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return -errno;
		bytes += wrote;
		size -= (size_t)wrote;
	}
	return 0;
}

static int write_file(struct table_cache *cache, const char *name, const char *bytes, size_t size)
{
	__cleanup(close_fd)
	int fd = -1;
	struct timespec now;
	char part[96];
	int err;

	/* Processes of other pid namespaces may write here, too. */
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(part, sizeof(part), ".%d-%u-%lld%09ld" PART_SUFFIX, (int)getpid(),
		 cache->nr_parts++, (long long)now.tv_sec, now.tv_nsec);
	fd = openat(cache->directory, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	err = write_whole(fd, bytes, size);
	if (!err && renameat(cache->directory, part, cache->directory, name) < 0)
		err = -errno;
	if (err)
		unlinkat(cache->directory, part, 0);
	return err;
}

int table_cache_put(struct table_cache *cache, const struct table_key *key,
		    const struct unwind_table *table)
{
	char name[NAME_SIZE];
	void *bytes;
	size_t size;
	int err = table_file_encode(table, key, &bytes, &size);

	if (!err && (size > cache->max_bytes || size > MAX_FILE)) {
		free(bytes);
		err = -EFBIG;
	}
	if (err) {
		cache->stats.not_stored++;
		return err;
	}
	if (cache->bytes + size > cache->max_bytes)
		make_room(cache, size);
	file_name(key, name);
	err = write_file(cache, name, bytes, size);
	free(bytes);
	if (err) {
		cache->stats.not_stored++;
		return err;
	}
	cache->bytes += size;
	cache->stats.stored++;
	return 0;
}

/* Of the file's segments and call frame information. */
static int identify(const struct cfi_image *image, uint64_t *ret_identity)
{
	struct cfi_section section = { 0 };
	uint64_t identity = table_file_hash(&image->size, sizeof(image->size), image->machine);
	int err;

	for (size_t i = 0; i < image->nr_segments; i++) {
		const struct cfi_segment *segment = &image->segments[i];
		uint64_t parts[] = { segment->address, segment->offset, segment->size,
				     segment->executable };

		identity = table_file_hash(parts, sizeof(parts), identity);
	}
	err = cfi_image_eh_section(image, &section);
	if (err && err != -ENOMEM)
		err = cfi_image_eh_header(image, &section);
	if (err == -ENOMEM)
		return err;
	if (!err)
		identity = table_file_hash(section.bytes, section.size, identity);
	cfi_section_free(&section);
	*ret_identity = identity;
	return 0;
}

int table_cache_key(int fd, const struct unwind_table_options *options, struct table_key *ret_key)
{
	struct table_key key = { .full = options && options->full };
	struct cfi_image image;
	int err = cfi_image_open(fd, &image);

	if (err)
		return err;
	if (image.build_id_length) {
		memcpy(key.build_id, image.build_id, image.build_id_length);
		key.build_id_length = (uint32_t)image.build_id_length;
		err = identify(&image, &key.identity);
	} else {
		err = -ENOENT;
	}
	cfi_image_close(&image);
	if (!err)
		*ret_key = key;
	return err;
}

int table_cache_build(struct table_cache *cache, int fd, const struct unwind_table_options *options,
		      struct unwind_table **ret_table)
{
	struct unwind_table *table;
	struct table_key key;
	int err;

	if (!cache || table_cache_key(fd, options, &key))
		return unwind_table_build(fd, options, ret_table);
	err = table_cache_get(cache, &key, ret_table);
	if (err != -ENOENT)
		return err;
	err = unwind_table_build(fd, options, &table);
	if (err)
		return err;
	table_cache_put(cache, &key, table);
	*ret_table = table;
	return 0;
}

struct table_cache_stats table_cache_stats(const struct table_cache *cache)
{
	return cache->stats;
}
