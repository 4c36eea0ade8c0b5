/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes files as HotSpot does. */
#ifndef SEEP_TESTS_PERFDATA_FILE_H
#define SEEP_TESTS_PERFDATA_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct perfdata_file {
	uint8_t bytes[8192];
	size_t size;
	uint32_t entries;
	bool big;
};

static inline void perfdata_number(struct perfdata_file *f, size_t at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		f->bytes[at + i] = (uint8_t)(value >> 8 * (f->big ? size - 1 - i : i));
}

static inline void perfdata_new(struct perfdata_file *f, bool big)
{
	static const uint8_t head[] = { 0xca, 0xfe, 0xc0, 0xc0, 0, 2, 0, 1 };

	memset(f, 0, sizeof(*f));
	memcpy(f->bytes, head, sizeof(head));
	f->big = big;
	f->bytes[4] = !big;
	f->size = 32;
	perfdata_number(f, 24, 32, 4);
}

static inline void perfdata_add(struct perfdata_file *f, const char *name, uint64_t value,
				const char *text)
{
	size_t at = f->size, name_room = (strlen(name) + 8) & ~(size_t)7;
	size_t data = 24 + name_room, room = text ? (strlen(text) + 8) & ~(size_t)7 : 8;

	perfdata_number(f, at, data + room, 4);
	perfdata_number(f, at + 4, 24, 4);
	perfdata_number(f, at + 8, text ? strlen(text) + 1 : 0, 4);
	f->bytes[at + 12] = text ? 'B' : 'J';
	perfdata_number(f, at + 16, data, 4);
	strcpy((char *)&f->bytes[at + 24], name);
	if (text)
		strcpy((char *)&f->bytes[at + data], text);
	else
		perfdata_number(f, at + data, value, 8);
	f->size += data + room;
	perfdata_number(f, 28, ++f->entries, 4);
}

static inline void perfdata_usual(struct perfdata_file *f, bool big)
{
	perfdata_new(f, big);
	perfdata_add(f, "java.property.java.version", 0, "17.0.15");
	perfdata_add(f, "sun.gc.policy.name", 0, "Copy:MSC");
	perfdata_add(f, "java.rt.vmArgs", 0, "-Xmx64m");
	perfdata_add(f, "sun.gc.generation.0.name", 0, "new");
	perfdata_add(f, "sun.gc.generation.0.capacity", 3000, NULL);
	perfdata_add(f, "sun.gc.generation.0.space.0.used", 700, NULL);
	perfdata_add(f, "sun.gc.generation.0.space.1.used", 50, NULL);
	perfdata_add(f, "sun.gc.generation.1.name", 0, "tenured");
	perfdata_add(f, "sun.gc.generation.1.capacity", 5000, NULL);
	perfdata_add(f, "sun.gc.generation.1.maxCapacity", 9000, NULL);
	perfdata_add(f, "sun.gc.generation.1.space.0.used", 1234, NULL);
	perfdata_add(f, "sun.gc.collector.0.invocations", 40, NULL);
	perfdata_add(f, "sun.gc.collector.0.time", 2500000000u, NULL);
	perfdata_add(f, "sun.gc.collector.1.name", 0, "MSC");
	perfdata_add(f, "sun.gc.collector.1.invocations", 3, NULL);
	perfdata_add(f, "sun.gc.collector.1.time", 500000000, NULL);
	perfdata_add(f, "sun.gc.metaspace.used", 77, NULL);
	perfdata_add(f, "sun.gc.metaspace.capacity", 88, NULL);
	perfdata_add(f, "sun.rt.safepoints", 44, NULL);
	perfdata_add(f, "sun.rt.safepointTime", 4000000000u, NULL);
	perfdata_add(f, "sun.os.hrt.frequency", 1000000000, NULL);
}

#endif
