// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dynamic header and the BAT of a VHD: every number is checked here, once.
 *
 * Where the data of every block is aligned to 4096 bytes, and in an image that
 * has no block yet, space is managed in units of 4096 bytes and new blocks are
 * aligned too. Images that somebody packed tighter keep units of a sector, and
 * new blocks are packed like the others.
 *
 * Overlaps are found by claiming each block in the space map. That is exact in
 * units of a sector; in units of 4096 bytes it is too, because the data then
 * is whole units, and two bitmaps can share a unit only if their data, behind
 * them, is the same. What may share a unit with a bitmap is a structure of the
 * image, so those are compared with every block byte by byte.
 */
#include "vhd.h"

#define VHD_ALIGNED_SHIFT 12
#define VHD_ALIGNED_BYTES (1U << VHD_ALIGNED_SHIFT)
#define VHD_BAT_CHUNK_BYTES (64 * 1024U)

/* ---- dynamic header ----------------------------------------------------- */

/* Where blocks and structures have to end; see also vhd_footer_place(). */
static u64 vhd_limit_bytes(const struct vhd_opening *o)
{
	u64 end = o->size_bytes;

	if (o->vhd->footer_at_end)
		end = o->vhd->footer_bytes;
	else if (o->container->fixed_size)
		end = ALIGN_DOWN(end, VHD_SECTOR_BYTES) - VHD_FOOTER_BYTES;
	return min_t(u64, end, VHD_FILE_BYTES_MAX);
}

static int vhd_header_read(struct vhd_opening *o)
{
	u64 at = be64_to_cpu(o->vhd->footer.data_offset);
	u64 limit = vhd_limit_bytes(o);
	int err;

	if (!IS_ALIGNED(at, VHD_SECTOR_BYTES) || at < VHD_FOOTER_BYTES ||
	    limit < VHD_HEADER_BYTES || at > limit - VHD_HEADER_BYTES)
		return vhd_found(o, VHDX_F_VHD_HEADER_GEOMETRY, 0, at);
	err = vhdx_read(o->container, at, &o->header, sizeof(o->header));
	if (err)
		return vhdx_report_io(o->report, err, at);
	o->vhd->header_bytes = at;
	return 0;
}

static int vhd_header_judge(struct vhd_opening *o)
{
	const struct vhd_header_disk *header = &o->header;
	u64 at = o->vhd->header_bytes;
	u32 sum = vhd_checksum(header, sizeof(*header),
			       offsetof(struct vhd_header_disk, checksum));
	u32 version = be32_to_cpu(header->header_version);

	if (memcmp(header->cookie, VHD_HEADER_COOKIE, sizeof(header->cookie)))
		return vhd_found(o, VHDX_F_VHD_HEADER_COOKIE, at, 0);
	if (be32_to_cpu(header->checksum) != sum)
		return vhd_found(o, VHDX_F_VHD_HEADER_CHECKSUM, at,
				 be32_to_cpu(header->checksum));
	if (version >> 16 != VHD_HEADER_VERSION >> 16)
		return vhd_found(o, VHDX_F_VHD_HEADER_VERSION, at, version);
	return 0;
}

/* Those of the table that any reader uses. */
static u64 vhd_header_entries(const struct vhd_opening *o)
{
	const struct vhd_image *vhd = o->vhd;
	u64 current_bytes = be64_to_cpu(vhd->footer.current_size);
	u64 entries = current_bytes >> vhd->block_shift;

	if (!IS_ALIGNED(current_bytes, 1ULL << vhd->block_shift))
		entries++;
	entries = min_t(u64, entries,
			be32_to_cpu(o->header.max_table_entries));
	entries = min_t(u64, entries, VHD_BLOCKS_MAX);
	return max(entries, vhd->base.geometry.blocks);
}

