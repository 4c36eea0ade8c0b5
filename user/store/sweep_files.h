/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The folder and the files of a store, before any of it is read. */
#ifndef SEEP_STORE_SWEEP_FILES_H
#define SEEP_STORE_SWEEP_FILES_H

/*
 * Makes the folder of `path` (0700, and those above it), and refuses one that others could
 * exchange files in (-EPERM). *ret_folder holds a lock on it until it is closed. 0 or -errno;
 * -EBUSY when another has it for longer than that.
 */
int sweep_files_folder(const char *path, unsigned int busy_milliseconds, int *ret_folder,
		       char **ret_message);

/*
 * Makes the file (0600) when there is none. Refuses (-EPERM, -EINVAL) one that others may write
 * and one that was never a store; -EBADMSG: it was one, and its first page is damaged.
 */
int sweep_files_look(const char *path, char **ret_message);

/* The name that it then has, in *ret_aside, is for the caller to free. 0 or -errno. */
int sweep_files_move_aside(const char *path, char **ret_aside);

#endif
