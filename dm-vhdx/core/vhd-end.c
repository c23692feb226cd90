// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of the file: the footer lives there and moves when the file grows or
 * shrinks.
 *
 * The space map ends with the unit that holds the footer, which therefore is
 * never given to a block. That unit is where the next block would start: the
 * footer is in its last sector, where in aligned images the next bitmap goes.
 * So the file's length is a multiple of the unit, as Windows wants it to be
 * (else it takes the image for an unaligned one).
 *
 * A file grows by: lengthen, footer at the new end, flush; only now the old
 * place of the footer is free. It shrinks by: footer at the new end, over
 * space that is free, flush, shorten, flush. When the power goes in between,
 * the end of the file holds a good footer, or the copy at the start is used
 * and the next session writes the footer again. The copy never moves.
 *
 * A block device neither grows nor shrinks: its footer stays in the device's
 * last sector, the map reaches up to there, and when it is full it is full.
 */
#include "vhd.h"

static int vhd_footer_write(struct vhd_image *vhd, u64 at_bytes)
{
	return vhdx_write(vhd->base.container, at_bytes, &vhd->footer,
			  sizeof(vhd->footer));
}

static int vhd_resize(struct vhd_image *vhd, u64 size_bytes)
{
	struct vhdx_container *c = vhd->base.container;

	return c->ops->resize(c, size_bytes);
}

/**
 * vhd_unit_has_structure() - a header or the BAT is in this unit
 * @vhd: a dynamic image
 * @unit: of the space map, or the one behind it
 *
 * Such a unit never becomes free.
 */
bool vhd_unit_has_structure(const struct vhd_image *vhd, u64 unit)
{
	u64 start = unit << vhd->base.space.unit_shift;
	u64 len = vhd_unit_bytes(vhd);

	return start < VHD_FOOTER_BYTES ||
		vhd_overlap(start, len, vhd->header_bytes, VHD_HEADER_BYTES) ||
		vhd_overlap(start, len, vhd->bat_bytes, vhd->bat_len_bytes);
}

/* As far as the map reaches. */
static void vhd_claim(struct vhd_image *vhd, u64 offset_bytes, u64 len_bytes)
{
	struct vhdx_space *space = &vhd->base.space;
	u64 end = min(offset_bytes + len_bytes,
		      space->units << space->unit_shift);

	if (offset_bytes < end)
		vhdx_space_claim(space, offset_bytes, end - offset_bytes);
}

/**
 * vhd_claim_structures() - keep blocks off the headers and the BAT
 * @vhd: a dynamic image
 *
 * To be repeated when the map has grown. A bitmap may share a unit with them:
 * that they do not overlap was found when the image was opened. One that is in
 * the footer's unit, behind the map, keeps the file from being cut in front of
 * it.
 */
void vhd_claim_structures(struct vhd_image *vhd)
{
	u64 end = max(vhd->header_bytes + VHD_HEADER_BYTES,
		      vhd->bat_bytes + vhd->bat_len_bytes);

	vhd->base.space.floor = ALIGN(end, vhd_unit_bytes(vhd)) >>
				vhd->base.space.unit_shift;
	vhd_claim(vhd, 0, VHD_FOOTER_BYTES);
	vhd_claim(vhd, vhd->header_bytes, VHD_HEADER_BYTES);
	vhd_claim(vhd, vhd->bat_bytes, vhd->bat_len_bytes);
}

static int vhd_begin_copy(struct vhd_image *vhd)
{
	int err = 0;

	if (vhd->copy_good)
		return 0;
	err = vhd_footer_write(vhd, 0);
	if (!err)
		err = vhdx_flush(vhd->base.container);
	vhd->copy_good = !err;
	return err;
}

/*
 * What there is of a cut sector has read as zeros and will go on so. Flushed, or
 * the greater length might survive without the zeros. Not cut off: at another length
 * other bytes are at the end, and might be taken for a footer.
 */
static int vhd_begin_zero_fragment(struct vhd_image *vhd)
{
	static const u8 zeros[VHD_SECTOR_BYTES];
	struct vhdx_container *c = vhd->base.container;
	u64 size = vhdx_size(c);
	int err;

	if (vhd->readable_bytes >= size)
		return 0;
	err = vhdx_write(c, vhd->readable_bytes, zeros,
			 size - vhd->readable_bytes);
	return err ? err : vhdx_flush(c);
}

static int vhd_begin_end(struct vhd_image *vhd)
{
	struct vhdx_container *c = vhd->base.container;
	int err;

	if (vhd->footer_at_end)
		return 0;
	err = vhd_begin_zero_fragment(vhd);
	if (!err && !c->fixed_size)
		err = vhd_resize(vhd, vhd->footer_bytes + VHD_FOOTER_BYTES);
	if (!err)
		err = vhd_footer_write(vhd, vhd->footer_bytes);
	if (!err)
		err = vhdx_flush(c);
	if (err)
		return err;
	vhd->footer_at_end = true;
	/* What had been cut off is back, as zeros. */
	WRITE_ONCE(vhd->readable_bytes, U64_MAX);
	return 0;
}

