// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes to a VHDX image: session, allocation, release, commit, truncation.
 *
 * Ordering. Nothing of the image's metadata is written in place before it is
 * in the log, and nothing is in the log before what it speaks of is durable.
 *
 * A session begins with the first change (vhdx_session_begin(), then
 * vhdx_begin_data_change() before the first change a guest can see):
 *
 *        [holes of the host where headers and log are, filled with zeros]
 *   R1a  header with a new FileWriteGuid, both slots, flushed
 *        [a log that waits: replay, flush, header with LogGuid 0, flushed]
 *   R1b  empty log entry under a new GUID, flushed
 *   R1c  header with that LogGuid, both slots, flushed
 *   R1d  header with a new DataWriteGuid, both slots, flushed
 *
 * Then changes gather in the BAT in memory, visible to lookups at once:
 *
 *   allocate  takes space, makes it read as zeros, sets the entry (R2)
 *   release   clears the entry; the space is pending (R7)
 *   move      the copy is written, then the entry is switched (R8)
 *
 * A commit makes all of them durable (vhdx_txn_commit()):
 *
 *   1 flush   data, zeros, file length, and the pages that the previous commit
 *             wrote in place: nothing in the log is needed any more (R2 R4 R6)
 *   2 append  one entry with the dirty pages, Tail = itself, flushed: this is
 *             the commit point (R5)
 *   3 apply   the same pages in place, not flushed: step 1 of the next one does
 *
 * More dirty pages than one entry holds take several rounds; each page stands
 * for itself, so any prefix of the rounds is a sound image.
 *
 * If the power goes                    then the next open finds
 *   before R1c is durable              LogGuid as before: old image, or replay
 *                                      once more
 *   between R1c and the first commit   an empty log: old image; blocks that
 *                                      were allocated are free space again
 *   in 1, or 2 not durable             the previous entry: the image as of the
 *                                      previous commit
 *   2 durable, 3 not or torn           this entry: replay does 3
 *   in a session's end                 LogGuid set: replay of what is in
 *                                      place already; or LogGuid 0: clean
 *
 * Pending space becomes punchable after 2 only (image.c). A released block's
 * space can therefore not be in other hands while a log or a BAT on disk still
 * gives it to the block.
 *
 * Shortening the file (R11, vhdx_file_truncate()): the log's entry promises a
 * length, so an empty entry with the new length is durable before the cut.
 *
 * Any error in metadata I/O ends all changes (R10): what is on disk is then one
 * of the states above, and nobody has been told otherwise. A full host is met
 * before it comes to that: what a commit writes has its space by then.
 */
#include "vhdx.h"

/* ---- session ------------------------------------------------------------ */

static int vhdx_write_guid(struct vhdx *vhdx, vhdx_guid *field)
{
	vhdx_guid_new(field);
	return vhdx_headers_write(&vhdx->headers, vhdx->image.container);
}

/* The log in the file into its place; then the file has no log. */
static int vhdx_session_replay(struct vhdx *vhdx)
{
	struct vhdx_container *c = vhdx->image.container;
	int err = vhdx_overlay_write_out(&vhdx->overlay, c);

	if (err)
		return err;
	/* Not once more when the rest fails: another header may be there then. */
	vhdx_overlay_destroy(&vhdx->overlay);
	vhdx->image.needs_replay = false;
	memset(&vhdx->headers.page->log_guid, 0, sizeof(vhdx_guid));
	return vhdx_headers_write(&vhdx->headers, c);
}

/*
 * What there is of a cut sector has read as zeros and will go on so. Flushed, or
 * the greater length might survive without the zeros. Not cut off: a log that waits
 * for replay may promise this length.
 */
static int vhdx_session_zero_fragment(struct vhdx *vhdx)
{
	static const u8 zeros[SECTOR_SIZE];
	struct vhdx_container *c = vhdx->image.container;
	u64 size = vhdx_size(c);
	int err;

	if (size >= vhdx->needed_bytes || size == vhdx->readable_bytes)
		return 0;
	err = vhdx_write(c, vhdx->readable_bytes, zeros,
			 size - vhdx->readable_bytes);
	return err ? err : vhdx_flush(c);
}

