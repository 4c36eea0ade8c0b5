/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A made-up tree of files in a temporary folder. */
#ifndef SEEP_TESTS_TREE_H
#define SEEP_TESTS_TREE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree {
	char root[64];
};

static inline int tree_new(struct tree *tree)
{
	strcpy(tree->root, "/tmp/seep-tree-XXXXXX");
	return mkdtemp(tree->root) ? 0 : -1;
}

/* Writes a file, making the folders above it. */
static inline void tree_put(const struct tree *tree, const char *path, const char *text)
{
	char whole[512];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", tree->root, path);
	for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
	file = fopen(whole, "w");
	if (!file)
		abort();
	fputs(text, file);
	fclose(file);
}

static inline void tree_drop(const struct tree *tree, const char *path)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "%s%s", tree->root, path);
	remove(whole);
}

static inline int tree_remove_one(const char *path, const struct stat *status, int kind,
				  struct FTW *walk)
{
	return remove(path);
}

static inline void tree_free(struct tree *tree)
{
	nftw(tree->root, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
