// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VHDX log ([MS-VHDX] 2.3).
 *
 * The log is a ring of 4 KiB sectors. An entry is a header and descriptors in
 * one or more sectors, then one data sector for each page it carries. It counts
 * only if everything about it is right: signature, the session's GUID, the
 * CRC over all of it, each descriptor, each data sector. So an entry torn by a
 * power cut does not exist, and neither does one of another session.
 *
 * A sequence is a run of entries, each right behind the other, with numbers
 * rising by one. It is complete when the Tail of its last entry, the head,
 * points at one of its entries. Of the complete ones the one with the highest
 * head is active, and replay means: the entries from Tail to head, in order,
 * nothing before Tail. A header that names a GUID for which there is no
 * complete sequence makes the file corrupt.
 *
 * How we write
 *
 * Each commit is exactly one entry whose Tail is itself. That is legal because
 * txn.c flushes before it calls us, so that everything earlier entries carried
 * is durable in its place by then. It makes the arithmetic short:
 *
 *      ring   ...|  old  | active |   next    | free            |...
 *                        ^ active_start       ^
 *
 *   - the next entry goes right behind the active one, with the next number,
 *     so the two form a run and the next becomes the head once it is durable;
 *   - until then the active one must stay whole, so the next may take at most
 *     the rest of the ring: VHDX_LOG_ENTRY_MAX_BYTES is less than half of the
 *     smallest legal ring, 1 MiB, so it always fits;
 *   - once it is durable the old active one may be overwritten.
 *
 * A session starts with an empty entry (vhdx_log_start()) under a new GUID at
 * the start of the ring. It is durable before the header names that GUID: a
 * header must never name a log without a sequence.
 *
 * The two file sizes in an entry are both the size that was made durable by
 * the flush before it: nothing larger can be promised (FlushedFileOffset), and
 * everything allocated lies below it (LastFileOffset).
 *
 * Crash table of one append: before it, or torn: the previous entry is active
 * and says what is in place already. After it: the new one is active; its pages
 * may or may not be in place, replay puts them there.
 */
#include "log.h"
#include "header.h"

/* ---- reading ----------------------------------------------------------- */

/* The whole ring in memory. */
struct vhdx_ring {
	const u8 *bytes;
	u32 len;
	const vhdx_guid *guid;
	u64 work;	/* bytes that may still be summed up */
	u64 patched;	/* bytes of all patches so far */
};

static const u8 *vhdx_ring_at(const struct vhdx_ring *ring, u64 pos)
{
	return ring->bytes + (pos >= ring->len ? pos - ring->len : pos);
}

static u32 vhdx_ring_crc(const struct vhdx_ring *ring, u32 pos, u32 len)
{
	u32 first = min(len, ring->len - pos);
	u32 field = offsetof(struct vhdx_log_header_disk, checksum);
	static const u8 zero[4];
	u32 crc = vhdx_crc32c(0, ring->bytes + pos, field);

	crc = vhdx_crc32c(crc, zero, sizeof(zero));
	crc = vhdx_crc32c(crc, ring->bytes + pos + field + sizeof(zero),
			  first - field - sizeof(zero));
	return vhdx_crc32c(crc, ring->bytes, len - first);
}

static u32 vhdx_log_descriptor_area(u32 descriptors)
{
	return ALIGN(sizeof(struct vhdx_log_header_disk) +
		     (u64)descriptors * VHDX_LOG_DESCRIPTOR_BYTES,
		     VHDX_PAGE_BYTES);
}

/* Descriptors never straddle a sector, so never the end of the ring. */
static const void *vhdx_ring_descriptor(const struct vhdx_ring *ring, u32 pos,
					u32 i)
{
	return vhdx_ring_at(ring, (u64)pos +
			    sizeof(struct vhdx_log_header_disk) +
			    (u64)i * VHDX_LOG_DESCRIPTOR_BYTES);
}

static bool vhdx_data_sector_is_valid(const struct vhdx_ring *ring, u64 pos,
				      u64 sequence)
{
	const struct vhdx_log_data_sector_disk *sector =
		(const void *)vhdx_ring_at(ring, pos);

	return !memcmp(sector->signature, VHDX_LOG_DATA_SECTOR, 4) &&
	       le32_to_cpu(sector->sequence_high) == sequence >> 32 &&
	       le32_to_cpu(sector->sequence_low) == (u32)sequence;
}

