// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the three formats in which CPython has kept lines (Objects/lnotab_notes.txt up to
 * 3.11, then Objects/locations.md). Tables come from another process's memory: each loop ends
 * with the bytes, whatever they say, and sums are kept in 64 bits.
 */
#include "python/lines.h"

#include <stdbool.h>

enum {
	UNIT_BYTES = 2, /* of bytecode from 3.6 on */
	NO_LINE = -128, /* in 3.10's table */
};

/* The kinds of a location's entry; others have a column or two. */
enum location_kind {
	LOCATION_ONE_LINE = 10, /* line steps 0, 1, 2; two bytes of columns */
	LOCATION_NO_COLUMNS = 13,
	LOCATION_LONG = 14,
	LOCATION_NONE = 15,
};

enum python_lines_format python_lines_format(unsigned major, unsigned minor)
{
	if (major < 3)
		return PYTHON_LNOTAB_UNSIGNED;
	if (minor < 10)
		return PYTHON_LNOTAB;
	return minor == 10 ? PYTHON_LINETABLE : PYTHON_LOCATIONS;
}

static uint32_t as_line(int64_t line)
{
	return line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
}

/* Pairs of steps: of the address, then of the line. */
static uint32_t find_in_lnotab(const struct python_lines *lines, int64_t instruction)
{
	bool is_signed = lines->format == PYTHON_LNOTAB;
	int64_t address = 0, line = lines->first;

	for (size_t i = 0; i + 2 <= lines->size; i += 2) {
		address += lines->bytes[i];
		if (address > instruction)
			break;
		line += is_signed ? (int8_t)lines->bytes[i + 1] : lines->bytes[i + 1];
	}
	return as_line(line);
}

/* Pairs: the length of a range, and the step to its line. */
static uint32_t find_in_linetable(const struct python_lines *lines, int64_t instruction)
{
	int64_t address = 0, line = lines->first, wanted = instruction * UNIT_BYTES;

	for (size_t i = 0; i + 2 <= lines->size; i += 2) {
		int8_t step = (int8_t)lines->bytes[i + 1];

		address += lines->bytes[i];
		if (step != NO_LINE)
			line += step;
		if (address > wanted)
			return step == NO_LINE ? 0 : as_line(line);
	}
	return 0;
}

/* Six bits a byte, the lowest first; bit 6: more follow. */
static uint64_t read_varint(const struct python_lines *lines, size_t *at)
{
	uint64_t value = 0;

	for (unsigned shift = 0; *at < lines->size; shift += 6) {
		uint8_t byte = lines->bytes[(*at)++];

		if (shift < 36)
			value |= (uint64_t)(byte & 0x3f) << shift;
		if (!(byte & 0x40))
			break;
	}
	return value;
}

/* The sign is the lowest bit. */
static int64_t read_signed_varint(const struct python_lines *lines, size_t *at)
{
	uint64_t value = read_varint(lines, at);

	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

static int64_t line_step(const struct python_lines *lines, unsigned kind, size_t *at)
{
	switch (kind) {
	case LOCATION_NO_COLUMNS:
	case LOCATION_LONG:
		return read_signed_varint(lines, at);
	case LOCATION_ONE_LINE:
	case LOCATION_ONE_LINE + 1:
	case LOCATION_ONE_LINE + 2:
		return (int64_t)kind - LOCATION_ONE_LINE;
	default:
		return 0;
	}
}

/* Entries begin with a byte that has bit 7: their kind, and their length in units. */
static uint32_t find_in_locations(const struct python_lines *lines, int64_t instruction)
{
	int64_t address = 0, line = lines->first;
	size_t at = 0;

	while (at < lines->size) {
		uint8_t head = lines->bytes[at++];
		unsigned kind = head >> 3 & 15;

		line += line_step(lines, kind, &at);
		address += ((head & 7) + 1) * UNIT_BYTES;
		if (address > instruction)
			return kind == LOCATION_NONE ? 0 : as_line(line);
		while (at < lines->size && !(lines->bytes[at] & 0x80))
			at++;
	}
	return 0;
}

uint32_t python_lines_find(const struct python_lines *lines, int64_t instruction)
{
	if (instruction < 0)
		return as_line(lines->first);
	switch (lines->format) {
	case PYTHON_LNOTAB_UNSIGNED:
	case PYTHON_LNOTAB:
		return find_in_lnotab(lines, instruction);
	case PYTHON_LINETABLE:
		return find_in_linetable(lines, instruction);
	default:
		return find_in_locations(lines, instruction);
	}
}
