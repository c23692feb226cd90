// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every sector of a disk may hold.
 */
#include <stdio.h>

#include "log-history.h"

/*
 * @hash: 0 for zeros
 * @discard: of a part of a block
 */
struct history_event {
	u64 index;
	u64 hash;
	bool discard;
};

struct history_mark {
	char name[LOG_MARK_MAX];
	u64 durable;
};

static u64 hash_of(const void *bytes)
{
	u64 hash = 1, word;
	size_t i;

	if (vhdx_is_zero(bytes, HISTORY_SECTOR))
		return 0;
	for (i = 0; i < HISTORY_SECTOR; i += sizeof(word)) {
		memcpy(&word, (const u8 *)bytes + i, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return hash | 1;
}

static void *must_alloc(u64 count, size_t size)
{
	void *p = calloc(count + 1, size);

	if (!p) {
		fputs("out of memory\n", stderr);
		exit(2);
	}
	return p;
}

static void check_range(const struct history *history,
			const struct log_entry *entry)
{
	if (entry->offset % HISTORY_SECTOR || entry->len % HISTORY_SECTOR ||
	    (entry->offset + entry->len) / HISTORY_SECTOR > history->sectors) {
		fprintf(stderr, "log-writes: entry %llu lies outside the disk\n",
			(unsigned long long)entry->index);
		exit(2);
	}
}

/* How many events each sector has, and how many marks there are. */
static void count(struct history *history, const struct log_file *log)
{
	struct log_entry entry = { 0 };
	u64 i, sum = 0, n;

	while (log_file_next(log, &entry)) {
		history->marks += !!(entry.flags & LOG_MARK);
		check_range(history, &entry);
		for (i = 0; i < entry.len / HISTORY_SECTOR; i++)
			history->first[entry.offset / HISTORY_SECTOR + i]++;
	}
	for (i = 0; i <= history->sectors; i++) {
		n = history->first[i];
		history->first[i] = sum;
		sum += n;
	}
	history->event = must_alloc(sum, sizeof(*history->event));
	history->mark = must_alloc(history->marks, sizeof(*history->mark));
}

static bool has_whole_block(const struct history *history,
			    const struct log_entry *entry, u64 offset)
{
	u64 start = ALIGN_DOWN(offset, history->block_bytes);

	return start >= entry->offset &&
	       start + history->block_bytes <= entry->offset + entry->len;
}

static void add(struct history *history, u64 *filled,
		const struct log_entry *entry)
{
	u64 sector = entry->offset / HISTORY_SECTOR, i;
	struct history_event *event;

	for (i = 0; i < entry->len / HISTORY_SECTOR; i++) {
		event = &history->event[history->first[sector + i] +
					filled[sector + i]++];
		event->index = entry->index;
		event->discard = !entry->data &&
				 !has_whole_block(history, entry, entry->offset +
						  i * HISTORY_SECTOR);
		if (entry->data)
			event->hash = hash_of(entry->data + i * HISTORY_SECTOR);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct history_mark *)a)->name,
		      ((const struct history_mark *)b)->name);
}

void history_read(struct history *history, const struct log_file *log,
		  u64 bytes, u64 block_bytes)
{
	struct log_entry entry = { 0 };
	u64 *filled, marks = 0;

	memset(history, 0, sizeof(*history));
	history->sectors = bytes / HISTORY_SECTOR;
	history->block_bytes = block_bytes;
	history->first = must_alloc(history->sectors + 1, sizeof(u64));
	count(history, log);
	filled = must_alloc(history->sectors, sizeof(*filled));
	while (log_file_next(log, &entry)) {
		if (entry.flags & LOG_MARK) {
			memcpy(history->mark[marks].name, entry.mark,
			       LOG_MARK_MAX);
			history->mark[marks++].durable = entry.index;
			continue;
		}
		add(history, filled, &entry);
	}
	free(filled);
	qsort(history->mark, history->marks, sizeof(*history->mark), by_name);
}

void history_destroy(struct history *history)
{
	free(history->first);
	free(history->event);
	free(history->mark);
}

s64 history_at_mark(const struct history *history, const char *name)
{
	struct history_mark key, *mark;

	snprintf(key.name, sizeof(key.name), "%s", name);
	mark = bsearch(&key, history->mark, history->marks, sizeof(key),
		       by_name);
	return mark ? (s64)mark->durable : -1;
}

bool history_allows(const struct history *history, u64 durable, u64 sector,
		    const void *bytes)
{
	const struct history_event *event = history->event;
	u64 first = history->first[sector], end = history->first[sector + 1];
	u64 hash = hash_of(bytes);

	for (; end > first && event[end - 1].index >= durable; end--)
		if (event[end - 1].hash == hash)
			return true;
	for (; end > first && event[end - 1].discard; end--)
		if (!hash)
			return true;
	return hash == (end > first ? event[end - 1].hash : 0);
}

void history_explain(const struct history *history, u64 durable, u64 sector,
		     const void *bytes)
{
	u64 hash = hash_of(bytes), i;

	printf("# sector %llu holds %016llx; entries before %llu were durable\n",
	       (unsigned long long)sector, (unsigned long long)hash,
	       (unsigned long long)durable);
	for (i = history->first[sector]; i < history->first[sector + 1]; i++)
		printf("#   entry %llu: %s %016llx\n",
		       (unsigned long long)history->event[i].index,
		       history->event[i].discard ? "part discarded" : "left",
		       (unsigned long long)history->event[i].hash);
	for (i = 0; i < history->first[history->sectors]; i++)
		if (hash && history->event[i].hash == hash) {
			printf("#   the same bytes were written by entry %llu\n",
			       (unsigned long long)history->event[i].index);
			break;
		}
}
