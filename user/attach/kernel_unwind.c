// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the maps that the table unwinder reads. Chunks of the unwind memory are maps of their
 * own, put into an outer one: an update of that waits for a grace period of RCU (4.20, commit
 * 1ae80cf31938), which takes milliseconds, so they come in batches; and kernel_unwind_wait is
 * such an update for its own sake. Programs on probes run under rcu_read_lock, and have ended
 * when it returns.
 */
#include "attach/kernel_unwind.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/kernel_internal.h"
#include "base/log.h"

enum {
	SPACES = 32768,
	EARLY_SPACES = 4096,
	RULES = 16384,
	TABLES = 16384,
	EARLY_FILES = 1024,
	TRIES = 16,
	GROW_AT_ONCE = 64,
};

static int set_entries(struct bpf_map *map, size_t entries, int err)
{
	return err ?: bpf_map__set_max_entries(map, entries);
}

int kernel_unwind_size(struct tracer_bpf *bpf, const struct kernel_options *o)
{
	size_t tables = o->trace_all ? SEEP_UNWIND_TABLES_MAX : TABLES;
	bool late = o->late_allocation, wanted = o->unwind_tables;
	int err;

	err = set_entries(bpf->maps.unwind_chunks, wanted ? SEEP_CHUNKS_MAX : 1, 0);
	err = set_entries(bpf->maps.unwind_tables, wanted ? tables : 1, err);
	err = set_entries(bpf->maps.unwind_rules, wanted ? RULES : 1, err);
	err = set_entries(bpf->maps.unwind_spaces, wanted ? (late ? SPACES : EARLY_SPACES) : 1,
			  err);
	err = set_entries(bpf->maps.unwind_files, wanted ? (late ? tables : EARLY_FILES) : 1, err);
	if (late)
		return err;
	/* Older kernels warn of maps that are not allocated whole. */
	err = err ?: bpf_map__set_map_flags(bpf->maps.unwind_spaces, 0);
	return err ?: bpf_map__set_map_flags(bpf->maps.unwind_files, 0);
}

static size_t map_bytes(const struct bpf_map *map)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t bytes = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);

	return (bytes + page - 1) / page * page;
}

/* NULL when it cannot be shared. */
static void *share(const struct bpf_map *map)
{
	void *shared =
		mmap(NULL, map_bytes(map), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return shared == MAP_FAILED ? NULL : shared;
}

void kernel_try_identify(struct kernel *kernel)
{
	struct seep_file_identity own;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	kernel->unwind.identifies = true;
	if (fd < 0 || kernel_unwind_identify(kernel, fd, &own))
		kernel->unwind.identifies = false;
	if (fd >= 0)
		close(fd);
	log_debug("code can be looked up in the kernel's mappings: %s",
		  kernel->unwind.identifies ? "yes" : "no");
}

int kernel_unwind_open(struct kernel *kernel)
{
	size_t bytes = (size_t)SEEP_CHUNKS_MAX * SEEP_CHUNK_BYTES;
	void *words =
		mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (words == MAP_FAILED)
		return -errno;
	kernel->unwind.words = words;
	kernel->unwind.first_chunk = -1;
	kernel->unwind.tables = share(kernel->bpf->maps.unwind_tables);
	kernel->unwind.rules = share(kernel->bpf->maps.unwind_rules);
	if (!kernel->unwind.tables || !kernel->unwind.rules)
		return -ENOMEM;
	/* Not 0, which is what was never used has. */
	kernel->bpf->bss->unwind_epoch = 1;
	/* The kernel side asks for vmas only where an answer has been seen. */
	kernel->bpf->bss->vmas_can_be_found = kernel->unwind.identifies;
	return 0;
}

void kernel_unwind_close(struct kernel *kernel)
{
	struct kernel_unwind *unwind = &kernel->unwind;

	if (!unwind->words)
		return;
	munmap(unwind->words, (size_t)SEEP_CHUNKS_MAX * SEEP_CHUNK_BYTES);
	if (unwind->first_chunk >= 0)
		close(unwind->first_chunk);
	if (unwind->tables)
		munmap(unwind->tables, map_bytes(kernel->bpf->maps.unwind_tables));
	if (unwind->rules)
		munmap(unwind->rules, map_bytes(kernel->bpf->maps.unwind_rules));
}

struct kernel_unwind_bounds kernel_unwind_bounds(const struct kernel *kernel)
{
	const struct tracer_bpf *bpf = kernel->bpf;

	return (struct kernel_unwind_bounds){
		.chunks = bpf_map__max_entries(bpf->maps.unwind_chunks),
		.tables = bpf_map__max_entries(bpf->maps.unwind_tables),
		.rules = bpf_map__max_entries(bpf->maps.unwind_rules),
		.spaces = bpf_map__max_entries(bpf->maps.unwind_spaces),
	};
}

uint32_t *kernel_unwind_words(const struct kernel *kernel)
{
	return kernel->unwind.words;
}

struct seep_unwind_table *kernel_unwind_tables(const struct kernel *kernel)
{
	return kernel->unwind.tables;
}

struct seep_unwind_rule *kernel_unwind_rules(const struct kernel *kernel)
{
	return kernel->unwind.rules;
}

/* A new chunk's descriptor, its memory in its place. -errno. */
static int make_chunk(struct kernel_unwind *unwind, size_t number)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_chunk", sizeof(uint32_t),
				SEEP_CHUNK_BYTES, 1, &options);
	void *place = unwind->words + number * SEEP_CHUNK_ROWS;
	int err;

	if (fd < 0)
		return -errno;
	if (mmap(place, SEEP_CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) !=
	    MAP_FAILED)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Batches of maps in maps: 5.15, commit 9330986c0300. Singly it takes longer. */
