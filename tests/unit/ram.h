/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A container in memory for the tests. It counts what is done to it, fails the
 * n-th operation on request, can refuse to punch and can play a block device.
 */
#ifndef TESTS_RAM_H
#define TESTS_RAM_H

#include "container.h"
#include "store.h"

enum ram_op {
	RAM_READ,
	RAM_WRITE,
	RAM_FLUSH,
	RAM_PUNCH,
	RAM_RESIZE,
	RAM_OPS,
};

#define RAM_BIT(op) (1U << (op))
#define RAM_CHANGES (RAM_BIT(RAM_WRITE) | RAM_BIT(RAM_FLUSH) | \
		     RAM_BIT(RAM_PUNCH) | RAM_BIT(RAM_RESIZE))
#define RAM_ANY (RAM_CHANGES | RAM_BIT(RAM_READ))

/**
 * struct ram - the container
 * @container: hand this to the core
 * @store: the bytes
 * @size: the length of the file
 * @max_size: resize() beyond it is -ENOSPC; 0: no limit
 * @full: write() into a hole is -ENOSPC
 * @no_punch: punch() is -EOPNOTSUPP
 * @no_holes: next_data() finds data everywhere
 * @count: operations asked for, by kind
 * @fail_mask: which operations the countdown counts (RAM_BIT)
 * @fail_in: the countdown; the operation that takes it from 1 to 0 fails.
 *	0: off
 * @fail_errno: positive errno to fail with
 * @fail_for_ever: all operations of @fail_mask behind it fail too
 * @fail_short: a failing write leaves half of its 512 byte sectors behind
 * @failed: how many operations have been failed
 * @misuse: the core broke the contract (wrote past the end, ...)
 * @unflushed: something changed since the last flush
 * @hook: called after each change that succeeded; may be NULL
 */
struct ram {
	struct vhdx_container container;
	struct store store;
	u64 size;
	u64 max_size;
	bool full;
	bool no_punch;
	bool no_holes;
	u64 count[RAM_OPS];
	unsigned int fail_mask;
	u64 fail_in;
	int fail_errno;
	bool fail_for_ever;
	bool fail_short;
	u64 failed;
	unsigned int misuse;
	bool unflushed;
	void (*hook)(struct ram *ram, enum ram_op op, u64 offset, u64 len);
};

void ram_init(struct ram *ram, u64 size);
/* A block device: has this size for ever. */
void ram_init_device(struct ram *ram, u64 size);
/* Same bytes and size, fresh counters, no failure. */
void ram_clone(struct ram *ram, const struct ram *from);
void ram_destroy(struct ram *ram);
/* Returns 0 or -errno. */
int ram_load(struct ram *ram, const char *path);
int ram_save(const struct ram *ram, const char *path);

/* The nth operation (from 1) of those in @mask fails. */
void ram_fail(struct ram *ram, u64 nth, int err, bool for_ever,
	      unsigned int mask);
u64 ram_changes(const struct ram *ram);
bool ram_same(const struct ram *a, const struct ram *b);

/* Change bytes behind the core's back; the file grows where needed. */
void ram_poke(struct ram *ram, u64 offset, const void *buf, size_t len);
void ram_peek(const struct ram *ram, u64 offset, void *buf, size_t len);

#endif
