// SPDX-License-Identifier: GPL-2.0-only
/*
 * compact: what a guest sees stays the same, the image is no worse afterwards,
 * and one that is packed is left alone.
 */
#include <stdio.h>

#include "door.h"
#include "work.h"

const enum door_focus door_focus = DOOR_ANY;

static void check(struct picture *picture, struct host *host,
		  struct opened *opened)
{
	judge_open(opened, host, picture, FOR_CHECK, true);
	judge_close(opened);
}

static void compare(const struct opened *before, const struct opened *after)
{
	int finding;

	for (finding = VHDX_F_NONE + 1; finding < VHDX_F_COUNT; finding++)
		if (after->found[finding] && !before->found[finding])
			judge_die("%s, after a compaction",
				  vhdx_finding_name(finding));
}

/*
 * Done twice, the second has nothing to do and does nothing; unless the first
 * has moved blocks of zeros, which come out as holes.
 */
static void compact_again(struct picture *picture, struct host *host)
{
	struct work work;
	u64 size = host->ram.size;
	u64 changes;

	if (!work_start(&work, picture, host))
		judge_die("does not open after a compaction");
	changes = ram_changes(&host->ram) - host->ram.count[RAM_FLUSH];
	if (work_compact(&work))
		judge_die("cannot be compacted again");
	if (host->ram.size > size)
		judge_die("the second compaction makes the file longer");
	changes = ram_changes(&host->ram) - host->ram.count[RAM_FLUSH] -
		  changes;
	if (changes && !work.counts.blocks_released &&
	    !work.counts.blocks_moved && !work.counts.entries_tidied)
		judge_die("the second compaction does nothing, and writes");
	work_stop(&work, true);
}

void door(struct picture *picture)
{
	bool fails = picture->fail;
	struct opened before, after;
	struct host *host = &picture->host;
	struct work work;
	int err;

	check(picture, host, &before);
	if (!work_start(&work, picture, host))
		return;
	err = work_compact(&work);
	/* A block device may be too short for what its image promises. */
	if (err && err != -EOPNOTSUPP && !host_has_failed(host) &&
	    !(err == -ENOSPC && host->ram.container.fixed_size))
		judge_die("compaction failed with %d", err);
	if (!work_stop(&work, !err) || fails)
		return;
	check(picture, host, &after);
	compare(&before, &after);
	compact_again(picture, host);
	/* Then it is used, and compacted in the middle of that. */
	if (!work_start(&work, picture, host))
		judge_die("does not open after two compactions");
	work_do(&work);
	work_stop(&work, true);
}
