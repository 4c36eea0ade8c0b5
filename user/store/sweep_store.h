/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The store of a host: what its sweeps have found, one SQLite file (WAL) with the tables of a
 * capture, and beside them sweeps, suspects, signatures and out-of-memory kills. `seep fleet`
 * asks it; people may, with sqlite3.
 *
 * Every call that writes is one transaction: whenever the process is killed, the store is as it
 * was after the last call that returned. Several processes may write and read at once. Sweeps
 * and captures have ever larger numbers, and order goes by these: a clock may go back.
 *
 * All calls: 0 or -errno, with words for a person in *ret_message (optional; the caller frees it;
 * NULL when there is nothing to say). After a failure the store can still be used.
 * -ENOSPC: the disk is full; nothing that was there is lost. -EFBIG: more than the bound allows.
 * -EBUSY: another process kept it locked, or a reader keeps it from shrinking.
 * -EIO: damaged; it is moved aside when it is opened the next time.
 */
#ifndef SEEP_STORE_SWEEP_STORE_H
#define SEEP_STORE_SWEEP_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/profile.h"

/* PRAGMA user_version */
#define SWEEP_STORE_SCHEMA 1

struct sweep_store;

struct sweep_store_options {
	uint64_t bytes_max; /* of all its files at any time; 0: SWEEP_STORE_BYTES */
	double age_max; /* seconds that a sweep is kept; 0: SWEEP_STORE_AGE */
	unsigned int busy_milliseconds; /* to wait for another writer; 0: 10 s */
};
#define SWEEP_STORE_BYTES ((uint64_t)512 << 20)
#define SWEEP_STORE_BYTES_LEAST ((uint64_t)1 << 20)
#define SWEEP_STORE_AGE (90 * 86400.0)

/*
 * Where the store is unless told: /var/lib/seep/seep.db for root, else below $XDG_STATE_HOME
 * or ~/.local/state. The caller frees it; NULL when out of memory or without a home.
 */
char *sweep_store_default_path(void);

/*
 * Opens the store for a sweep; makes it, and its folder (0700), when there is none. Refuses a
 * file that others may write, one of a newer seep (-EPROTO), and a database that is no store
 * (-EINVAL). One that is damaged is renamed to PATH.corrupt-DATE and a new one begun: 0, with a
 * message. `options` may be NULL. The caller closes it.
 */
int sweep_store_open(const char *path, const struct sweep_store_options *options,
		     struct sweep_store **ret_store, char **ret_message);
void sweep_store_close(struct sweep_store *store);

/* What is known of a sweep when it begins. Strings may be NULL except host. */
struct sweep_begin {
	const char *host; /* its name */
	const char *host_id; /* /etc/machine-id, or a hash of it */
	const char *version; /* of seep */
	const char *command; /* its command line */
	double started; /* wall clock */
	double probability; /* by which it took place: its weight is 1 / probability; 0 is 1 */
	double budget; /* percent; 0 none */
};

/* And when it has ended. */
struct sweep_end {
	double seconds; /* how long it took */
	const char *outcome; /* "clean", "findings", "partial: ...", for people */
	uint64_t processes; /* looked at */
	uint64_t suspects; /* found, traced or not */
	uint64_t suppressed; /* findings that a suppression hid */
	double triage_cpu_seconds, trace_cpu_seconds; /* of seep itself */
};

/* What triage says of one process, and what became of it. Strings may be NULL except comm. */
struct sweep_suspect {
	uint32_t pid;
	const char *comm;
	const char *exe;
	const char *build_id; /* of exe, lower-case hex */
	const char *version; /* of what it belongs to (a package, an image), if known */
	const char *cgroup;
	const char *container;
	double growth; /* bytes a second */
	uint64_t limit; /* bytes; 0 none */
	double score;
	const char *why; /* it is a suspect */
	bool traced;
	int64_t capture; /* of sweep_store_add_profile; 0: none */
	const char *not_traced; /* the reason why not */
	const char *places; /* where it first touches memory, a line a place */
};

struct sweep_oom {
	double time; /* wall clock */
	uint32_t pid;
	const char *comm; /* never NULL */
	const char *cgroup;
	uint64_t limit; /* 0 not known */
	uint64_t anonymous; /* bytes that the victim had; 0 not known */
	int64_t capture; /* that followed it; 0: none */
};

/*
 * Begins a sweep; *ret_sweep is its number. Before, sweeps that are too old go, and the oldest
 * ones while the store is near its bound. One that is never finished (killed) stays, as such.
 */
int sweep_store_begin(struct sweep_store *store, const struct sweep_begin *begin,
		      int64_t *ret_sweep, char **ret_message);

/*
 * Adds what tracing has found, with the signature of each site. `version`: of the program, if
 * known, else NULL. Cohorts of steady sites are left out. Makes room by taking out the oldest
 * sweeps but this one.
 */
int sweep_store_add_profile(struct sweep_store *store, int64_t sweep, const struct profile *profile,
			    const char *version, int64_t *ret_capture, char **ret_message);
int sweep_store_add_suspect(struct sweep_store *store, int64_t sweep,
			    const struct sweep_suspect *suspect, char **ret_message);
int sweep_store_add_oom(struct sweep_store *store, int64_t sweep, const struct sweep_oom *oom,
			char **ret_message);
int sweep_store_finish(struct sweep_store *store, int64_t sweep, const struct sweep_end *end,
		       char **ret_message);

/* Bytes of all its files now. */
uint64_t sweep_store_bytes(const struct sweep_store *store);

#endif
