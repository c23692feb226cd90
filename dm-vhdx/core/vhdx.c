// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening a VHDX image: every number in it is checked here, in the order of
 * its parts, and trusted from then on. Nothing is written.
 */
#include "vhdx.h"

/* Where the checks of this file put their context. */
struct vhdx_opening {
	struct vhdx *vhdx;
	struct vhdx_container *c;
	const struct vhdx_open_options *options;
	struct vhdx_report *report;
};

/* A finding that refuses writing at most. */
static int vhdx_open_note(struct vhdx_opening *o, enum vhdx_finding finding,
			  u64 where, u64 value)
{
	bool refuses = o->options->writable &&
		       vhdx_finding_severity(finding) == VHDX_SEVERITY_WRITE;
	int err = 0;

	if (o->options->check || refuses)
		err = vhdx_report(o->report, finding, where, value);
	return refuses ? err : 0;
}

static int vhdx_open_file_id(struct vhdx_opening *o)
{
	u8 signature[8];
	int err;

	if (vhdx_size(o->c) < VHDX_HEADER_SECTION_BYTES)
		return vhdx_report(o->report, VHDX_F_TOO_SHORT, 0,
				   vhdx_size(o->c));
	/* A sparse file may be; it must not cost memory to find that out. */
	if (vhdx_size(o->c) > VHDX_MAX_FILE_BYTES)
		return vhdx_report(o->report, VHDX_F_TOO_LONG, 0,
				   vhdx_size(o->c));
	err = vhdx_read(o->c, VHDX_FILE_ID_OFFSET, signature,
			sizeof(signature));
	if (err)
		return vhdx_report_io(o->report, err, VHDX_FILE_ID_OFFSET);
	if (memcmp(signature, VHDX_FILE_ID_SIGNATURE, sizeof(signature)))
		return vhdx_report(o->report, VHDX_F_NOT_AN_IMAGE,
				   VHDX_FILE_ID_OFFSET, 0);
	return 0;
}

static int vhdx_open_headers(struct vhdx_opening *o)
{
	struct vhdx_headers *headers = &o->vhdx->headers;
	int err = vhdx_headers_read(headers, o->c, o->report);

	if (err)
		return err;
	if (headers->other_invalid)
		vhdx_open_note(o, VHDX_F_HEADER_ONE_INVALID,
			       headers->slot ? VHDX_HEADER1_OFFSET :
					       VHDX_HEADER2_OFFSET, 0);
	return 0;
}

static int vhdx_open_log(struct vhdx_opening *o)
{
	const struct vhdx_header_disk *header = o->vhdx->headers.page;
	u64 offset = le64_to_cpu(header->log_offset);
	u32 len = le32_to_cpu(header->log_length);
	struct vhdx *vhdx = o->vhdx;
	int err;

	if (!len || !IS_ALIGNED(len, VHDX_MIB) || offset < VHDX_MIB ||
	    !IS_ALIGNED(offset, VHDX_MIB) || len > VHDX_MAX_LOG_BYTES ||
	    offset > vhdx_size(o->c) || len > vhdx_size(o->c) - offset)
		return vhdx_report(o->report, VHDX_F_LOG_GEOMETRY, offset, len);
	vhdx->log.offset_bytes = offset;
	vhdx->log.len_bytes = len;
	if (vhdx_guid_is_zero(&header->log_guid))
		return 0;
	vhdx_open_note(o, VHDX_F_LOG_DIRTY, offset, len);
	err = vhdx_log_replay(o->c, offset, len, &header->log_guid,
			      &vhdx->overlay, o->report);
	vhdx->image.needs_replay = true;
	return err;
}

static int vhdx_open_space(struct vhdx_opening *o)
{
	struct vhdx *vhdx = o->vhdx;
	struct vhdx_space *space = &vhdx->image.space;
	u64 size = vhdx_overlay_size(&vhdx->overlay, o->c);
	int err;

	/* Extents that it cuts consist of whole sectors. */
	vhdx->readable_bytes = ALIGN_DOWN(vhdx_size(o->c), SECTOR_SIZE);
	vhdx->needed_bytes = size;
	err = vhdx_space_init(space, ilog2(VHDX_MIB), size);
	if (err)
		return vhdx_report_io(o->report, err, 0);
	vhdx_space_claim(space, 0, VHDX_HEADER_SECTION_BYTES);
	vhdx_space_claim(space, vhdx->log.offset_bytes, vhdx->log.len_bytes);
	return vhdx_regions_read(&vhdx->regions, o->c, &vhdx->overlay, space,
				 o->options->check, o->report);
}