/* Blocks that the end of the file cuts get their missing part. */
static int vhdx_session_complete_file(struct vhdx *vhdx)
{
	struct vhdx_container *c = vhdx->image.container;
	int err;

	if (vhdx_size(c) < vhdx->needed_bytes) {
		err = c->ops->resize(c, vhdx->needed_bytes);
		if (!err)
			err = vhdx_flush(c);
		if (err)
			return err;
	}
	/* A later session finds it as long as this one leaves it. */
	vhdx->needed_bytes = 0;
	WRITE_ONCE(vhdx->readable_bytes, vhdx_size(c));
	return 0;
}

/* Space for what a replay will write, as far as the file is long enough. */
static int vhdx_session_back_overlay(struct vhdx *vhdx)
{
	struct vhdx_container *c = vhdx->image.container;
	const struct vhdx_overlay *overlay = &vhdx->overlay;
	int err = 0;
	size_t i;

	for (i = 0; i < overlay->count && !err; i++) {
		const struct vhdx_patch *patch = &overlay->patch[i];

		if (patch->page &&
		    patch->offset_bytes + patch->len_bytes <= vhdx_size(c))
			err = vhdx_container_back(c, patch->offset_bytes,
						  patch->len_bytes);
	}
	return err;
}

/**
 * vhdx_session_back() - space on the host for headers and log
 * @image: writable, not begun
 *
 * In a sparse copy of an image they may be holes, and so may be the targets of a
 * log that waits for replay. What they read as does not change. The BAT gets its
 * space page by page, vhdx_bat_prepare_set(). May sleep. Return: 0 or -errno.
 */
int vhdx_session_back(struct vhdx_image *image)
{
	struct vhdx_container *c = image->container;
	struct vhdx *vhdx = to_vhdx(image);
	const struct vhdx_log *log = &vhdx->log;
	int err = vhdx_container_back(c, VHDX_HEADER1_OFFSET, VHDX_PAGE_BYTES);

	if (!err)
		err = vhdx_container_back(c, VHDX_HEADER2_OFFSET,
					  VHDX_PAGE_BYTES);
	if (!err)
		err = vhdx_container_back(c, log->offset_bytes,
					  log->len_bytes);
	if (!err)
		err = vhdx_session_back_overlay(vhdx);
	return err;
}

/**
 * vhdx_session_begin() - R1a to R1c
 * @image: writable, not begun
 *
 * Durable on return. May sleep. Return: 0 or -errno.
 */
int vhdx_session_begin(struct vhdx_image *image)
{
	struct vhdx *vhdx = to_vhdx(image);
	int err;

	if (!vhdx->pages)
		vhdx->pages = vhdx_alloc(VHDX_LOG_ENTRY_PAGES *
					 sizeof(*vhdx->pages));
	if (!vhdx->pages)
		return -ENOMEM;
	/* A start that failed may have set it: that log is overwritten below. */
	if (!image->needs_replay)
		memset(&vhdx->headers.page->log_guid, 0, sizeof(vhdx_guid));
	err = vhdx_write_guid(vhdx, &vhdx->headers.page->file_write_guid);
	if (!err)
		err = vhdx_session_zero_fragment(vhdx);
	if (!err && image->needs_replay)
		err = vhdx_session_replay(vhdx);
	if (!err)
		err = vhdx_session_complete_file(vhdx);
	if (!err)
		err = vhdx_log_start(&vhdx->log, image->container,
				     vhdx_size(image->container));
	if (err)
		return err;
	vhdx->headers.page->log_guid = vhdx->log.guid;
	vhdx->headers.page->log_version = cpu_to_le16(VHDX_LOG_VERSION);
	return vhdx_headers_write(&vhdx->headers, image->container);
}

/**
 * vhdx_begin_data_change() - R1d
 * @image: begun
 *
 * Durable on return. May sleep. Return: 0 or -errno.
 */
int vhdx_begin_data_change(struct vhdx_image *image)
{
	struct vhdx *vhdx = to_vhdx(image);

	return vhdx_write_guid(vhdx, &vhdx->headers.page->data_write_guid);
}

/**
 * vhdx_session_finish() - leave a clean image
 * @image: begun, everything committed
 *
 * Applied pages become durable, then LogGuid becomes zero in both headers.
 * Durable on return. May sleep. Return: 0 or -errno.
 */
int vhdx_session_finish(struct vhdx_image *image)
{
	struct vhdx *vhdx = to_vhdx(image);
	int err = vhdx_flush(image->container);

	if (err)
		return err;
	memset(&vhdx->headers.page->log_guid, 0, sizeof(vhdx_guid));
	return vhdx_headers_write(&vhdx->headers, image->container);
}

