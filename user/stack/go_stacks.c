// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns which functions of the Go runtime leave their stack. C code runs on the stack of the
 * thread, Go code on that of a goroutine: asmcgocall goes from one to the other and cgocallback
 * back again, systemstack does the same for parts of the runtime. All keep the frame pointer of
 * their caller, as Go programs do on these architectures, while .debug_frame describes them as
 * if they stayed where they are. mcall and morestack leave a goroutine for good: another thread
 * may run it on by the time that its stack is looked at, so theirs end there, as in the
 * runtime's own tracebacks (topofstack in src/runtime/traceback.go).
 *
 * They are found by name in the table of functions that stripped programs have too.
 */
#include "stack/go_stacks.h"

#include <errno.h>

#include "stack/elf_section.h"
#include "stack/go_table.h"

static const struct {
	const char *name;
	enum seep_unwind_cfa cfa;
} CHANGES[] = {
	{ "runtime.asmcgocall", SEEP_CFA_NONE },  { "runtime.asmcgocall_no_g", SEEP_CFA_NONE },
	{ "runtime.cgocallback", SEEP_CFA_NONE }, { "runtime.systemstack", SEEP_CFA_NONE },
	{ "runtime.mcall", SEEP_CFA_END },	  { "runtime.morestack", SEEP_CFA_END },
	{ "runtime.goexit", SEEP_CFA_END },	  { "runtime.mstart", SEEP_CFA_END },
	{ "runtime.rt0_go", SEEP_CFA_END },
};

enum { NR_CHANGES = sizeof(CHANGES) / sizeof(CHANGES[0]) };

static bool is_go(const struct cfi_image *image)
{
	return elf_section_find(image->elf, ".gopclntab") ||
	       elf_section_find(image->elf, ".data.rel.ro.gopclntab") ||
	       elf_section_find(image->elf, ".go.buildinfo");
}

/* The table of a damaged file may say anything. */
static bool is_code(const struct cfi_image *image, uint64_t start, uint64_t end)
{
	const struct cfi_segment *segment = cfi_image_segment(image, start);

	return segment && segment->executable && end > start &&
	       end - segment->address <= segment->size;
}

int go_stacks_find(const struct cfi_image *image, struct go_stacks *ret_stacks)
{
	struct go_stacks stacks = { 0 };
	struct go_place places[GO_STACKS_MAX];
	const char *names[NR_CHANGES];
	struct go_table *table;
	size_t found;
	int err = -ENOENT;

	if (image->fd >= 0 && is_go(image))
		err = go_table_open(image->fd, &table);
	if (err == -ENOMEM)
		return err;
	if (err) {
		*ret_stacks = stacks;
		return 0;
	}
	for (size_t i = 0; i < NR_CHANGES; i++)
		names[i] = CHANGES[i].name;
	found = go_table_named(table, names, NR_CHANGES, places, GO_STACKS_MAX);
	go_table_text(table, &stacks.text_start, &stacks.text_end);
	go_table_free(table);
	for (size_t i = 0; i < found; i++)
		if (is_code(image, places[i].start, places[i].end))
			stacks.changes[stacks.nr++] =
				(struct go_stack_change){ places[i].start, places[i].end,
							  CHANGES[places[i].name].cfa };
	*ret_stacks = stacks;
	return 0;
}