/* The log may only change what is logged: regions and region tables. */
static int vhdx_open_check_log_targets(struct vhdx_opening *o)
{
	const struct vhdx_region *bat = &o->vhdx->regions.bat;
	const struct vhdx_region *metadata = &o->vhdx->regions.metadata;
	const struct vhdx_overlay *overlay = &o->vhdx->overlay;
	size_t i;

	for (i = 0; i < overlay->count; i++) {
		u64 start = overlay->patch[i].offset_bytes;
		u64 end = start + overlay->patch[i].len_bytes;

		if (end <= VHDX_HEADER_SECTION_BYTES ||
		    (start >= bat->offset_bytes &&
		     end <= bat->offset_bytes + bat->len_bytes) ||
		    (start >= metadata->offset_bytes &&
		     end <= metadata->offset_bytes + metadata->len_bytes))
			continue;
		return vhdx_report(o->report, VHDX_F_LOG_TARGET, start,
				   end - start);
	}
	return 0;
}

static int vhdx_open_metadata(struct vhdx_opening *o)
{
	struct vhdx *vhdx = o->vhdx;
	struct vhdx_metadata *m = &vhdx->metadata;
	struct vhdx_geometry *g = &vhdx->image.geometry;
	int err = vhdx_metadata_read(m, o->c, &vhdx->overlay,
				     &vhdx->regions.metadata, o->report);

	if (err)
		return err;
	vhdx->block_shift = ilog2(m->block_bytes);
	g->format = VHDX_FORMAT_VHDX;
	g->type = m->leave_blocks_allocated ? VHDX_TYPE_FIXED :
					      VHDX_TYPE_DYNAMIC;
	g->virtual_bytes = m->virtual_bytes;
	g->block_bytes = m->block_bytes;
	g->blocks = (m->virtual_bytes + m->block_bytes - 1) >>
		    vhdx->block_shift;
	g->sector_bytes = m->sector_bytes;
	g->physical_bytes = m->physical_bytes;
	g->data_alignment = VHDX_MIB;
	memcpy(g->id, &m->disk_id, sizeof(g->id));
	vhdx->image.slot_units = m->block_bytes >> ilog2(VHDX_MIB);
	return 0;
}

/* ---- BAT entries -------------------------------------------------------- */

/* Bytes of a block that the disk needs: less than a block only at its end. */
static u64 vhdx_open_needed_bytes(const struct vhdx *vhdx, u64 block)
{
	const struct vhdx_geometry *g = &vhdx->image.geometry;

	return min_t(u64, g->block_bytes,
		     g->virtual_bytes - (block << vhdx->block_shift));
}

/*
 * A last block may be cut off by the end of the file as long as what the disk
 * needs of it is there: old QEMU versions wrote such files. A writer completes
 * it, which no device lets him.
 */
static int vhdx_open_cut_block(struct vhdx_opening *o, u64 block, u64 offset,
			       u64 end)
{
	struct vhdx *vhdx = o->vhdx;
	u64 size = vhdx_overlay_size(&vhdx->overlay, o->c);
	enum vhdx_finding finding = VHDX_F_BLOCK_PAST_END;
	int err;

	if (vhdx->image.geometry.type == VHDX_TYPE_FIXED)
		finding = VHDX_F_FIXED_INCOMPLETE;
	if (end <= vhdx->needed_bytes)
		return 0;
	if (offset >= size ||
	    size - offset < vhdx_open_needed_bytes(vhdx, block))
		return vhdx_report(o->report, finding, offset, block);
	finding = o->c->fixed_size ? VHDX_F_BLOCK_CUT_ON_DEVICE :
				     VHDX_F_BLOCK_CUT;
	err = vhdx_open_note(o, finding, offset, block);
	if (err)
		return err;
	err = vhdx_space_resize(&vhdx->image.space, end);
	if (err)
		return vhdx_report_io(o->report, err, offset);
	vhdx->needed_bytes = end;
	return 0;
}