static int vhd_header_check_blocks(struct vhd_opening *o)
{
	struct vhdx_geometry *geometry = &o->vhd->base.geometry;
	u32 block_bytes = be32_to_cpu(o->header.block_size);
	u32 entries = be32_to_cpu(o->header.max_table_entries);
	u64 at = o->vhd->header_bytes;
	u64 blocks;

	if (!is_power_of_2(block_bytes) || block_bytes < VHD_BLOCK_BYTES_MIN ||
	    block_bytes > VHD_BLOCK_BYTES_MAX)
		return vhd_found(o, VHDX_F_BLOCK_SIZE, at, block_bytes);
	o->vhd->block_shift = ilog2(block_bytes);
	blocks = (geometry->virtual_bytes + block_bytes - 1) >>
		o->vhd->block_shift;
	if (entries < blocks)
		return vhd_found(o, VHDX_F_BAT_TOO_SMALL, at, entries);
	if (blocks > VHD_BLOCKS_MAX)
		return vhd_found(o, VHDX_F_BLOCK_SIZE, at, block_bytes);
	geometry->block_bytes = block_bytes;
	geometry->blocks = blocks;
	o->vhd->entries = vhd_header_entries(o);
	o->vhd->bitmap_bytes = max_t(u32, VHD_SECTOR_BYTES,
				     ALIGN(block_bytes >>
					   (VHD_SECTOR_SHIFT + 3),
					   VHD_SECTOR_BYTES));
	return 0;
}

static int vhd_header_check_bat(struct vhd_opening *o)
{
	u64 at = be64_to_cpu(o->header.table_offset);
	u64 len = ALIGN((u64)be32_to_cpu(o->header.max_table_entries) *
			sizeof(u32), VHD_SECTOR_BYTES);
	u64 limit = vhd_limit_bytes(o);

	if (!IS_ALIGNED(at, VHD_SECTOR_BYTES) || at < VHD_FOOTER_BYTES ||
	    len > limit || at > limit - len ||
	    vhd_overlap(at, len, o->vhd->header_bytes, VHD_HEADER_BYTES))
		return vhd_found(o, VHDX_F_VHD_BAT_GEOMETRY,
				 o->vhd->header_bytes, at);
	o->vhd->bat_bytes = at;
	o->vhd->bat_len_bytes = len;
	return 0;
}

/* A batmap must be kept true by who writes, and no field says it is there. */
static int vhd_header_check_xen(struct vhd_opening *o)
{
	u32 version = be32_to_cpu(o->vhd->footer.creator_version);
	u64 at = o->vhd->bat_bytes + o->vhd->bat_len_bytes;
	struct vhd_batmap_disk *batmap;
	bool encrypted = false;
	bool has_batmap;
	int err = 0;

	if (!vhd_creator_is(&o->vhd->footer, VHD_CREATOR_XEN))
		return 0;
	if (version == VHD_CREATOR_XEN_LSB_VERSION)
		return vhd_found(o, VHDX_F_VHD_LSB_BITMAPS, 0, version);
	has_batmap = version >= VHD_CREATOR_XEN_BATMAP_VERSION;
	batmap = vhdx_alloc(sizeof(*batmap));
	if (!batmap)
		return vhdx_report_io(o->report, -ENOMEM, at);
	if (at + sizeof(*batmap) <= vhd_limit_bytes(o))
		err = vhdx_read(o->container, at, batmap, sizeof(*batmap));
	if (err)
		err = vhdx_report_io(o->report, err, at);
	if (!memcmp(batmap->cookie, VHD_BATMAP_COOKIE,
		    sizeof(batmap->cookie))) {
		has_batmap = true;
		encrypted = batmap->key_hash_set;
	}
	vhdx_free(batmap);
	if (!err && has_batmap)
		err = vhd_found(o, encrypted ? VHDX_F_VHD_ENCRYPTED :
				VHDX_F_VHD_BATMAP, at, version);
	return err;
}

/**
 * vhd_header_open() - read and check the dynamic header
 * @o: the open; the footer is known
 *
 * Sets everything that has to do with blocks and says where the BAT is. May
 * sleep.
 *
 * Return: 0 or the negative errno of what has been reported.
 */
int vhd_header_open(struct vhd_opening *o)
{
	int err = vhd_header_read(o);

	if (!err)
		err = vhd_header_judge(o);
	if (!err)
		err = vhd_header_check_blocks(o);
	if (!err)
		err = vhd_header_check_bat(o);
	if (!err)
		err = vhd_header_check_xen(o);
	return err;
}

