/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Use of an image that opens for writing, and what must be seen in it.
 */
#ifndef FUZZ_WORK_H
#define FUZZ_WORK_H

#include "compact.h"
#include "judge.h"

struct touched {
	u64 at;
	u64 len;
};

/**
 * struct work - an image in use
 * @picture: what is to be done
 * @host: where the image lies
 * @opened: for writing; its image may be NULL after a host has failed
 * @view: what a guest must see
 * @touched: where it may see other things after a crash, as the operation has
 *	failed or is not durable
 * @nr_touched: how many
 * @salt: of the last write
 * @counts: of the last compaction
 */
struct work {
	const struct picture *picture;
	struct host *host;
	struct opened opened;
	struct store view;
	struct touched touched[PICTURE_OPS + 1];
	unsigned int nr_touched;
	u8 salt;
	struct vhdx_compact_counts counts;
};

/*
 * Opens for writing; false if it is refused, too large to be looked at whole,
 * or if the host gave up.
 */
bool work_start(struct work *work, const struct picture *picture,
		struct host *host);
/* Compact until nothing is left to do. 0 or -errno. */
int work_compact(struct work *work);
/* All operations of the picture. */
void work_do(struct work *work);
/*
 * End it, cleanly or not; what is then in the file is what must be. Whether it
 * came to a clean end.
 */
bool work_stop(struct work *work, bool cleanly);

#endif
