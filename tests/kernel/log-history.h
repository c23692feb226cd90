/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The oracle for recorded workloads: what a disk may show, learnt from the log
 * that a dm-log-writes on top of it has kept.
 *
 * At a time for which the log says that its first n entries were durable, a
 * sector may hold what the last of those n that touched it left, or what any
 * later one leaves. A discard of a whole block of the image leaves zeros, one of a
 * part zeros or what was there before it: dm-log-writes, on which the image lies,
 * can neither punch holes nor write zeros. A sector that none of the n touched was
 * zero.
 */
#ifndef TESTS_LOG_HISTORY_H
#define TESTS_LOG_HISTORY_H

#include "log-file.h"

#define HISTORY_SECTOR 512

struct history_event;

/**
 * struct history - of every sector
 * @sectors: size of the disk
 * @block_bytes: of the image
 * @first: index of each sector's first event; one more than there are sectors
 * @event: sorted by sector, then by time
 * @marks: how many
 * @mark: names and places, sorted by name
 */
struct history {
	u64 sectors;
	u64 block_bytes;
	u64 *first;
	struct history_event *event;
	u64 marks;
	struct history_mark *mark;
};

void history_read(struct history *history, const struct log_file *log,
		  u64 bytes, u64 block_bytes);
void history_destroy(struct history *history);

/* How many entries were durable when the mark was set; -1: no such mark. */
s64 history_at_mark(const struct history *history, const char *name);
bool history_allows(const struct history *history, u64 durable, u64 sector,
		    const void *bytes);
/* What is wrong with it, for people. */
void history_explain(const struct history *history, u64 durable, u64 sector,
		     const void *bytes);

#endif