/**
 * vhd_begin() - start a session: both footers are good before all else changes
 * @image: the image
 *
 * One of them is good at any moment. Durable on return; may sleep.
 *
 * Return: 0 or -errno.
 */
int vhd_begin(struct vhdx_image *image)
{
	struct vhd_image *vhd = vhd_image(image);
	int err;

	if (image->geometry.type == VHDX_TYPE_FIXED)
		return 0;
	err = vhd_begin_copy(vhd);
	if (!err)
		err = vhd_begin_end(vhd);
	return err;
}

/*
 * The footer's unit for a file with room for @slots more blocks. They start in
 * the free units at the end of the map if there are any, else where the footer
 * is now.
 */
static u64 vhd_grown_unit(const struct vhd_image *vhd, u64 slots)
{
	const struct vhdx_space *space = &vhd->base.space;
	u64 first = vhdx_space_tail(space);

	if (first == space->units && vhd_unit_has_structure(vhd, first))
		first++;
	return first + slots * vhd->base.slot_units;
}

/* Undo a growth that has failed before anything depended on it. */
static int vhd_grow_undo(struct vhd_image *vhd, u64 old_size, int err)
{
	vhdx_space_resize(&vhd->base.space,
			  min_t(u64, vhd->footer_bytes, VHD_FILE_BYTES_MAX));
	if (vhd_resize(vhd, old_size))
		return vhdx_image_metadata_result(&vhd->base, err);
	return vhdx_image_change_result(&vhd->base, err);
}

static int vhd_grow_to(struct vhd_image *vhd, u64 unit)
{
	struct vhdx_space *space = &vhd->base.space;
	struct vhdx_container *c = vhd->base.container;
	u64 footer = ((unit + 1) << space->unit_shift) - VHD_FOOTER_BYTES;
	u64 old_size = vhdx_size(c);
	int err;

	err = vhdx_space_resize(space, unit << space->unit_shift);
	if (err)
		return err;
	err = vhd_resize(vhd, footer + VHD_FOOTER_BYTES);
	if (!err)
		err = vhd_footer_write(vhd, footer);
	if (err)
		return vhd_grow_undo(vhd, old_size, err);
	err = vhdx_flush(c);
	if (err)
		return vhdx_image_metadata_result(&vhd->base, err);
	vhd->footer_bytes = footer;
	vhd_claim_structures(vhd);
	return 0;
}

/**
 * vhd_grow() - make room for at least one more block at the end of the file
 * @vhd: a dynamic image; its session has begun
 *
 * By base.grow_bytes at least, so that the flush is shared by many blocks.
 * Durable on return; may sleep.
 *
 * Return: 0; -ENOSPC, -ENOMEM and nothing has changed; else -errno and the
 * image has failed.
 */
int vhd_grow(struct vhd_image *vhd)
{
	u32 shift = vhd->base.space.unit_shift;
	u64 max_unit = (VHD_FILE_BYTES_MAX >> shift) - 1;
	u64 slots = ((u64)vhd->base.grow_bytes +
		     vhd->base.geometry.block_bytes - 1) >> vhd->block_shift;
	u64 unit;

	/* No entry can name what is behind a footer that is there. */
	if (vhd->base.container->fixed_size ||
	    vhd->footer_bytes > VHD_FILE_BYTES_MAX)
		return -ENOSPC;
	unit = vhd_grown_unit(vhd, max_t(u64, slots, 1));
	if (unit > max_unit)
		unit = vhd_grown_unit(vhd, 1);
	return unit > max_unit ? -ENOSPC : vhd_grow_to(vhd, unit);
}

/**
 * vhd_truncate() - shorten the file
 * @image: a dynamic image in a file; its session has begun, everything is
 *	committed
 * @end_bytes: all units from here on are free; becomes the end of the map
 *
 * R11. Durable on return; may sleep.
 *
 * Return: 0 or -errno.
 */
int vhd_truncate(struct vhdx_image *image, u64 end_bytes)
{
	struct vhd_image *vhd = vhd_image(image);
	struct vhdx_container *c = image->container;
	u64 size = end_bytes + vhd_unit_bytes(vhd);
	u64 footer = size - VHD_FOOTER_BYTES;
	int err;

	if (size >= vhdx_size(c))
		return 0;
	err = vhd_footer_write(vhd, footer);
	if (!err)
		err = vhdx_flush(c);
	if (!err)
		err = vhd_resize(vhd, size);
	if (!err)
		err = vhdx_flush(c);
	if (err)
		return vhdx_image_metadata_result(image, err);
	vhd->footer_bytes = footer;
	return 0;
}