static int vhdx_open_claim_block(struct vhdx_opening *o, u64 block, u64 entry)
{
	u64 offset = vhdx_entry_offset(entry);
	u64 len = o->vhdx->image.geometry.block_bytes;
	u64 end;
	int err;

	if (offset < VHDX_HEADER_SECTION_BYTES)
		return vhdx_report(o->report, VHDX_F_BLOCK_IN_HEADER, offset,
				   block);
	if (check_add_overflow(offset, len, &end))
		return vhdx_report(o->report, VHDX_F_BLOCK_PAST_END, offset,
				   block);
	err = vhdx_open_cut_block(o, block, offset, end);
	if (err)
		return err;
	if (vhdx_space_claim(&o->vhdx->image.space, offset, len))
		return vhdx_report(o->report, VHDX_F_BLOCK_OVERLAP, offset,
				   block);
	o->vhdx->image.blocks_present++;
	return 0;
}

static int vhdx_open_payload_entry(struct vhdx_opening *o, u64 block, u64 entry,
				   u64 where)
{
	if (entry & VHDX_BAT_RESERVED_MASK)
		return vhdx_report(o->report, VHDX_F_BAT_RESERVED_BITS, where,
				   entry);
	switch (vhdx_entry_state(entry)) {
	case VHDX_BLOCK_FULLY_PRESENT:
		return vhdx_open_claim_block(o, block, entry);
	case VHDX_BLOCK_UNDEFINED:
	case VHDX_BLOCK_UNMAPPED:
		if (!vhdx_entry_offset(entry))
			return 0;
		vhdx_open_note(o, VHDX_F_BLOCK_ANCHOR, where, entry);
		return vhdx_open_claim_block(o, block, entry);
	case VHDX_BLOCK_NOT_PRESENT:
	case VHDX_BLOCK_ZERO:
		if (vhdx_entry_offset(entry))
			vhdx_open_note(o, VHDX_F_ENTRY_OFFSET_UNUSED, where,
				       entry);
		return 0;
	default:
		return vhdx_report(o->report, VHDX_F_BAT_STATE, where, entry);
	}
}

static int vhdx_open_page(struct vhdx_opening *o, u64 page)
{
	const struct vhdx_bat *bat = &o->vhdx->bat;
	u64 ratio = 1ULL << bat->ratio_shift;
	u64 first = page * VHDX_BAT_ENTRIES_PER_PAGE;
	u64 end = min(first + VHDX_BAT_ENTRIES_PER_PAGE, bat->entries);
	u64 in_chunk = first % (ratio + 1);
	u64 block = first / (ratio + 1) * ratio + in_chunk;
	int err, result = 0;
	u64 i;

	for (i = first; i < end; i++) {
		u64 entry = vhdx_bat_get_index(bat, i);
		u64 where = bat->offset_bytes + i * 8;

		if (in_chunk == ratio) {
			in_chunk = 0;
			continue;
		}
		err = vhdx_open_payload_entry(o, block, entry, where);
		if (err && !o->report->keep_going)
			return err;
		result = result ? result : err;
		block++;
		in_chunk++;
	}
	return result;
}

/*
 * Images with bitmaps that nothing needs exist: keep off their space. After the
 * blocks, as nobody reads a bitmap: where a block has it too the block counts,
 * whichever comes first in the table, or a block that is written there later
 * could not be opened again.
 */
static void vhdx_open_bitmaps(struct vhdx_opening *o)
{
	const struct vhdx_bat *bat = &o->vhdx->bat;
	u64 ratio = 1ULL << bat->ratio_shift;
	u64 i;

	for (i = ratio; i < bat->entries; i += ratio + 1) {
		u64 entry = vhdx_bat_get_index(bat, i);

		if (!entry)
			continue;
		vhdx_open_note(o, VHDX_F_BAT_BITMAP_UNEXPECTED,
			       bat->offset_bytes + i * 8, entry);
		if (vhdx_entry_offset(entry))
			vhdx_space_claim(&o->vhdx->image.space,
					 vhdx_entry_offset(entry), VHDX_MIB);
	}
}

static int vhdx_open_entries(struct vhdx_opening *o)
{
	int err, result = 0;
	u64 page;

	for (page = 0; page < o->vhdx->bat.pages; page++) {
		if (!o->vhdx->bat.page[page])
			continue;
		err = vhdx_open_page(o, page);
		if (err && !o->report->keep_going)
			return err;
		result = result ? result : err;
		vhdx_relax();
	}
	vhdx_open_bitmaps(o);
	return result;
}

