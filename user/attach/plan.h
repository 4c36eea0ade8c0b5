/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What to probe in a file: every allocator entry point that it defines, deduplicated by
 * file offset, each with its probe site. A plan is made once a file (device, inode) and
 * serves all processes that map it.
 */
#ifndef SEEP_ATTACH_PLAN_H
#define SEEP_ATTACH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attach/families.h"
#include "attach/sites.h"

struct plan_options {
	const char *const
		*extra_families; /* --alloc PREFIX or LIB: see known_names.c; NULL-ended or NULL */
	const struct pair *pairs;
	size_t nr_pairs;
	bool nop5_is_free;
	bool allow_throwing; /* probe operator new too where it does not go through malloc */
	bool sampled; /* leave out wrappers, whose blocks would be drawn twice */
	bool entry_sites_only; /* always the symbol's first byte (for measuring what sites save) */
};

struct plan_probe {
	const char *symbol; /* the first name; others of the same address are in `aliases` */
	char *aliases; /* "memalign, aligned_alloc"; NULL none */
	uint64_t file_offset; /* of the probe site */
	uint64_t address; /* ELF address of the function */
	uint64_t size; /* of the function; 0 unknown */
	uint64_t cookie; /* SEEP_COOKIE(...) */
	bool is_release;
	bool needs_return;
	struct site site;
};

struct plan_skip {
	char *symbol;
	char *reason;
	bool covered; /* what it does is seen at another probe: nothing is lost */
};

struct plan {
	char *path; /* as mapped, for messages */
	uint8_t family; /* 0: the file defines no allocator (probes may still come from pairs) */
	uint16_t machine;
	struct plan_probe *probes; /* releases first */
	size_t nr_probes, cap_probes;
	struct plan_skip *skips;
	size_t nr_skips, cap_skips;
};

/*
 * Reads the ELF file behind `fd` (not closed). Symbols come from .dynsym and .symtab,
 * and from .gnu_debugdata where a static binary is stripped to that. 0 with a plan that
 * may be empty; -ENOEXEC for what is no ELF file of a supported machine, -EINVAL for a
 * corrupt one, -ENOMEM. All input is untrusted: every loop is bounded.
 */
int plan_make(int fd, const char *path, const struct plan_options *options, struct plan **ret_plan);
void plan_free(struct plan *plan);

#endif
