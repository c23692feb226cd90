/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What dm-log-writes leaves on its log device: a superblock, then one sector
 * for each entry, each followed by the data that were written. Entries stand in
 * the order in which they became durable: a write in the first flush after it
 * completed, right before that flush; a write with FUA when it completed.
 */
#ifndef TESTS_LOG_FILE_H
#define TESTS_LOG_FILE_H

#include "platform.h"

#define LOG_FLUSH 1
#define LOG_FUA 2
#define LOG_DISCARD 4
#define LOG_MARK 8

/* The mark that dm-log-writes itself sets when it is taken down. */
#define LOG_END_MARK "dm-log-writes-end"
#define LOG_MARK_MAX 64

/**
 * struct log_file - a log, mapped
 * @bytes: all of it
 * @len: how many
 * @entries: as the superblock says
 * @sector_bytes: size of an entry
 */
struct log_file {
	const u8 *bytes;
	u64 len;
	u64 entries;
	u32 sector_bytes;
};

/**
 * struct log_entry - one of them
 * @index: its number, from 0
 * @flags: LOG_*
 * @offset: where on the device, in bytes
 * @len: how much was written or discarded
 * @data: what was written, NULL for a discard or where there is none
 * @mark: text of a mark
 * @next: where in the log the next one begins
 */
struct log_entry {
	u64 index;
	u64 flags;
	u64 offset;
	u64 len;
	const u8 *data;
	char mark[LOG_MARK_MAX];
	u64 next;
};

/* All end the program if the log is broken, or did not end well. */
/* @path: FILE or FILE\@BYTE */
void log_file_open(struct log_file *log, const char *path);
void log_file_close(struct log_file *log);
/* Begin with a zeroed @entry; false: that was the last one. */
bool log_file_next(const struct log_file *log, struct log_entry *entry);

#endif
