/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any bytes in place of a JVM's published figures. */
#include <stdlib.h>
#include <string.h>

#include "jvm/hsperfdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jvm_heap heap;

	if (hsperfdata_parse(data, size, &heap) != 0)
		return 0;
	if (!heap.nr_generations || heap.nr_generations > JVM_GENERATIONS ||
	    heap.nr_collectors > JVM_COLLECTORS || strlen(heap.arguments) >= sizeof(heap.arguments))
		abort();
	return 0;
}