/* ---- BAT ---------------------------------------------------------------- */

static int vhd_bat_alloc(struct vhd_opening *o)
{
	struct vhd_image *vhd = o->vhd;
	u64 blocks = vhd->base.geometry.blocks;

	vhd->bat_sectors = (vhd->entries + VHD_ENTRIES_PER_SECTOR - 1) /
		VHD_ENTRIES_PER_SECTOR;
	vhd->bat = vhdx_alloc((size_t)vhd->bat_sectors * VHD_SECTOR_BYTES);
	vhd->bat_dirty = vhdx_alloc(BITS_TO_LONGS(vhd->bat_sectors) *
				    sizeof(long));
	vhd->full = vhdx_alloc(BITS_TO_LONGS(blocks) * sizeof(long));
	vhd->partial = vhdx_alloc((blocks / VHD_BITMAPS_PER_PAGE + 1) *
				  sizeof(*vhd->partial));
	if (!vhd->bat || !vhd->bat_dirty || !vhd->full || !vhd->partial)
		return vhdx_report_io(o->report, -ENOMEM, vhd->bat_bytes);
	return 0;
}

static int vhd_bat_read(struct vhd_opening *o)
{
	struct vhd_image *vhd = o->vhd;
	u64 len = (u64)vhd->bat_sectors * VHD_SECTOR_BYTES;
	__be32 *chunk = vhdx_alloc(VHD_BAT_CHUNK_BYTES);
	u64 done = 0;
	int err = 0;

	if (!chunk)
		return vhdx_report_io(o->report, -ENOMEM, vhd->bat_bytes);
	while (done < len && !err) {
		u32 n = min_t(u64, len - done, VHD_BAT_CHUNK_BYTES);
		u32 *entry = vhd->bat + done / sizeof(u32);
		u32 i;

		err = vhdx_read(o->container, vhd->bat_bytes + done, chunk, n);
		for (i = 0; i < n / sizeof(u32) && !err; i++)
			entry[i] = be32_to_cpu(chunk[i]);
		done += n;
		vhdx_relax();
	}
	vhdx_free(chunk);
	return err ? vhdx_report_io(o->report, err, vhd->bat_bytes) : 0;
}

static u64 vhd_entry_where(const struct vhd_image *vhd, u64 block)
{
	return vhd->bat_bytes + block * sizeof(u32);
}

static bool vhd_block_in_header(const struct vhd_image *vhd, u64 start)
{
	return start < VHD_FOOTER_BYTES ||
	       vhd_overlap(start, vhd_block_space_bytes(vhd),
			   vhd->header_bytes, VHD_HEADER_BYTES);
}

static bool vhd_block_in_bat(const struct vhd_image *vhd, u64 start)
{
	return vhd_overlap(start, vhd_block_space_bytes(vhd), vhd->bat_bytes,
			   vhd->bat_len_bytes);
}

static int vhd_block_check_structures(struct vhd_opening *o, u64 block,
				      u64 start)
{
	u64 where = vhd_entry_where(o->vhd, block);

	if (vhd_block_in_header(o->vhd, start))
		return vhd_found_but_go_on(o, VHDX_F_BLOCK_IN_HEADER, where,
					   start);
	if (vhd_block_in_bat(o->vhd, start))
		return vhd_found_but_go_on(o, VHDX_F_BLOCK_OVERLAP, where,
					   start);
	return 0;
}

/*
 * Where there is no footer at the end whoever wrote the image may have died
 * while the file grew, so the last block may lack its end; never its bitmap.
 */
static int vhd_block_check_end(struct vhd_opening *o, u64 block, u64 start)
{
	const struct vhd_image *vhd = o->vhd;
	bool may_be_cut = !vhd->footer_at_end && !o->container->fixed_size;
	u64 limit = vhd_limit_bytes(o);
	u64 end = start + vhd_block_space_bytes(vhd);
	u64 where = vhd_entry_where(vhd, block);

	if (end <= limit)
		return 0;
	if (may_be_cut && end <= VHD_FILE_BYTES_MAX &&
	    start + vhd->bitmap_bytes <= limit)
		return vhd_found(o, VHDX_F_BLOCK_CUT, where, start);
	return vhd_found_but_go_on(o, VHDX_F_BLOCK_PAST_END, where, start);
}

