/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A simulated disk under an image file. It records every change since the last
 * flush; what the medium holds after a power cut is what the last flush made
 * durable plus any part of those changes, see struct sim_cut.
 */
#ifndef CRASH_SIM_DISK_H
#define CRASH_SIM_DISK_H

#include "container.h"
#include "store.h"

#define SIM_SECTOR 512

enum sim_kind {
	SIM_WRITE,
	SIM_PUNCH,
	SIM_RESIZE,
	SIM_FLUSH,	/* changes nothing */
	SIM_READ,
};

/**
 * struct sim_change - one change of the file, not durable yet
 * @kind: what
 * @offset: where
 * @len: bytes (RESIZE: unused)
 * @size: the size asked for (RESIZE)
 * @after: all bytes right after it
 */
struct sim_change {
	enum sim_kind kind;
	u64 offset;
	u64 len;
	u64 size;
	struct store after;
};

/**
 * struct sim_state - a file, and what the host can do with it
 * @store: its bytes
 * @size: its length
 * @device: a block device: the length is fixed, holes cannot be seen
 * @no_punch: punch() is -EOPNOTSUPP
 * @lost_bytes: so much of its end had been lost when it was found
 */
struct sim_state {
	struct store store;
	u64 size;
	bool device;
	bool no_punch;
	u64 lost_bytes;
};

struct sim_disk;
typedef void sim_hook(struct sim_disk *disk, void *arg);

/**
 * struct sim_disk - the disk
 * @container: hand this to the core
 * @durable: what the last flush left on the medium
 * @now: what a reader sees while the power is on
 * @change: changes since the last flush, oldest first
 * @changes: how many
 * @room: allocated
 * @before_flush: called when the core flushes and something is not durable
 * @arg: for it
 * @operations: changing operations so far, flushes included
 * @flushes: flushes so far
 * @fail_at: the operation with this number fails (from 1; 0: none)
 * @fail_errno: positive errno
 * @fail_for_ever: all behind it fail as well
 * @fail_reads: reads are counted, and fail, as well
 * @fail_whole: a write that fails has done nothing, else the first half
 * @failed: how many operations have failed
 * @failed_kind: what the last of them was
 * @failed_offset: where, if it was a write
 * @failed_growing: it was a resize that would have made the file longer
 * @doubtful: a flush has failed: what was not durable then never will be
 * @misuse: a write or punch past the end, or the like
 */
struct sim_disk {
	struct vhdx_container container;
	struct sim_state durable;
	struct sim_state now;
	struct sim_change *change;
	size_t changes;
	size_t room;
	sim_hook *before_flush;
	void *arg;
	u64 operations;
	u64 flushes;
	u64 fail_at;
	int fail_errno;
	bool fail_for_ever;
	bool fail_reads;
	bool fail_whole;
	u64 failed;
	enum sim_kind failed_kind;
	u64 failed_offset;
	bool failed_growing;
	bool doubtful;
	unsigned int misuse;
};

void sim_state_copy(struct sim_state *to, const struct sim_state *from);
void sim_state_destroy(struct sim_state *state);
u64 sim_state_hash(const struct sim_state *state);

/* A disk whose durable state is a copy of @state. */
void sim_disk_init(struct sim_disk *disk, const struct sim_state *state);
void sim_disk_destroy(struct sim_disk *disk);

#define SIM_MAX_CHANGES 4096

/**
 * struct sim_cut - which part of the pending changes survives a power cut
 * @survives: one flag for each pending change
 * @torn: index of a change of which only a part survives, -1: none
 * @torn_from: its first surviving sector
 * @torn_to: the one behind its last
 * @swapped: index of a change that reaches the medium too early, -1: none
 * @swapped_before: the earlier change that it overtakes
 */
struct sim_cut {
	bool survives[SIM_MAX_CHANGES];
	int torn;
	u64 torn_from;
	u64 torn_to;
	int swapped;
	int swapped_before;
};

/* What the medium holds then; destroy it afterwards. */
void sim_disk_cut(const struct sim_disk *disk, const struct sim_cut *cut,
		  struct sim_state *state);
void sim_change_print(const struct sim_change *change, char *buf, size_t len);

#endif