static bool vhdx_descriptor_is_valid(const void *descriptor, u64 sequence,
				     bool *is_data)
{
	const struct vhdx_log_zero_descriptor_disk *zero = descriptor;
	u64 len = 0;

	*is_data = !memcmp(zero->signature, VHDX_LOG_DATA_DESCRIPTOR, 4);
	if (!*is_data) {
		if (memcmp(zero->signature, VHDX_LOG_ZERO_DESCRIPTOR, 4))
			return false;
		len = le64_to_cpu(zero->zero_length);
	}
	return le64_to_cpu(zero->sequence_number) == sequence &&
	       IS_ALIGNED(le64_to_cpu(zero->file_offset), VHDX_PAGE_BYTES) &&
	       IS_ALIGNED(len, VHDX_PAGE_BYTES);
}

/* Descriptors and data sectors agree with each other and with the length. */
static bool vhdx_entry_body_is_valid(const struct vhdx_ring *ring, u32 pos,
				     const struct vhdx_log_header_disk *entry)
{
	u64 sequence = le64_to_cpu(entry->sequence_number);
	u32 count = le32_to_cpu(entry->descriptor_count);
	u32 len = le32_to_cpu(entry->entry_length);
	u64 used;
	u32 i;

	if (count > len / VHDX_LOG_DESCRIPTOR_BYTES)
		return false;
	used = vhdx_log_descriptor_area(count);
	for (i = 0; i < count; i++) {
		bool is_data;

		if (!vhdx_descriptor_is_valid(vhdx_ring_descriptor(ring, pos,
								   i),
					      sequence, &is_data))
			return false;
		if (!is_data)
			continue;
		if (used >= len ||
		    !vhdx_data_sector_is_valid(ring, pos + used, sequence))
			return false;
		used += VHDX_PAGE_BYTES;
	}
	return used == len;
}

/* The entry at @pos, or NULL if there is no valid one. */
static const struct vhdx_log_header_disk *
vhdx_ring_entry(struct vhdx_ring *ring, u32 pos)
{
	const struct vhdx_log_header_disk *entry =
		(const void *)(ring->bytes + pos);
	u32 len = le32_to_cpu(entry->entry_length);
	u32 tail = le32_to_cpu(entry->tail);

	if (memcmp(entry->signature, VHDX_LOG_ENTRY_SIGNATURE, 4) ||
	    !vhdx_guid_equal(&entry->log_guid, ring->guid) ||
	    !len || len > ring->len || !IS_ALIGNED(len, VHDX_PAGE_BYTES) ||
	    tail >= ring->len || !IS_ALIGNED(tail, VHDX_PAGE_BYTES) ||
	    !entry->sequence_number || len > ring->work)
		return NULL;
	ring->work -= len;
	if (le32_to_cpu(entry->checksum) != vhdx_ring_crc(ring, pos, len) ||
	    !vhdx_entry_body_is_valid(ring, pos, entry))
		return NULL;
	return entry;
}

/**
 * struct vhdx_run - a sequence of entries
 * @tail: where the replay starts
 * @head: the last entry; NULL: none
 * @bytes: from the first entry to the end of the head
 * @complete: the tail is one of its entries
 */
struct vhdx_run {
	u32 tail;
	const struct vhdx_log_header_disk *head;
	u64 bytes;
	bool complete;
};

/* Grow a run from @start; at most once round the ring. */
static void vhdx_ring_run(struct vhdx_ring *ring, u32 start,
			  struct vhdx_run *run)
{
	const struct vhdx_log_header_disk *entry = NULL;
	u64 sequence = 0, pos;
	u32 at = start;

	memset(run, 0, sizeof(*run));
	while (run->bytes < ring->len) {
		entry = vhdx_ring_entry(ring, at);
		if (!entry || (run->head && le64_to_cpu(entry->sequence_number) !=
					    sequence + 1))
			break;
		if (run->bytes + le32_to_cpu(entry->entry_length) > ring->len)
			break;
		run->head = entry;
		run->tail = le32_to_cpu(entry->tail);
		sequence = le64_to_cpu(entry->sequence_number);
		run->bytes += le32_to_cpu(entry->entry_length);
		at = (start + run->bytes) % ring->len;
	}
	/* Walk it once more: is the tail at the start of an entry? */
	for (pos = 0; run->head && pos < run->bytes && !run->complete;) {
		at = (start + pos) % ring->len;
		run->complete = at == run->tail;
		entry = (const void *)(ring->bytes + at);
		pos += le32_to_cpu(entry->entry_length);
	}
}

