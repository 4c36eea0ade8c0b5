// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the open descriptors of the files that traced processes execute.
 *
 * A module is one file: (device, inode, path), all as the kernel prints them in maps, for
 * on overlayfs stat tells another device. It is shared by all processes, and is never
 * dropped, as its number is kept in stacks. Its descriptor stays open so that it can be
 * read after its process has ended or its package was replaced; an inode so held is not
 * given to another file either. When there are too many descriptors the least recently
 * used is closed; it is opened again by path when asked for, and then believed only if
 * it has the same build id (or, having none, the same inode, size and time).
 *
 * It must not know address spaces, nor symbols.
 */
#include "stack/module_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hashmap.h"
#include "base/strpool.h"
#include "base/vec.h"
#include "stack/elf_image.h"
#include "stack/root_file.h"
#include "stack/roots.h"

enum {
	MAX_DESCRIPTORS = 4096,
	MAX_MODULES = 1 << 20,
	DESCRIPTORS_A_ROOT = 8, /* so many files may be open for each root that is held */
	VDSO_COMPARED = 4096, /* bytes: headers, dynamic symbols and build id of the vDSO */
};

enum module_state {
	MODULE_UNREAD = 0, /* could not be opened so far */
	MODULE_ELF,
	MODULE_OTHER, /* mapped executable, but no ELF file: offsets are file offsets */
};

struct module {
	const char *path; /* interned */
	uint64_t device, inode;
	struct image image;
	struct stat status; /* when first opened */
	enum module_state state;
	bool deleted;
	int fd; /* -1 closed */
	int root; /* of the first process seen to map it; -1 ours. Not owned */
	uint64_t used; /* value of module_files.clock when last opened or seen */
	uint32_t next; /* with the same hash; PLACE_NONE ends */
};

struct module_files {
	struct strpool *strings;
	struct module *items;
	size_t nr, cap;
	struct hashmap *by_file; /* hash of (device, inode, path) -> first module of the chain */
	struct roots *roots;
	size_t nr_open, max_open;
	uint64_t clock;
};

static size_t default_limit(void)
{
	struct rlimit limit;

	/* Half of what the process may have: probes, maps and reports need some too. */
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY ||
	    limit.rlim_cur / 2 > MAX_DESCRIPTORS)
		return MAX_DESCRIPTORS;
	return limit.rlim_cur / 2;
}

struct module_files *module_files_new(void)
{
	struct module_files *files = calloc(1, sizeof(*files));

	if (!files)
		return NULL;
	files->strings = strpool_new();
	files->by_file = hashmap_new();
	files->max_open = default_limit();
	files->roots = roots_new(files->max_open / DESCRIPTORS_A_ROOT);
	if (!files->strings || !files->by_file || !files->roots) {
		module_files_free(files);
		return NULL;
	}
	return files;
}

void module_files_free(struct module_files *files)
{
	size_t i;

	if (!files)
		return;
	for (i = 0; i < files->nr; i++) {
		close_fd(&files->items[i].fd);
		image_free(&files->items[i].image);
	}
	free(files->items);
	hashmap_free(files->by_file);
	roots_free(files->roots);
	strpool_free(files->strings);
	free(files);
}

static void close_module(struct module_files *files, struct module *module)
{
	if (module->fd < 0)
		return;
	close(module->fd);
	module->fd = -1;
	files->nr_open--;
}

static void close_least_used(struct module_files *files)
{
	struct module *oldest = NULL;
	size_t i;

	for (i = 0; i < files->nr; i++) {
		struct module *module = &files->items[i];

		if (module->fd >= 0 && (!oldest || module->used < oldest->used))
			oldest = module;
	}
	if (oldest)
		close_module(files, oldest);
}

static void keep_open(struct module_files *files, struct module *module, int fd)
{
	while (files->nr_open && files->nr_open >= files->max_open)
		close_least_used(files);
	module->fd = fd;
	files->nr_open++;
}