/* A block of the disk must be sound. */
static int vhd_block_check(struct vhd_opening *o, u64 block, u64 start)
{
	int err = vhd_block_check_structures(o, block, start);

	return err ? err : vhd_block_check_end(o, block, start);
}

/* One behind the disk that is not where a block can be has no claim. */
static bool vhd_block_behind_counts(const struct vhd_opening *o, u64 start)
{
	u64 end = start + vhd_block_space_bytes(o->vhd);

	return end <= vhd_limit_bytes(o) &&
	       !vhd_block_in_header(o->vhd, start) &&
	       !vhd_block_in_bat(o->vhd, start);
}

/* What the blocks, taken together, say about the file. */
struct vhd_layout {
	bool aligned;
	u64 end_bytes;
};

static int vhd_bat_check(struct vhd_opening *o, struct vhd_layout *layout)
{
	const struct vhd_image *vhd = o->vhd;
	u64 limit = vhd_limit_bytes(o);
	u64 block;
	int err;

	layout->aligned = vhd->base.geometry.block_bytes >= VHD_ALIGNED_BYTES;
	layout->end_bytes = 0;
	for (block = 0; block < vhd->entries; block++) {
		u64 start = vhd_entry_offset_bytes(vhd->bat[block]);
		u64 data = start + vhd->bitmap_bytes;
		bool behind = block >= vhd->base.geometry.blocks;

		if (vhd->bat[block] == VHD_ENTRY_NONE ||
		    (behind && !vhd_block_behind_counts(o, start)))
			continue;
		err = behind ? 0 : vhd_block_check(o, block, start);
		if (err)
			return err;
		if (!IS_ALIGNED(data, VHD_ALIGNED_BYTES))
			layout->aligned = false;
		/* A check goes on behind blocks that are nowhere near. */
		if (start < limit)
			layout->end_bytes = max(layout->end_bytes, start +
						vhd_block_space_bytes(vhd));
		if (!(block % 4096))
			vhdx_relax();
	}
	return 0;
}

static void vhd_layout_apply(struct vhd_image *vhd,
			     const struct vhd_layout *layout)
{
	struct vhdx_image *base = &vhd->base;
	u64 len = vhd_block_space_bytes(vhd);
	u32 shift = layout->aligned ? VHD_ALIGNED_SHIFT : VHD_SECTOR_SHIFT;
	u64 unit = 1ULL << shift;

	base->space.unit_shift = shift;
	base->slot_units = ALIGN(len, unit) >> shift;
	base->slot_lead_bytes = (base->slot_units << shift) - len;
	base->data_lead_bytes = vhd->bitmap_bytes;
	base->geometry.data_alignment = unit;
	base->geometry.physical_bytes = unit;
}

/*
 * Where the footer is missing say where begin() will put it: into the first
 * unit behind everything. A block device has its place at its own end.
 */
static void vhd_footer_place(struct vhd_opening *o,
			     const struct vhd_layout *layout)
{
	struct vhd_image *vhd = o->vhd;
	u64 unit = vhd_unit_bytes(vhd);
	u64 end = max(o->size_bytes, layout->end_bytes);

	vhd->readable_bytes = U64_MAX;
	if (vhd->footer_at_end)
		return;
	vhd->footer_bytes = ALIGN_DOWN(o->size_bytes, VHD_SECTOR_BYTES) -
		VHD_FOOTER_BYTES;
	if (o->container->fixed_size)
		return;
	vhd->footer_bytes = ALIGN(end, unit) + unit - VHD_FOOTER_BYTES;
	vhd->readable_bytes = ALIGN_DOWN(o->size_bytes, VHD_SECTOR_BYTES);
}