/* The active sequence ([MS-VHDX] 2.3.2); @best->head is NULL if none. */
static void vhdx_ring_find_active(struct vhdx_ring *ring,
				  struct vhdx_run *best)
{
	struct vhdx_run run;
	u64 pos = 0;

	memset(best, 0, sizeof(*best));
	while (pos < ring->len) {
		vhdx_ring_run(ring, pos, &run);
		if (run.complete &&
		    (!best->head ||
		     le64_to_cpu(run.head->sequence_number) >
		     le64_to_cpu(best->head->sequence_number)))
			*best = run;
		pos += run.head ? run.bytes : VHDX_PAGE_BYTES;
		vhdx_relax();
	}
}

static int vhdx_log_check_target(u64 log_offset, u32 log_len,
				 const struct vhdx_patch *patch,
				 u64 limit_bytes, struct vhdx_report *report)
{
	u64 end;

	if (check_add_overflow(patch->offset_bytes, patch->len_bytes, &end) ||
	    end > limit_bytes)
		return vhdx_report(report, VHDX_F_LOG_TOO_FAR,
				   patch->offset_bytes, patch->len_bytes);
	if (patch->offset_bytes < VHDX_REGION_TABLE1_OFFSET ||
	    (patch->offset_bytes < log_offset + log_len && end > log_offset))
		return vhdx_report(report, VHDX_F_LOG_TARGET,
				   patch->offset_bytes, patch->len_bytes);
	return 0;
}

static int vhdx_overlay_make_room(struct vhdx_overlay *overlay, u32 extra)
{
	size_t room = max_t(size_t, overlay->room, 128);
	struct vhdx_patch *patch;

	if (overlay->count + extra <= overlay->room)
		return 0;
	while (room < overlay->count + extra)
		room *= 2;
	patch = vhdx_alloc(room * sizeof(*patch));
	if (!patch)
		return -ENOMEM;
	if (overlay->count)
		memcpy(patch, overlay->patch,
		       overlay->count * sizeof(*patch));
	vhdx_free(overlay->patch);
	overlay->patch = patch;
	overlay->room = room;
	return 0;
}

/*
 * Undo the displacement of 12 bytes, in the ring itself: the page ends up
 * where its data sector is.
 */
static u8 *vhdx_log_restore_page(struct vhdx_ring *ring, u64 pos,
				 const struct vhdx_log_data_descriptor_disk *d)
{
	u8 *page = (u8 *)vhdx_ring_at(ring, pos);

	memcpy(page, d->leading_bytes, sizeof(d->leading_bytes));
	memcpy(page + VHDX_PAGE_BYTES - sizeof(d->trailing_bytes),
	       d->trailing_bytes, sizeof(d->trailing_bytes));
	return page;
}

/* Patches of one entry behind those already there. */
static int vhdx_log_collect(struct vhdx_ring *ring, u32 pos, u64 log_offset,
			    u64 limit_bytes, struct vhdx_overlay *overlay,
			    struct vhdx_report *report)
{
	const struct vhdx_log_header_disk *entry =
		(const void *)(ring->bytes + pos);
	u32 count = le32_to_cpu(entry->descriptor_count);
	u64 data = pos + vhdx_log_descriptor_area(count);
	u32 i;
	int err;

	if (overlay->count + count > VHDX_LOG_MAX_PATCHES)
		return vhdx_report(report, VHDX_F_LOG_TOO_MANY,
				   log_offset + pos, count);
	err = vhdx_overlay_make_room(overlay, count);
	if (err)
		return vhdx_report_io(report, err, log_offset + pos);
	for (i = 0; i < count; i++) {
		const void *d = vhdx_ring_descriptor(ring, pos, i);
		const struct vhdx_log_zero_descriptor_disk *zero = d;
		struct vhdx_patch *patch = &overlay->patch[overlay->count];

		patch->offset_bytes = le64_to_cpu(zero->file_offset);
		patch->len_bytes = le64_to_cpu(zero->zero_length);
		patch->page = NULL;
		if (!memcmp(zero->signature, VHDX_LOG_DATA_DESCRIPTOR, 4)) {
			patch->len_bytes = VHDX_PAGE_BYTES;
			patch->page = vhdx_log_restore_page(ring, data, d);
			data += VHDX_PAGE_BYTES;
		}
		err = vhdx_log_check_target(log_offset, ring->len, patch,
					    limit_bytes, report);
		if (err)
			return err;
		ring->patched += patch->len_bytes;
		if (ring->patched > VHDX_LOG_MAX_PATCH_BYTES)
			return vhdx_report(report, VHDX_F_LOG_TOO_MANY,
					   log_offset + pos, ring->patched);
		overlay->count++;
	}
	return 0;
}