void module_files_limit(struct module_files *files, size_t descriptors)
{
	files->max_open = descriptors ? descriptors : 1;
	while (files->nr_open > files->max_open)
		close_least_used(files);
}

size_t module_files_descriptors(const struct module_files *files)
{
	return files->nr_open;
}

/*
 * True unless the process's vDSO can be seen to differ from ours, as that of a 32-bit
 * process does.
 */
static bool vdso_is_ours(pid_t pid, const struct mapping *mapping, int ours)
{
	uint8_t theirs[VDSO_COMPARED], own[VDSO_COMPARED];
	struct iovec local = { theirs, sizeof(theirs) };
	struct iovec remote = { (void *)(uintptr_t)mapping->start, sizeof(theirs) };
	ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (n <= 0)
		return true;
	if (pread(ours, own, (size_t)n, 0) != n)
		return false;
	return !memcmp(own, theirs, (size_t)n);
}

static int open_mapping(pid_t pid, const struct mapping *mapping)
{
	if (!strcmp(mapping->path, "[vdso]")) {
		int fd = image_vdso();

		if (fd >= 0 && !vdso_is_ours(pid, mapping, fd)) {
			close(fd);
			return -ENOENT;
		}
		return fd;
	}
	return maps_open(pid, mapping);
}

/* Takes `fd` over, whatever comes of it. */
static int read_module(struct module_files *files, struct module *module, int fd)
{
	__cleanup(close_fd)
	int file = fd;
	int err;

	if (fstat(file, &module->status))
		return -errno;
	if (!S_ISREG(module->status.st_mode)) {
		module->state = MODULE_OTHER;
		return 0;
	}
	err = image_read(file, &module->image);
	if (err == -ENOEXEC)
		module->state = MODULE_OTHER;
	if (err)
		return err == -ENOEXEC ? 0 : err;
	module->state = MODULE_ELF;
	keep_open(files, module, file);
	file = -1;
	return 0;
}

/* What cannot be opened stays unread, and is tried again when it is seen again. */
static int load_module(struct module_files *files, struct module *module, pid_t pid,
		       const struct mapping *mapping)
{
	int fd = open_mapping(pid, mapping);

	if (fd == -ENOMEM)
		return fd;
	if (fd == -EINVAL)
		module->state = MODULE_OTHER; /* a device */
	return fd < 0 ? 0 : read_module(files, module, fd);
}

static uint64_t file_hash(uint64_t device, uint64_t inode, const char *path)
{
	return hash_mix(hash_mix(hash_mix(device) ^ inode) ^ (uintptr_t)path);
}

static uint32_t find_module(const struct module_files *files, uint64_t hash, uint64_t device,
			    uint64_t inode, const char *path)
{
	uint64_t i;

	if (!hashmap_get(files->by_file, hash, &i))
		return PLACE_NONE;
	while (i != PLACE_NONE) {
		const struct module *module = &files->items[i];

		if (module->device == device && module->inode == inode && module->path == path)
			break;
		i = module->next;
	}
	return (uint32_t)i;
}

static int add_module(struct module_files *files, uint64_t hash, uint64_t device, uint64_t inode,
		      const char *path, uint32_t *ret_module)
{
	uint64_t first = PLACE_NONE;
	struct module *module;

	if (files->nr >= MAX_MODULES)
		return -ENOSPC;
	module = vec_push(&files->items, &files->nr, &files->cap);
	if (!module)
		return -ENOMEM;
	hashmap_get(files->by_file, hash, &first);
	*module = (struct module){
		.path = path,
		.device = device,
		.inode = inode,
		.fd = -1,
		.root = -1,
		.next = (uint32_t)first,
	};
	if (hashmap_put(files->by_file, hash, files->nr - 1)) {
		files->nr--;
		return -ENOMEM;
	}
	*ret_module = (uint32_t)(files->nr - 1);
	return 0;
}

