/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which folder is the cgroup that accounts for a process's memory. */
#ifndef SEEP_PROC_CGROUP_MOUNT_H
#define SEEP_PROC_CGROUP_MOUNT_H

/* Where a memory cgroup is found: the mount point of its hierarchy, and the path below it. */
struct cgroup_place {
	int version; /* 1 or 2: the hierarchy that has the memory controller */
	char *mount; /* "/sys/fs/cgroup", "/sys/fs/cgroup/memory" */
	char *path; /* below it: "/" or "/a/b" */
};

/*
 * From the text of /proc/PID/cgroup and of /proc/self/mountinfo. 0; -ENOENT: neither
 * hierarchy has memory, or it is not mounted; -EXDEV: the process is in a cgroup outside of
 * what is mounted here (another namespace); -EBADMSG, -ENOMEM. Free with cgroup_place_free,
 * which accepts a zeroed struct.
 */
int cgroup_place_find(const char *cgroup, const char *mountinfo, struct cgroup_place *ret_place);
void cgroup_place_free(struct cgroup_place *place);

#endif