/*
 * Blocks behind the disk keep their space, which they may share with each other. An
 * entry that names space of a block of the disk is stale: that block may be moved
 * and the space used again. All are judged before the first has a claim.
 */
static int vhd_bat_claim_behind(struct vhd_opening *o)
{
	struct vhd_image *vhd = o->vhd;
	struct vhdx_space *space = &vhd->base.space;
	const u32 *bat = vhd->bat + vhd->base.geometry.blocks;
	u64 count = vhd->entries - vhd->base.geometry.blocks;
	u64 len = vhd_block_space_bytes(vhd);
	unsigned long *apart;
	u64 i;

	if (!count)
		return 0;
	apart = vhdx_alloc(BITS_TO_LONGS(count) * sizeof(*apart));
	if (!apart)
		return vhdx_report_io(o->report, -ENOMEM, vhd->bat_bytes);
	for (i = 0; i < count; i++) {
		u64 start = vhd_entry_offset_bytes(bat[i]);

		if (bat[i] != VHD_ENTRY_NONE &&
		    vhd_block_behind_counts(o, start) &&
		    vhdx_space_is_free(space, start, len))
			__set_bit(i, apart);
		if (!(i % 4096))
			vhdx_relax();
	}
	for (i = find_next_bit(apart, count, 0); i < count;
	     i = find_next_bit(apart, count, i + 1))
		vhdx_space_claim(space, vhd_entry_offset_bytes(bat[i]), len);
	vhdx_free(apart);
	return 0;
}

static int vhd_bat_claim(struct vhd_opening *o)
{
	struct vhd_image *vhd = o->vhd;
	struct vhdx_space *space = &vhd->base.space;
	u64 len = vhd_block_space_bytes(vhd);
	u64 block;
	int err;

	err = vhdx_space_init(space, space->unit_shift,
			      min_t(u64, vhd->footer_bytes,
				    VHD_FILE_BYTES_MAX));
	if (err)
		return vhdx_report_io(o->report, err, vhd->bat_bytes);
	for (block = 0; block < vhd->base.geometry.blocks; block++) {
		u64 start = vhd_entry_offset_bytes(vhd->bat[block]);

		if (vhd->bat[block] == VHD_ENTRY_NONE)
			continue;
		vhd->base.blocks_present++;
		if (vhdx_space_claim(space, start, len) == -EEXIST) {
			err = vhd_found_but_go_on(o, VHDX_F_BLOCK_OVERLAP,
						  vhd_entry_where(vhd, block),
						  start);
			if (err)
				return err;
		}
		if (!(block % 4096))
			vhdx_relax();
	}
	err = vhd_bat_claim_behind(o);
	if (err)
		return err;
	vhd_claim_structures(vhd);
	return 0;
}

/* Free space at the end that the next session could cut off. */
static int vhd_tail_check(struct vhd_opening *o)
{
	const struct vhdx_space *space = &o->vhd->base.space;
	u64 tail = vhdx_space_tail(space);
	u64 bytes = (space->units - tail) << space->unit_shift;

	/* A footer may be aligned, and a block may be tiny. */
	if (o->container->fixed_size || bytes < 2 * VHD_ALIGNED_BYTES ||
	    bytes < vhd_block_space_bytes(o->vhd))
		return 0;
	return vhd_found(o, VHDX_F_TAIL_UNUSED, tail << space->unit_shift,
			 bytes);
}

/**
 * vhd_bat_open() - read and check the BAT, and build the space map from it
 * @o: the open; the dynamic header is known
 *
 * May sleep.
 *
 * Return: 0 or the negative errno of what has been reported.
 */
int vhd_bat_open(struct vhd_opening *o)
{
	struct vhd_layout layout;
	int err;

	err = vhd_bat_alloc(o);
	if (!err)
		err = vhd_bat_read(o);
	if (!err)
		err = vhd_bat_check(o, &layout);
	if (err)
		return err;
	vhd_layout_apply(o->vhd, &layout);
	vhd_footer_place(o, &layout);
	err = vhd_bat_claim(o);
	if (!err)
		err = vhd_tail_check(o);
	return err;
}