static int put_chunks(int outer, uint32_t first, const int *chunks, uint32_t nr)
{
	uint32_t keys[GROW_AT_ONCE], done = nr;
	int err = 0;

	for (uint32_t i = 0; i < nr; i++)
		keys[i] = first + i;
	if (!bpf_map_update_batch(outer, keys, chunks, &done, NULL))
		return 0;
	for (uint32_t i = 0; !err && i < nr; i++)
		err = bpf_map_update_elem(outer, &keys[i], &chunks[i], BPF_ANY) ? -errno : 0;
	return err;
}

static int grow_some(struct kernel *kernel, uint32_t nr)
{
	struct kernel_unwind *unwind = &kernel->unwind;
	int chunks[GROW_AT_ONCE], err = 0;
	uint32_t made = 0;

	while (!err && made < nr) {
		chunks[made] = make_chunk(unwind, unwind->nr_chunks + made);
		if (chunks[made] < 0)
			err = chunks[made];
		else
			made++;
	}
	err = err
		      ?: put_chunks(bpf_map__fd(kernel->bpf->maps.unwind_chunks), unwind->nr_chunks,
				    chunks, nr);
	if (!err)
		unwind->nr_chunks += nr;
	for (uint32_t i = 0; i < made; i++) {
		if (!err && unwind->first_chunk < 0)
			unwind->first_chunk = chunks[i];
		else
			close(chunks[i]);
	}
	return err;
}

int kernel_unwind_grow(struct kernel *kernel, size_t nr_chunks)
{
	size_t room = kernel_unwind_bounds(kernel).chunks - kernel->unwind.nr_chunks;
	int err = 0;

	if (nr_chunks > room)
		return -ENOSPC;
	while (!err && nr_chunks) {
		uint32_t nr = nr_chunks < GROW_AT_ONCE ? nr_chunks : GROW_AT_ONCE;

		err = grow_some(kernel, nr);
		nr_chunks -= nr;
	}
	return err;
}

int kernel_unwind_wait(struct kernel *kernel)
{
	int outer = bpf_map__fd(kernel->bpf->maps.unwind_chunks);
	uint32_t first = 0;

	/* Nothing is in the memory: no program has anything to hold. */
	if (kernel->unwind.first_chunk < 0)
		return 0;
	return bpf_map_update_elem(outer, &first, &kernel->unwind.first_chunk, BPF_ANY) ? -errno
											: 0;
}

