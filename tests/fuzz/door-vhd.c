// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhd: taken for a VHD whatever it looks like; opened, checked, read, written.
 */
#include <inttypes.h>

#include "door.h"
#include "vhd.h"
#include "work.h"

const enum door_focus door_focus = DOOR_VHD;

static void look(struct picture *picture, enum how how, bool keep_going)
{
	struct opened opened;

	if (judge_open(&opened, &picture->host, picture, how, keep_going)) {
		judge_view(&opened, NULL);
		judge_space(&opened);
	}
	judge_close(&opened);
}

/* ---- what is behind the disk ------------------------------------------------- */

/*
 * A disk by Virtual PC can be smaller than the footer's current size, by which
 * most others go: what they would show behind it stays as it is.
 */
struct behind {
	u64 at[16];
	u64 len;
	unsigned int count;
	struct store before;
};

static u64 get_be(const struct ram *ram, u64 at, unsigned int bytes)
{
	u8 field[8];
	u64 value = 0;
	unsigned int i;

	ram_peek(ram, at, field, bytes);
	for (i = 0; i < bytes; i++)
		value = value << 8 | field[i];
	return value;
}

/* Nothing of the disk has a part of it. */
static bool is_apart(struct vhdx_image *image, u64 at, u64 len)
{
	const struct vhd_image *vhd = vhd_image(image);
	u64 block, offset, space;

	if (at < VHD_FOOTER_BYTES || at + len > vhd->footer_bytes ||
	    vhd_overlap(at, len, vhd->header_bytes, VHD_HEADER_BYTES) ||
	    vhd_overlap(at, len, vhd->bat_bytes, vhd->bat_len_bytes))
		return false;
	for (block = 0; block < image->geometry.blocks; block++)
		if (vhdx_image_block_space(image, block, &offset, &space) &&
		    vhd_overlap(at, len, offset, space))
			return false;
	return true;
}

static void find_behind(struct behind *behind, struct vhdx_image *image,
			const struct ram *ram)
{
	const struct vhd_image *vhd = vhd_image(image);
	const struct vhdx_geometry *g = &image->geometry;
	u64 size = be64_to_cpu(vhd->footer.current_size);
	u64 i, end;

	if (g->type == VHDX_TYPE_FIXED || g->blocks > JUDGE_BLOCKS ||
	    !vhd->footer_at_end || size > JUDGE_VIRTUAL_BYTES)
		return;
	behind->len = vhd_block_space_bytes(vhd);
	end = min_t(u64, DIV_ROUND_UP_ULL(size, g->block_bytes),
		    get_be(ram, vhd->header_bytes + 28, 4));
	for (i = g->blocks; i < end && behind->count < 16; i++) {
		u64 at = get_be(ram, vhd->bat_bytes + 4 * i, 4) << 9;

		if (is_apart(image, at, behind->len))
			behind->at[behind->count++] = at;
	}
}

static void remember_behind(struct behind *behind, struct picture *picture)
{
	struct opened opened;

	memset(behind, 0, sizeof(*behind));
	if (judge_open(&opened, &picture->host, picture, FOR_READING, false))
		find_behind(behind, opened.image, &picture->host.ram);
	judge_close(&opened);
	if (behind->count)
		store_clone(&behind->before, &picture->host.ram.store);
}

static void judge_behind(struct behind *behind, const struct ram *ram)
{
	u8 was[VHD_SECTOR_BYTES], is[VHD_SECTOR_BYTES];
	unsigned int i;
	u64 at;

	for (i = 0; i < behind->count; i++) {
		u64 end = behind->at[i] + behind->len;

		for (at = behind->at[i]; at < end; at += sizeof(is)) {
			store_read(&behind->before, at, was, sizeof(was));
			ram_peek(ram, at, is, sizeof(is));
			if (at >= ram->size || memcmp(was, is, sizeof(is)))
				judge_die("what is behind the disk, at %" PRIu64
					  ", is not what it was", at);
		}
	}
	if (behind->count)
		store_destroy(&behind->before);
}

/* ---- all of it ---------------------------------------------------------------- */

void door(struct picture *picture)
{
	struct behind behind;
	struct work work;

	if (picture->host.ram.size > PICTURE_MAX_VHD_BYTES)
		return;
	picture->flags &= ~PICTURE_AS_VHDX;
	picture->flags |= PICTURE_AS_VHD;
	look(picture, FOR_READING, false);
	look(picture, FOR_CHECK, true);
	if (ram_changes(&picture->host.ram))
		judge_die("written to, though only opened");
	remember_behind(&behind, picture);
	if (work_start(&work, picture, &picture->host)) {
		work_do(&work);
		work_stop(&work, true);
	}
	judge_behind(&behind, &picture->host.ram);
}
