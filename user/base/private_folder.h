/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Directories of what seep keeps for its next start. */
#ifndef SEEP_BASE_PRIVATE_FOLDER_H
#define SEEP_BASE_PRIVATE_FOLDER_H

/*
 * Opens the directory, made with mode 0700 where there is none: `path`, whose parent must
 * exist; or, if that is NULL, `name` in $XDG_CACHE_HOME/seep, else in /var/cache/seep for
 * root and in ~/.cache/seep for others. A descriptor; -EPERM: it is not ours, or others may
 * write to it; -ENOENT: there is no home; or another -errno.
 */
int private_folder_open(const char *path, const char *name);

#endif