static int vhdx_entry_prepare_set(struct vhdx *vhdx, u64 block)
{
	struct vhdx_image *image = &vhdx->image;

	return vhdx_image_change_result(image,
					vhdx_bat_prepare_set(&vhdx->bat,
							     image->container,
							     block));
}

/* ---- allocation --------------------------------------------------------- */

/*
 * Extend the file so that a run of @units is free at its end; by a large step
 * where there is room for it.
 */
static int vhdx_file_extend(struct vhdx *vhdx, u64 units)
{
	struct vhdx_image *image = &vhdx->image;
	struct vhdx_container *c = image->container;
	struct vhdx_space *space = &image->space;
	u64 need = (vhdx_space_tail(space) + units) << space->unit_shift;
	u64 size = vhdx_size(c);
	u64 end = max_t(u64, need, ALIGN(ALIGN(size, VHDX_MIB) +
					 image->grow_bytes, VHDX_MIB));
	int err;

	err = c->ops->resize(c, end);
	if (err && end > need) {
		/* Never shorter: an entry of the log may promise this length. */
		end = max(need, size);
		err = end > size ? c->ops->resize(c, end) : 0;
	}
	if (!err)
		err = vhdx_space_resize(space, end);
	if (err)
		return err;
	WRITE_ONCE(vhdx->readable_bytes, end);
	return 0;
}

/* Space for one block that reads as zeros: not durable, not published. */
static int vhdx_block_alloc(struct vhdx *vhdx, u64 *offset_bytes)
{
	struct vhdx_image *image = &vhdx->image;
	struct vhdx_container *c = image->container;
	struct vhdx_space *space = &image->space;
	u64 fresh = vhdx_size(c);
	u64 unit, end;
	int err;

	err = vhdx_space_alloc(space, image->slot_units, U64_MAX, &unit);
	if (err) {
		err = vhdx_file_extend(vhdx, image->slot_units);
		if (!err)
			err = vhdx_space_alloc(space, image->slot_units,
					       U64_MAX, &unit);
		if (err)
			return err;
	}
	*offset_bytes = unit << space->unit_shift;
	end = min(*offset_bytes + image->geometry.block_bytes, fresh);
	if (end > *offset_bytes)
		err = vhdx_container_zero(c, *offset_bytes,
					  end - *offset_bytes);
	if (err)
		vhdx_space_unalloc(space, unit, image->slot_units);
	return err;
}

/**
 * vhdx_block_prepare_write() - vhdx_image_prepare_write() for VHDX
 * @image: data change begun
 * @block: payload block
 *
 * An anchored block gets its own space back. May sleep; not durable.
 *
 * Return: 0 or -errno.
 */
int vhdx_block_prepare_write(struct vhdx_image *image, u64 block)
{
	struct vhdx *vhdx = to_vhdx(image);
	u64 entry = vhdx_bat_get(&vhdx->bat, block);
	u64 offset = vhdx_entry_offset(entry);
	int err;

	if (vhdx_entry_is_present(entry))
		return 0;
	err = vhdx_entry_prepare_set(vhdx, block);
	if (err)
		return err;
	if (vhdx_entry_is_anchored(entry)) {
		err = vhdx_container_zero(image->container, offset,
					  image->geometry.block_bytes);
	} else {
		err = vhdx_block_alloc(vhdx, &offset);
		if (!err)
			image->blocks_present++;
	}
	if (err)
		return err;
	WRITE_ONCE(image->dirty, true);
	vhdx_bat_set(&vhdx->bat, block, VHDX_BLOCK_FULLY_PRESENT, offset);
	return 0;
}

/* ---- release, move, tidy ------------------------------------------------ */

/* Set an entry that owns no space; what it owned becomes pending. */
static int vhdx_block_give_up(struct vhdx *vhdx, u64 block,
			      enum vhdx_block_state state)
{
	struct vhdx_image *image = &vhdx->image;
	u64 offset, len;
	bool owns = vhdx_block_space(image, block, &offset, &len);
	int err = vhdx_entry_prepare_set(vhdx, block);

	if (!err && owns)
		err = vhdx_space_release(&image->space, offset, len);
	if (err)
		return err;
	WRITE_ONCE(image->dirty, true);
	vhdx_bat_set(&vhdx->bat, block, state, 0);
	if (owns)
		image->blocks_present--;
	return 0;
}