uint64_t kernel_ring_written(const struct kernel *kernel)
{
	return ring__producer_pos(ring_buffer__ring(kernel->ring, 0));
}

uint64_t kernel_ring_read(const struct kernel *kernel)
{
	return ring__consumer_pos(ring_buffer__ring(kernel->ring, 0));
}

uint32_t kernel_unwind_epoch(const struct kernel *kernel)
{
	return kernel->bpf->bss->unwind_epoch;
}

void kernel_unwind_next_epoch(struct kernel *kernel)
{
	kernel->bpf->bss->unwind_epoch++;
}

void kernel_unwind_table_came(struct kernel *kernel)
{
	__atomic_add_fetch(&kernel->bpf->bss->table_generation, 1, __ATOMIC_RELEASE);
}

int kernel_unwind_get_space(struct kernel *kernel, uint32_t key,
			    struct seep_unwind_space *ret_space)
{
	struct seep_unwind_space space;
	int fd = bpf_map__fd(kernel->bpf->maps.unwind_spaces);

	if (bpf_map_lookup_elem(fd, &key, &space))
		return -errno;
	*ret_space = space;
	return 0;
}

static void mappings_have_changed(struct kernel *kernel)
{
	__atomic_add_fetch(&kernel->bpf->bss->mappings_generation, 1, __ATOMIC_RELEASE);
}

int kernel_unwind_set_space(struct kernel *kernel, uint32_t key,
			    const struct seep_unwind_space *space)
{
	int fd = bpf_map__fd(kernel->bpf->maps.unwind_spaces);

	if (bpf_map_update_elem(fd, &key, space, BPF_ANY))
		return -errno;
	mappings_have_changed(kernel);
	return 0;
}

void kernel_unwind_forget_space(struct kernel *kernel, uint32_t key)
{
	bpf_map_delete_elem(bpf_map__fd(kernel->bpf->maps.unwind_spaces), &key);
	mappings_have_changed(kernel);
}

/* Leaves the answer in the programs' memory. */
static int identify(struct kernel *kernel, int fd)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *mapped;
	int err = 0;

	if (!kernel->unwind.identifies)
		return -EOPNOTSUPP;
	mapped = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	kernel->bpf->bss->identified_address = (uintptr_t)mapped;
	kernel->bpf->bss->identified.inode = 0;
	/* Not answered while another thread of ours maps something. */
	for (int i = 0; !err && i < TRIES && !kernel->bpf->bss->identified.inode; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, options);

		err = bpf_prog_test_run_opts(bpf_program__fd(kernel->bpf->progs.seep_identify),
					     &options);
	}
	munmap(mapped, page);
	if (err)
		return err;
	if (!kernel->bpf->bss->identified.inode)
		return -EOPNOTSUPP;
	return 0;
}

int kernel_unwind_identify(struct kernel *kernel, int fd, struct seep_file_identity *ret_identity)
{
	int err = identify(kernel, fd);

	if (!err)
		*ret_identity = kernel->bpf->bss->identified;
	return err;
}

int kernel_file_number(struct kernel *kernel, int fd, uint64_t *ret_number)
{
	int err = identify(kernel, fd);

	if (!err)
		*ret_number = kernel->bpf->bss->identified_inode;
	return err;
}

int kernel_unwind_set_file(struct kernel *kernel, const struct seep_file_identity *identity,
			   const struct seep_unwind_file *file)
{
	int fd = bpf_map__fd(kernel->bpf->maps.unwind_files);

	return bpf_map_update_elem(fd, identity, file, BPF_ANY) ? -errno : 0;
}

void kernel_unwind_forget_file(struct kernel *kernel, const struct seep_file_identity *identity)
{
	bpf_map_delete_elem(bpf_map__fd(kernel->bpf->maps.unwind_files), identity);
}
