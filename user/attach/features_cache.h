/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the trials of features.h have shown, kept between runs: they take a third of a second,
 * and come out alike as long as the kernel, seep and its privileges are the same.
 */
#ifndef SEEP_ATTACH_FEATURES_CACHE_H
#define SEEP_ATTACH_FEATURES_CACHE_H

#include <stdbool.h>

#include "attach/features.h"

/*
 * `directory` as of private_folder_open; NULL: the default one. True: tried since this boot
 * by this very program with these privileges, all ways of attaching if `all`. Whether tracefs
 * and BTF are there is not kept, and left as it was in *ret_features.
 */
bool features_recall(const char *directory, bool all, struct features *ret_features);
/* Failing costs the next start its third of a second, no more. */
void features_remember(const char *directory, bool all, const struct features *features);
void features_forget(const char *directory);

#endif