int module_files_see(struct module_files *files, pid_t pid, const struct mapping *mapping,
		     uint32_t *ret_module)
{
	uint64_t device = (uint64_t)mapping->device_major << 32 | mapping->device_minor;
	bool vdso = !strcmp(mapping->path, "[vdso]");
	const char *path;
	struct module *module;
	uint32_t i;
	uint64_t hash;
	int err;

	*ret_module = PLACE_NONE;
	if (!mapping->inode && !vdso)
		return 0;
	path = strpool_add(files->strings, mapping->path);
	if (!path)
		return -ENOMEM;
	hash = file_hash(device, mapping->inode, path);
	i = find_module(files, hash, device, mapping->inode, path);
	if (i == PLACE_NONE) {
		err = add_module(files, hash, device, mapping->inode, path, &i);
		if (err)
			return err == -ENOSPC ? 0 : err;
		files->items[i].root = roots_of(files->roots, pid);
	}
	module = &files->items[i];
	module->used = ++files->clock;
	/* A memfd has no name to be removed from, and is always shown as deleted. */
	module->deleted |= mapping->deleted && strncmp(path, "/memfd:", 7);
	*ret_module = i;
	return module->state == MODULE_UNREAD ? load_module(files, module, pid, mapping) : 0;
}

uint64_t module_files_address(const struct module_files *files, uint32_t module,
			      const struct mapping *mapping)
{
	uint64_t address = mapping->offset;

	image_address(&files->items[module].image, mapping->offset, mapping->end - mapping->start,
		      mapping->executable, &address);
	return address;
}

struct module_info module_files_info(const struct module_files *files, uint32_t module)
{
	const struct module *known;

	if (module >= files->nr)
		return (struct module_info){ .path = "" };
	known = &files->items[module];
	return (struct module_info){ known->path, known->image.build_id, known->deleted };
}

bool module_files_code_distance(const struct module_files *files, uint32_t module,
				uint64_t *ret_distance)
{
	const struct image *image = &files->items[module].image;
	uint64_t distance = 0;
	bool found = false;

	for (size_t i = 0; i < image->nr_segments; i++) {
		const struct image_segment *segment = &image->segments[i];

		if (!segment->executable)
			continue;
		if (found && segment->address - segment->offset != distance)
			return false;
		distance = segment->address - segment->offset;
		found = true;
	}
	if (found)
		*ret_distance = distance;
	return found;
}

int module_files_root(const struct module_files *files, uint32_t module)
{
	return module < files->nr ? files->items[module].root : -1;
}

/* Is the file behind `fd` the one that the module was first read from? */
static bool same_file(const struct module *module, int fd)
{
	struct stat status;

	if (module->image.build_id)
		return image_has_build_id(fd, module->image.build_id);
	return !fstat(fd, &status) && status.st_dev == module->status.st_dev &&
	       status.st_ino == module->status.st_ino && status.st_size == module->status.st_size &&
	       status.st_mtim.tv_sec == module->status.st_mtim.tv_sec &&
	       status.st_mtim.tv_nsec == module->status.st_mtim.tv_nsec;
}

/* Opened again by what its path means in its process's root, else in ours. */
static int reopen(const struct module *module)
{
	const int roots[] = { module->root, -1 };
	size_t i;

	if (!strcmp(module->path, "[vdso]"))
		return image_vdso();
	for (i = 0; i < 2; i++) {
		__cleanup(close_fd)
		int fd = root_file_open_at(roots[i], module->path);

		if (fd >= 0 && same_file(module, fd)) {
			int kept = fd;

			fd = -1;
			return kept;
		}
	}
	return -ENOENT;
}

int module_files_open(struct module_files *files, uint32_t module)
{
	struct module *known;
	int fd;

	if (module >= files->nr)
		return -EINVAL;
	known = &files->items[module];
	if (known->state != MODULE_ELF)
		return known->state == MODULE_OTHER ? -ENOEXEC : -ENOENT;
	known->used = ++files->clock;
	if (known->fd < 0) {
		fd = reopen(known);
		if (fd < 0)
			return fd;
		keep_open(files, known, fd);
	}
	fd = fcntl(known->fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}