static int vhdx_log_collect_run(struct vhdx_ring *ring,
				const struct vhdx_run *run, u64 log_offset,
				u64 limit_bytes, struct vhdx_overlay *overlay,
				struct vhdx_report *report)
{
	u32 head = (const u8 *)run->head - ring->bytes;
	u32 pos = run->tail;
	int err;

	for (;;) {
		const struct vhdx_log_header_disk *entry =
			(const void *)(ring->bytes + pos);
		u32 next = ((u64)pos + le32_to_cpu(entry->entry_length)) %
			   ring->len;

		err = vhdx_log_collect(ring, pos, log_offset, limit_bytes,
				       overlay, report);
		if (err || pos == head)
			return err;
		pos = next;
	}
}

static int vhdx_log_check_head(struct vhdx_container *c,
			       const struct vhdx_log_header_disk *head,
			       u64 log_offset, struct vhdx_report *report)
{
	u64 flushed = le64_to_cpu(head->flushed_file_offset);
	u64 last = le64_to_cpu(head->last_file_offset);

	if (vhdx_size(c) < flushed)
		return vhdx_report(report, VHDX_F_LOG_FILE_TRUNCATED,
				   log_offset, flushed);
	if (last > VHDX_MAX_FILE_BYTES)
		return vhdx_report(report, VHDX_F_LOG_TOO_FAR, log_offset,
				   last);
	return 0;
}

/**
 * vhdx_log_replay() - read the active sequence into an overlay
 * @c: container
 * @offset_bytes: of the log
 * @len_bytes: of the log; inside the container
 * @guid: the current header's LogGuid, not zero
 * @overlay: result, empty before; destroy it also after an error
 * @report: for findings
 *
 * Writes nothing. May sleep.
 *
 * Return: 0 or the errno of the finding ([MS-VHDX] 2.3.3).
 */
int vhdx_log_replay(struct vhdx_container *c, u64 offset_bytes, u32 len_bytes,
		    const vhdx_guid *guid, struct vhdx_overlay *overlay,
		    struct vhdx_report *report)
{
	struct vhdx_ring ring = { .len = len_bytes, .guid = guid };
	struct vhdx_run run;
	u64 limit;
	int err;

	/* Every byte summed up 16 times is far more than any honest log needs. */
	ring.work = 16ULL * len_bytes;
	overlay->pages = vhdx_alloc(len_bytes);
	if (!overlay->pages)
		return vhdx_report_io(report, -ENOMEM, offset_bytes);
	ring.bytes = overlay->pages;
	err = vhdx_read(c, offset_bytes, overlay->pages, len_bytes);
	if (err)
		return vhdx_report_io(report, err, offset_bytes);
	vhdx_ring_find_active(&ring, &run);
	if (!run.head)
		return vhdx_report(report, VHDX_F_LOG_NO_SEQUENCE,
				   offset_bytes, 0);
	err = vhdx_log_check_head(c, run.head, offset_bytes, report);
	if (err)
		return err;
	overlay->file_bytes = le64_to_cpu(run.head->last_file_offset);
	limit = vhdx_overlay_size(overlay, c);
	return vhdx_log_collect_run(&ring, &run, offset_bytes, limit, overlay,
				    report);
}

/* ---- writing ----------------------------------------------------------- */

static void vhdx_entry_put_page(struct vhdx_log *log, unsigned int i,
				const struct vhdx_log_page *page)
{
	struct vhdx_log_data_descriptor_disk *d = (void *)
		(log->entry + sizeof(struct vhdx_log_header_disk) +
		 i * VHDX_LOG_DESCRIPTOR_BYTES);
	struct vhdx_log_data_sector_disk *sector = (void *)
		(log->entry + (1 + i) * VHDX_PAGE_BYTES);
	const u8 *data = page->data;

	memcpy(d->signature, VHDX_LOG_DATA_DESCRIPTOR, 4);
	memcpy(d->leading_bytes, data, 8);
	memcpy(d->trailing_bytes, data + VHDX_PAGE_BYTES - 4, 4);
	d->file_offset = cpu_to_le64(page->offset_bytes);
	d->sequence_number = cpu_to_le64(log->sequence);
	memcpy(sector->signature, VHDX_LOG_DATA_SECTOR, 4);
	sector->sequence_high = cpu_to_le32(log->sequence >> 32);
	sector->sequence_low = cpu_to_le32((u32)log->sequence);
	memcpy(sector->data, data + 8, sizeof(sector->data));
}

