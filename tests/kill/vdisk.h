/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk with a volatile cache that forgets when the power goes.
 *
 * What is written is seen at once, and reaches the file behind the disk with
 * the next flush. A cut saves a seeded part of what was not flushed: each
 * change or not, perhaps torn between any two sectors of 512 bytes.
 *
 * Changes are saved in the order in which they came. Another order shows
 * nothing new: where two of them meet, the earlier one being saved last is the
 * later one being lost, and each sector of a change may be lost for itself.
 */
#ifndef KILL_VDISK_H
#define KILL_VDISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VDISK_SECTOR 512

struct vdisk_change;

/**
 * struct vdisk - the disk
 * @fd: the file; holds what is durable
 * @bytes: size of both
 * @now: what the disk shows
 * @first: what is not durable, in the order in which it came
 * @last: where the next one goes
 * @changes: length of that list
 * @lies: so many percent of the flushes make nothing durable
 * @random: decides which
 */
struct vdisk {
	int fd;
	uint64_t bytes;
	uint8_t *now;
	struct vdisk_change *first;
	struct vdisk_change **last;
	uint64_t changes;
	unsigned int lies;
	uint64_t random;
};

/**
 * struct vdisk_loss - what a cut has done
 * @changes: that were not durable
 * @kept: of these, completely saved
 * @torn: partly saved
 * @forgotten: not saved at all
 * @lost_bytes: the disk now shows something else there than before
 */
struct vdisk_loss {
	uint64_t changes;
	uint64_t kept;
	uint64_t torn;
	uint64_t forgotten;
	uint64_t lost_bytes;
};

/* All of these return 0 or -errno. Offsets and lengths are in bytes. */
int vdisk_open(struct vdisk *disk, const char *path);
int vdisk_read(struct vdisk *disk, uint64_t offset, void *buf, size_t len);
int vdisk_write(struct vdisk *disk, uint64_t offset, const void *buf,
		size_t len, bool durable);
int vdisk_zero(struct vdisk *disk, uint64_t offset, uint64_t len, bool durable);
int vdisk_flush(struct vdisk *disk);

/**
 * enum vdisk_mood - what a cut is like
 *
 * VDISK_ANY lets the seed choose one of the others.
 */
enum vdisk_mood {
	VDISK_ANY,
	VDISK_NOTHING_SURVIVES,
	VDISK_ONE_SURVIVES,
	VDISK_FEW_SURVIVE,
	VDISK_HALF_SURVIVES,
	VDISK_MOST_SURVIVE,
	VDISK_ONE_IS_LOST,
	VDISK_THE_FIRST_SURVIVE,
	VDISK_THE_LAST_SURVIVE,
	VDISK_MOODS,
};

/* The power goes. The disk is closed. */
int vdisk_cut(struct vdisk *disk, enum vdisk_mood mood, uint64_t seed,
	      struct vdisk_loss *loss);
/* The power is switched off: everything is saved. The disk is closed. */
int vdisk_close(struct vdisk *disk);

#endif