/**
 * vhdx_block_release() - vhdx_image_release() for VHDX
 * @image: begun
 * @block: held exclusively
 * @how: the state it gets
 *
 * May sleep. Return: 0 or -errno.
 */
int vhdx_block_release(struct vhdx_image *image, u64 block,
		       enum vhdx_release how)
{
	return vhdx_block_give_up(to_vhdx(image), block,
				  how == VHDX_RELEASE_ZERO ?
				  VHDX_BLOCK_ZERO : VHDX_BLOCK_UNMAPPED);
}

/**
 * vhdx_block_move() - vhdx_image_move() for VHDX
 * @image: begun
 * @block: has space, held exclusively; its copy has been written
 * @to: where the copy is
 *
 * Return: 0 or -ENOMEM.
 */
int vhdx_block_move(struct vhdx_image *image, u64 block,
		    const struct vhdx_range *to)
{
	struct vhdx *vhdx = to_vhdx(image);
	u64 entry = vhdx_bat_get(&vhdx->bat, block);
	u64 offset, len;
	int err;

	vhdx_block_space(image, block, &offset, &len);
	err = vhdx_space_release(&image->space, offset, len);
	if (err)
		return err;
	WRITE_ONCE(image->dirty, true);
	/* An anchor goes with its block and does not turn into data. */
	vhdx_bat_set(&vhdx->bat, block, vhdx_entry_state(entry),
		     to->offset_bytes);
	return 0;
}

/**
 * vhdx_block_tidy() - vhdx_image_tidy_entry() for VHDX
 * @image: begun
 * @block: payload block
 *
 * An absent block keeps its state and loses its offset and anchor, which
 * changes nothing that any reader is promised ([MS-VHDX] 2.5.1.1).
 *
 * Return: 0 or -ENOMEM.
 */
int vhdx_block_tidy(struct vhdx_image *image, u64 block)
{
	struct vhdx *vhdx = to_vhdx(image);
	u64 entry = vhdx_bat_get(&vhdx->bat, block);

	if (vhdx_entry_is_present(entry) || !vhdx_entry_offset(entry))
		return 0;
	return vhdx_block_give_up(vhdx, block, vhdx_entry_state(entry));
}

/* ---- commit and truncation ---------------------------------------------- */

static int vhdx_txn_apply(struct vhdx *vhdx, unsigned int count)
{
	struct vhdx_container *c = vhdx->image.container;
	unsigned int i;
	int err = 0;

	for (i = 0; i < count && !err; i++)
		err = vhdx_write(c, vhdx->pages[i].offset_bytes,
				 vhdx->pages[i].data, VHDX_PAGE_BYTES);
	return err;
}

/**
 * vhdx_txn_commit() - make every change durable
 * @image: begun and dirty
 *
 * Also makes durable all data written before. May sleep. Return: 0 or -errno;
 * after an error the caller fails the image.
 */
int vhdx_txn_commit(struct vhdx_image *image)
{
	struct vhdx *vhdx = to_vhdx(image);
	struct vhdx_container *c = image->container;
	int err;

	do {
		unsigned int count = vhdx_bat_take_dirty(&vhdx->bat,
							 vhdx->pages,
							 VHDX_LOG_ENTRY_PAGES);

		err = vhdx_flush(c);
		if (!err)
			err = vhdx_log_append(&vhdx->log, c, vhdx->pages,
					      count, vhdx_size(c));
		if (!err)
			err = vhdx_txn_apply(vhdx, count);
	} while (!err && vhdx->bat.nr_dirty);
	return err;
}

/**
 * vhdx_file_truncate() - cut off the end of the file (R11)
 * @image: begun, nothing dirty
 * @end_bytes: new length, a multiple of 1 MiB; all above it is free
 *
 * Durable on return. May sleep. Return: 0 or -errno.
 */
int vhdx_file_truncate(struct vhdx_image *image, u64 end_bytes)
{
	struct vhdx *vhdx = to_vhdx(image);
	struct vhdx_container *c = image->container;
	int err;

	err = vhdx_flush(c);
	if (!err)
		err = vhdx_log_append(&vhdx->log, c, NULL, 0, end_bytes);
	if (!err)
		err = c->ops->resize(c, end_bytes);
	if (!err)
		err = vhdx_flush(c);
	if (err)
		return err;
	WRITE_ONCE(vhdx->readable_bytes, end_bytes);
	return 0;
}