static int vhdx_open_bat(struct vhdx_opening *o)
{
	const struct vhdx_geometry *g = &o->vhdx->image.geometry;
	const struct vhdx_region *region = &o->vhdx->regions.bat;
	struct vhdx_bat *bat = &o->vhdx->bat;
	u64 chunk_bytes = VHDX_CHUNK_SECTORS * g->sector_bytes;
	int err;

	bat->offset_bytes = region->offset_bytes;
	bat->blocks = g->blocks;
	bat->ratio_shift = ilog2(chunk_bytes) - o->vhdx->block_shift;
	if (vhdx_bat_entry_count(bat->blocks, bat->ratio_shift) >
	    region->len_bytes / 8)
		return vhdx_report(o->report, VHDX_F_BAT_TOO_SMALL,
				   region->offset_bytes, region->len_bytes);
	err = vhdx_bat_load(bat, o->c, &o->vhdx->overlay, o->report);
	return err ? err : vhdx_open_entries(o);
}

static void vhdx_open_note_tail(struct vhdx_opening *o)
{
	const struct vhdx_space *space = &o->vhdx->image.space;
	u64 tail = vhdx_space_tail(space) << space->unit_shift;

	if (o->vhdx->image.geometry.type != VHDX_TYPE_FIXED &&
	    !o->c->fixed_size && tail < vhdx_size(o->c))
		vhdx_open_note(o, VHDX_F_TAIL_UNUSED, tail,
			       vhdx_size(o->c) - tail);
}

static int vhdx_open_parts(struct vhdx_opening *o)
{
	int err;

	err = vhdx_open_file_id(o);
	if (!err)
		err = vhdx_open_headers(o);
	if (!err)
		err = vhdx_open_log(o);
	if (!err)
		err = vhdx_open_space(o);
	if (!err)
		err = vhdx_open_check_log_targets(o);
	if (!err)
		err = vhdx_open_metadata(o);
	if (!err)
		err = vhdx_open_bat(o);
	if (!err)
		vhdx_open_note_tail(o);
	return err;
}

static void vhdx_close(struct vhdx_image *image)
{
	struct vhdx *vhdx = to_vhdx(image);

	vhdx_free(vhdx->pages);
	vhdx_log_stop(&vhdx->log);
	vhdx_bat_destroy(&vhdx->bat);
	vhdx_space_destroy(&image->space);
	vhdx_overlay_destroy(&vhdx->overlay);
	vhdx_headers_destroy(&vhdx->headers);
	vhdx_free(vhdx);
}

static const struct vhdx_image_ops vhdx_image_ops = {
	.close = vhdx_close,
	.map = vhdx_map,
	.plan_discard = vhdx_plan_discard,
	.plan_zero = vhdx_plan_zero,
	.block_space = vhdx_block_space,
	.back = vhdx_session_back,
	.begin = vhdx_session_begin,
	.begin_data_change = vhdx_begin_data_change,
	.prepare_write = vhdx_block_prepare_write,
	.release = vhdx_block_release,
	.move = vhdx_block_move,
	.tidy_entry = vhdx_block_tidy,
	.needs_tidy = vhdx_block_needs_tidy,
	.commit = vhdx_txn_commit,
	.truncate = vhdx_file_truncate,
	.finish = vhdx_session_finish,
};

/**
 * vhdx_open() - vhdx_image_open() for VHDX
 * @container: the file
 * @options: how
 * @report: for findings
 * @image: result
 *
 * May sleep, writes nothing. Return: 0 or the errno of the finding.
 */
int vhdx_open(struct vhdx_container *container,
	      const struct vhdx_open_options *options,
	      struct vhdx_report *report, struct vhdx_image **image)
{
	struct vhdx *vhdx = vhdx_alloc(sizeof(*vhdx));
	struct vhdx_opening o = {
		.vhdx = vhdx,
		.c = container,
		.options = options,
		.report = report,
	};
	int err;

	if (!vhdx)
		return vhdx_report_io(report, -ENOMEM, 0);
	vhdx->image.ops = &vhdx_image_ops;
	vhdx->image.container = container;
	vhdx->image.writable = options->writable;
	vhdx->image.grow_bytes = options->grow_bytes;
	err = vhdx_open_parts(&o);
	if (err) {
		vhdx_close(&vhdx->image);
		return err;
	}
	*image = &vhdx->image;
	return 0;
}