static u32 vhdx_entry_build(struct vhdx_log *log,
			    const struct vhdx_log_page *pages,
			    unsigned int count, u32 pos, u64 file_bytes)
{
	struct vhdx_log_header_disk *entry = (void *)log->entry;
	u32 len = (1 + count) * VHDX_PAGE_BYTES;
	unsigned int i;

	memset(log->entry, 0, VHDX_PAGE_BYTES);
	memcpy(entry->signature, VHDX_LOG_ENTRY_SIGNATURE, 4);
	entry->entry_length = cpu_to_le32(len);
	entry->tail = cpu_to_le32(pos);
	entry->sequence_number = cpu_to_le64(log->sequence);
	entry->descriptor_count = cpu_to_le32(count);
	entry->log_guid = log->guid;
	entry->flushed_file_offset =
		cpu_to_le64(ALIGN_DOWN(file_bytes, VHDX_MIB));
	entry->last_file_offset = entry->flushed_file_offset;
	for (i = 0; i < count; i++)
		vhdx_entry_put_page(log, i, &pages[i]);
	entry->checksum = cpu_to_le32(
		vhdx_checksum(log->entry, len,
			      offsetof(struct vhdx_log_header_disk, checksum)));
	return len;
}

static int vhdx_ring_write(struct vhdx_log *log, struct vhdx_container *c,
			   u32 pos, u32 len)
{
	u32 first = min(len, log->len_bytes - pos);
	int err = vhdx_write(c, log->offset_bytes + pos, log->entry, first);

	if (!err && len > first)
		err = vhdx_write(c, log->offset_bytes, log->entry + first,
				 len - first);
	return err;
}

/**
 * vhdx_log_append() - write one entry and make it durable
 * @log: started
 * @c: container
 * @pages: the metadata pages it carries
 * @count: how many, at most VHDX_LOG_ENTRY_PAGES; may be 0
 * @file_bytes: what it promises as the length of the file
 *
 * Everything earlier entries carried must be durable in its place, and so must
 * the length of the file. May sleep. On return 0 this entry alone is the
 * active sequence.
 *
 * Return: 0 or -errno: the previous or this entry is active then.
 */
int vhdx_log_append(struct vhdx_log *log, struct vhdx_container *c,
		    const struct vhdx_log_page *pages, unsigned int count,
		    u64 file_bytes)
{
	u32 pos = ((u64)log->active_start + log->active_bytes) %
		  log->len_bytes;
	u32 len = vhdx_entry_build(log, pages, count, pos, file_bytes);
	int err = vhdx_ring_write(log, c, pos, len);

	if (!err)
		err = vhdx_flush(c);
	if (err)
		return err;
	log->active_start = pos;
	log->active_bytes = len;
	log->sequence++;
	return 0;
}

/**
 * vhdx_log_start() - begin a session: an empty entry under a new GUID
 * @log: @offset_bytes and @len_bytes are set
 * @c: container; the header's LogGuid is zero, durably
 * @file_bytes: its durable length
 *
 * Durable on return; the header may name @log->guid then. May sleep.
 *
 * Return: 0 or -errno.
 */
int vhdx_log_start(struct vhdx_log *log, struct vhdx_container *c,
		   u64 file_bytes)
{
	if (!log->entry)
		log->entry = vhdx_alloc(VHDX_LOG_ENTRY_MAX_BYTES);
	if (!log->entry)
		return -ENOMEM;
	vhdx_guid_new(&log->guid);
	log->sequence = 1;
	log->active_start = 0;
	log->active_bytes = 0;
	return vhdx_log_append(log, c, NULL, 0, file_bytes);
}

/**
 * vhdx_log_stop() - free what vhdx_log_start() has taken; writes nothing
 * @log: the log
 */
void vhdx_log_stop(struct vhdx_log *log)
{
	vhdx_free(log->entry);
	log->entry = NULL;
}
