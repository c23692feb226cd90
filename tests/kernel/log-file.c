// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a log of dm-log-writes.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log-file.h"

#define LOG_MAGIC 0x6a736677736872ULL
#define LOG_VERSION 1

struct log_super_disk {
	__le64 magic;
	__le64 version;
	__le64 entries;
	__le32 sector_bytes;
};

struct log_entry_disk {
	__le64 sector;
	__le64 sectors;
	__le64 flags;
	__le64 data_len;
};

static void broken(const char *what, u64 value)
{
	fprintf(stderr, "log-writes: %s (%llu)\n", what,
		(unsigned long long)value);
	exit(2);
}

void log_file_open(struct log_file *log, const char *path)
{
	const struct log_super_disk *super;
	struct log_entry entry = { 0 };
	size_t name_len = strcspn(path, "@");
	char name[PATH_MAX];
	off_t start = 0, len;
	int fd;

	if (path[name_len])
		start = strtoull(path + name_len + 1, NULL, 0);
	snprintf(name, sizeof(name), "%.*s", (int)name_len, path);
	fd = open(name, O_RDONLY);
	if (fd < 0) {
		perror(name);
		exit(2);
	}
	len = lseek(fd, 0, SEEK_END) - start;
	if (len < (off_t)sizeof(*super))
		broken("no log", len);
	log->len = len;
	log->bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, start);
	close(fd);
	if (log->bytes == MAP_FAILED)
		broken("the log cannot be mapped", len);
	super = (const void *)log->bytes;
	log->entries = le64_to_cpu(super->entries);
	log->sector_bytes = le32_to_cpu(super->sector_bytes);
	if (le64_to_cpu(super->magic) != LOG_MAGIC)
		broken("not a log of dm-log-writes", le64_to_cpu(super->magic));
	if (le64_to_cpu(super->version) != LOG_VERSION)
		broken("unknown version", le64_to_cpu(super->version));
	if (log->sector_bytes != 512 && log->sector_bytes != 4096)
		broken("strange sector size", log->sector_bytes);
	/* A log device that was too small stops the log, not the device. */
	while (log_file_next(log, &entry))
		;
	if (strcmp(entry.mark, LOG_END_MARK))
		broken("the log does not end with its mark", entry.index);
}

void log_file_close(struct log_file *log)
{
	munmap((void *)log->bytes, log->len);
}

static void read_mark(struct log_entry *entry, const u8 *text, u64 len)
{
	if (len >= LOG_MARK_MAX)
		broken("a long mark", len);
	memcpy(entry->mark, text, len);
	entry->mark[len] = 0;
}

bool log_file_next(const struct log_file *log, struct log_entry *entry)
{
	const struct log_entry_disk *disk;
	u64 at = entry->next;

	if (!at)
		at = log->sector_bytes;
	else
		entry->index++;
	if (entry->index >= log->entries) {
		entry->index = log->entries - 1;
		return false;
	}
	if (at + log->sector_bytes > log->len)
		broken("the log is too short", entry->index);
	disk = (const void *)(log->bytes + at);
	at += log->sector_bytes;
	entry->flags = le64_to_cpu(disk->flags);
	entry->offset = le64_to_cpu(disk->sector) * log->sector_bytes;
	entry->len = le64_to_cpu(disk->sectors) * log->sector_bytes;
	entry->data = NULL;
	entry->mark[0] = 0;
	if (entry->flags & LOG_MARK) {
		read_mark(entry, (const u8 *)(disk + 1),
			  le64_to_cpu(disk->data_len));
	} else if (entry->len && !(entry->flags & LOG_DISCARD)) {
		if (entry->len > log->len - at)
			broken("the log is too short", entry->index);
		entry->data = log->bytes + at;
		at += entry->len;
	}
	entry->next = at;
	return true;
}
