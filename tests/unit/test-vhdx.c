// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening a VHDX: what is sound is read right, every bound is found and named,
 * and nothing is written. The images are made by hand.
 */
#include "vhdx-session.h"

/* ---- sound images --------------------------------------------------------- */

static void a_sound_image_has_no_findings(void **state)
{
	unsigned int how;
	struct vhdx_usage usage;

	(void)state;
	for (how = 0; how < 4; how++) {
		assert_int_equal(try_open(how & 1, how & 2), 0);
		assert_finding(VHDX_F_NONE);
		assert_int_equal(report.count[VHDX_SEVERITY_UNTIDY], 0);
	}
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.blocks_present, 3);
	assert_int_equal(usage.free_bytes, 0);
	assert_int_equal(usage.pending_bytes, 0);
	assert_false(vhdx_image_needs_replay(image));
	assert_false(vhdx_image_is_dirty(image));
	assert_block(0, vb_block_byte(0));
	assert_block(2, vb_block_byte(2));
	assert_block(3, 0);
	assert_block(15, 0);
}

static void geometry_is_what_the_items_say(void **state)
{
	static const struct {
		u64 virtual_bytes;
		u32 block, sector, physical, flags;
		u64 blocks;
	} t[] = {
		{ 512, MIB, 512, 512, 0, 1 },
		{ 10 * MIB + 512, MIB, 512, 4096, 0, 11 },
		{ 10 * MIB, MIB, 4096, 4096, 0, 10 },
		{ 127 * MIB, 2 * MIB, 4096, 512, 0, 64 },
		{ 100ULL << 30, 32 * MIB, 512, 4096, 0, 3200 },
		{ 100ULL << 30, 256 * MIB, 4096, 4096, 0, 400 },
		{ 64ULL << 40, 256 * MIB, 512, 4096, 0, 262144 },
		{ 5 * MIB, MIB, 512, 512, 1, 5 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		const struct vhdx_build b = {
			.virtual_bytes = t[i].virtual_bytes,
			.block_bytes = t[i].block,
			.sector_bytes = t[i].sector,
			.physical_bytes = t[i].physical,
			.flags = t[i].flags,
			.present = 1,
		};
		const struct vhdx_geometry *g;

		make(&b);
		assert_int_equal(try_open(false, true), 0);
		assert_finding(VHDX_F_NONE);
		g = vhdx_image_geometry(image);
		assert_int_equal(g->format, VHDX_FORMAT_VHDX);
		assert_int_equal(g->type, t[i].flags ? VHDX_TYPE_FIXED :
						       VHDX_TYPE_DYNAMIC);
		assert_int_equal(g->virtual_bytes, t[i].virtual_bytes);
		assert_int_equal(g->block_bytes, t[i].block);
		assert_int_equal(g->blocks, t[i].blocks);
		assert_int_equal(g->sector_bytes, t[i].sector);
		assert_int_equal(g->physical_bytes, t[i].physical);
		assert_int_equal(g->data_alignment, MIB);
		assert_int_equal(g->id[0], 0xA5);
		assert_ptr_equal(vhdx_image_container(image), &ram.container);
	}
}

/* Blocks of several chunks, before and behind each bitmap entry. */
static void assert_chunks(u32 block_bytes, u32 sector_bytes)
{
	const struct vhdx_build b = {
		.virtual_bytes = 4ULL * (1 << 23) * sector_bytes,
		.block_bytes = block_bytes,
		.sector_bytes = sector_bytes,
	};
	u64 block, at, chunk;

	make(&b);
	at = vb.blocks_at;
	for (chunk = 0; chunk < 4; chunk++) {
		for (block = chunk * vb.ratio; block < (chunk + 1) * vb.ratio;
		     block += vb.ratio - 1) {
			vb_set(&ram, &vb, block, VB_PRESENT, at);
			vb_fill_block(&ram, &vb, block, at);
			at += block_bytes;
		}
	}
	ram.size = at;
	assert_int_equal(try_open(false, true), 0);
	assert_finding(VHDX_F_NONE);
	for (chunk = 0; chunk < 4; chunk++) {
		block = chunk * vb.ratio;
		assert_block(block, vb_block_byte(block));
		assert_block(block + 1, 0);
		assert_block(block + vb.ratio - 2, 0);
		block += vb.ratio - 1;
		assert_block(block, vb_block_byte(block));
	}
}

static void chunks_are_found(void **state)
{
	static const u32 blocks[] = { MIB, 2 * MIB, 32 * MIB, 256 * MIB };
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		assert_chunks(blocks[i], 512);
		assert_chunks(blocks[i], 4096);
	}
}

/* 64 TiB in blocks of 1 MiB: a BAT of 513 MiB, of which little is used. */
static void the_largest_disk_opens(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 64ULL << 40,
		.block_bytes = MIB,
		.present = 1,
	};
	const u64 last = (64ULL << 20) - 1;

	(void)state;
	make(&b);
	assert_int_equal(vb.bat_bytes, 513 * MIB);
	vb_set(&ram, &vb, last, VB_PRESENT, vb.end);
	vb_fill_block(&ram, &vb, last, vb.end);
	assert_int_equal(try_open(false, true), 0);
	assert_finding(VHDX_F_NONE);
	assert_block(0, vb_block_byte(0));
	assert_block(last, vb_block_byte(last));
	assert_block(last - 1, 0);
	assert_int_equal(vhdx_image_read(image, b.virtual_bytes - 1, &found,
					 2), -EINVAL);
}

static void the_format_can_be_found_out(void **state)
{
	const struct vhdx_open_options any = { .any_format = true };
	const struct vhdx_open_options vhd = { .format = VHDX_FORMAT_VHD };

	(void)state;
	assert_int_equal(open_with(&any), 0);
	assert_int_equal(vhdx_image_geometry(image)->format,
			 VHDX_FORMAT_VHDX);
	assert_int_not_equal(open_with(&vhd), 0);
	ram_poke(&ram, 0, "vhdxfilE", 8);
	assert_int_not_equal(open_with(&any), 0);
	assert_finding(VHDX_F_NOT_AN_IMAGE);
	/* Too short to be either. */
	ram.size = 7;
	assert_int_not_equal(open_with(&any), 0);
	assert_finding(VHDX_F_TOO_SHORT);
}

/* What could not be read is not said to be no image. */
static void a_file_that_cannot_be_read(void **state)
{
	const struct vhdx_open_options any = { .any_format = true };

	(void)state;
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_READ));
	assert_int_equal(open_with(&any), -EIO);
	assert_finding(VHDX_F_IO_ERROR);
	assert_int_equal(open_with(&any), 0);
}

static void a_vhd_set_is_known_by_its_name(void **state)
{
	static const struct {
		const char *name;
		bool set;
	} t[] = {
		{ "/srv/a.vhds", true }, { "A.VHDS", true },
		{ "/srv/a.vhdx", false }, { ".vhds", false },
		{ "", false }, { "a.vhds/b.vhdx", false },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		const struct vhdx_open_options options = {
			.any_format = true, .name = t[i].name,
		};

		assert_int_equal(open_with(&options),
				 t[i].set ? -EOPNOTSUPP : 0);
		assert_finding(t[i].set ? VHDX_F_RESILIENT_SET : VHDX_F_NONE);
	}
}

/* ---- file, headers, regions, metadata --------------------------------------- */

static void files_of_odd_lengths(void **state)
{
	(void)state;
	ram.size = 0;
	assert_refused(VHDX_F_TOO_SHORT);
	ram.size = 8;
	assert_refused(VHDX_F_TOO_SHORT);
	ram.size = MIB - 1;
	assert_refused(VHDX_F_TOO_SHORT);
	ram.size = MIB;
	assert_refused(VHDX_F_LOG_GEOMETRY);
	ram.size = (128ULL << 40) + 1;
	assert_refused(VHDX_F_TOO_LONG);
	/* Disk2vhd leaves 512 bytes behind the last block. */
	ram.size = vb.end + 512;
	assert_untidy(VHDX_F_TAIL_UNUSED);
}

static void the_file_identifier(void **state)
{
	(void)state;
	ram_poke(&ram, 0, "vhdxfilE", 8);
	assert_refused(VHDX_F_NOT_AN_IMAGE);
}

static void headers(void **state)
{
	(void)state;
	vb_put32(&ram, VB_HEADER1 + 4, 0);
	assert_untidy(VHDX_F_HEADER_ONE_INVALID);
	assert_int_equal(report.where, VB_HEADER1);
	vb_put32(&ram, VB_HEADER2 + 4, 0);
	assert_refused(VHDX_F_NO_VALID_HEADER);
	vb_sum_header(&ram, VB_HEADER1);
	assert_untidy(VHDX_F_HEADER_ONE_INVALID);
	assert_int_equal(report.where, VB_HEADER2);
}

static void the_last_sequence_number_is_as_good_as_any(void **state)
{
	(void)state;
	vb_put_header(&ram, VB_HEADER1, U64_MAX, 1, MIB, VB_LOG);
	assert_int_equal(try_open(true, false), 0);
	assert_finding(VHDX_F_NONE);
	assert_int_equal(try_open(false, true), 0);
	assert_finding(VHDX_F_NONE);
}

static void the_place_of_the_log(void **state)
{
	static const struct {
		u32 len;
		u64 offset;
		enum vhdx_finding finding;
	} t[] = {
		{ 0, MIB, VHDX_F_LOG_GEOMETRY },
		{ MIB + 4096, MIB, VHDX_F_LOG_GEOMETRY },
		{ 4096, MIB, VHDX_F_LOG_GEOMETRY },
		{ MIB, 0, VHDX_F_LOG_GEOMETRY },
		{ MIB, MIB + 4096, VHDX_F_LOG_GEOMETRY },
		{ MIB, MIB - 4096, VHDX_F_LOG_GEOMETRY },
		{ 65 * MIB, MIB, VHDX_F_LOG_GEOMETRY },
		{ MIB, 10 * MIB, VHDX_F_LOG_GEOMETRY },
		{ MIB, 1ULL << 63, VHDX_F_LOG_GEOMETRY },
		{ 0xfff00000, MIB, VHDX_F_LOG_GEOMETRY },
		{ MIB, -MIB, VHDX_F_LOG_GEOMETRY },
		{ 2 * MIB, MIB, VHDX_F_REGION_OVERLAP },
		{ MIB, 3 * MIB, VHDX_F_REGION_OVERLAP },
		{ MIB, 4 * MIB, VHDX_F_BLOCK_OVERLAP },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		vb_put_header(&ram, VB_HEADER2, 9, 1, t[i].len, t[i].offset);
		assert_refused(t[i].finding);
	}
}

static void region_tables(void **state)
{
	(void)state;
	vb_put32(&ram, VB_REGIONS1 + 4, 0);
	assert_untidy(VHDX_F_REGION_TABLE_ONE_INVALID);
	vb_put32(&ram, VB_REGIONS2 + 4, 0);
	assert_refused(VHDX_F_NO_VALID_REGION_TABLE);
}

/* Its space is nobody else's, and is never given away. */
static void an_unknown_region_is_kept(void **state)
{
	struct vhdx_usage usage;

	(void)state;
	ram.size = vb.end + 3 * MIB;
	vb_put_region(&ram, VB_REGIONS1, 2, "somebody.s.thing", vb.end + MIB,
		      2 * MIB, 0);
	vb_sum_regions(&ram, VB_REGIONS1, 3);
	assert_int_equal(try_open(false, false), 0);
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.free_bytes, MIB);
	vb_set(&ram, &vb, 7, VB_PRESENT, vb.end);
	assert_refused(VHDX_F_BLOCK_OVERLAP);
}

static void the_metadata(void **state)
{
	(void)state;
	ram_poke(&ram, vb.metadata_at, "x", 1);
	assert_refused(VHDX_F_METADATA_SIGNATURE);
	ram_poke(&ram, vb.metadata_at, "m", 1);
	vb_put32(&ram, vb.metadata_at + 65536 + 4, 2);
	assert_refused(VHDX_F_DIFFERENCING);
}

static void the_bat_has_room_for_all_blocks(void **state)
{
	/* 1 MiB of BAT holds 131072 entries, 31 of them for bitmaps. */
	const struct vhdx_build b = {
		.virtual_bytes = (131072 - 31) * MIB,
		.block_bytes = MIB,
	};
	u64 table;

	(void)state;
	make(&b);
	for (table = VB_REGIONS1; table <= VB_REGIONS2; table += 65536) {
		vb_put_region(&ram, table, 0, VB_REGION_BAT, vb.bat_at, MIB,
			      1);
		vb_sum_regions(&ram, table, 2);
	}
	ram.size = vb.bat_at + MIB;
	assert_int_equal(try_open(false, true), 0);
	assert_finding(VHDX_F_NONE);
	vb_put64(&ram, vb.metadata_at + 65536 + 256, (131072 - 30) * MIB);
	assert_refused(VHDX_F_BAT_TOO_SMALL);
}

/* ---- BAT entries ------------------------------------------------------------ */

/* What a single entry, of block 5 of 16, does. The file ends at 16 MiB. */
static const struct {
	u64 entry;
	enum vhdx_finding finding;
	bool refused;
	u8 busy;
} entries[] = {
	{ 0, 0, false, 0 },
	{ VB_UNDEFINED, 0, false, 0 },
	{ VB_ZERO, 0, false, 0 },
	{ VB_UNMAPPED, 0, false, 0 },
	{ 10 * MIB | VB_NOT_PRESENT, VHDX_F_ENTRY_OFFSET_UNUSED, false, 0 },
	{ 10 * MIB | VB_ZERO, VHDX_F_ENTRY_OFFSET_UNUSED, false, 0 },
	/* Unused it is, so nothing is wrong with where it points. */
	{ MIB | VB_ZERO, VHDX_F_ENTRY_OFFSET_UNUSED, false, 0 },
	{ 1ULL << 60 | VB_ZERO, VHDX_F_ENTRY_OFFSET_UNUSED, false, 0 },
	{ 10 * MIB | VB_UNDEFINED, VHDX_F_BLOCK_ANCHOR, false, 2 },
	{ 10 * MIB | VB_UNMAPPED, VHDX_F_BLOCK_ANCHOR, false, 2 },
	{ 10 * MIB | VB_PRESENT, 0, false, 2 },
	{ 14 * MIB | VB_PRESENT, 0, false, 2 },
	{ 13 * MIB | VB_PRESENT, 0, false, 2 },
	{ 10 * MIB | 4, VHDX_F_BAT_STATE, true, 0 },
	{ 10 * MIB | 5, VHDX_F_BAT_STATE, true, 0 },
	{ 4, VHDX_F_BAT_STATE, true, 0 },
	{ 10 * MIB | VB_PARTIAL, VHDX_F_BAT_STATE, true, 0 },
	{ 10 * MIB | VB_PRESENT | 8, VHDX_F_BAT_RESERVED_BITS, true, 0 },
	{ 10 * MIB | VB_PRESENT | 0x80000, VHDX_F_BAT_RESERVED_BITS, true, 0 },
	{ 16, VHDX_F_BAT_RESERVED_BITS, true, 0 },
	{ VB_PRESENT, VHDX_F_BLOCK_IN_HEADER, true, 0 },
	{ 15 * MIB | VB_PRESENT, VHDX_F_BLOCK_PAST_END, true, 0 },
	{ 16 * MIB | VB_PRESENT, VHDX_F_BLOCK_PAST_END, true, 0 },
	{ 1ULL << 50 | VB_PRESENT, VHDX_F_BLOCK_PAST_END, true, 0 },
	{ -MIB | VB_PRESENT, VHDX_F_BLOCK_PAST_END, true, 0 },
	{ -2 * MIB | VB_PRESENT, VHDX_F_BLOCK_PAST_END, true, 0 },
	{ -MIB | VB_UNMAPPED, VHDX_F_BLOCK_PAST_END, true, 0 },
	{ MIB | VB_PRESENT, VHDX_F_BLOCK_OVERLAP, true, 0 },
	{ 2 * MIB | VB_PRESENT, VHDX_F_BLOCK_OVERLAP, true, 0 },
	{ 3 * MIB | VB_PRESENT, VHDX_F_BLOCK_OVERLAP, true, 0 },
	{ 4 * MIB | VB_PRESENT, VHDX_F_BLOCK_OVERLAP, true, 0 },
	{ 9 * MIB | VB_PRESENT, VHDX_F_BLOCK_OVERLAP, true, 0 },
	{ 9 * MIB | VB_UNMAPPED, VHDX_F_BLOCK_OVERLAP, true, 0 },
};

static void every_state_of_an_entry(void **state)
{
	unsigned int i;

	(void)state;
	ram.size = 16 * MIB;
	/* So that there is no unused tail. */
	vb_put_region(&ram, VB_REGIONS1, 2, "somebody.s.thing", 12 * MIB, MIB,
		      0);
	vb_sum_regions(&ram, VB_REGIONS1, 3);
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		struct vhdx_usage usage;

		vb_put64(&ram, vb_entry_at(&vb, 5), entries[i].entry);
		if (entries[i].refused) {
			assert_refused(entries[i].finding);
			continue;
		}
		assert_int_equal(try_open(false, true), 0);
		assert_int_equal(found[VHDX_F_REGION_TABLES_DIFFER], 1);
		if (entries[i].finding)
			assert_int_equal(found[entries[i].finding], 1);
		else
			assert_true(report.count[VHDX_SEVERITY_UNTIDY] <= 2);
		vhdx_image_usage(image, &usage);
		assert_int_equal(usage.free_bytes,
				 (16 - 11 - entries[i].busy) * MIB);
		assert_int_equal(usage.blocks_present,
				 3 + (entries[i].busy > 0));
	}
}

/* What stands behind the last entry in use is nobody's business. */
static void padding_is_not_looked_at(void **state)
{
	(void)state;
	vb_put64(&ram, vb.bat_at + 16 * 8, U64_MAX);
	vb_put64(&ram, vb.bat_at + MIB - 8, U64_MAX);
	assert_int_equal(try_open(true, true), 0);
	assert_finding(VHDX_F_NONE);
}

/* Some writers leave bitmaps that nothing needs: their space is not free. */
static void bitmaps_are_ignored_but_keep_their_space(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 5ULL << 30,
		.block_bytes = 256 * MIB,
		.present = 1,
	};
	struct vhdx_usage usage;
	u64 bitmap;

	(void)state;
	make(&b);
	bitmap = vb.bat_at + 16 * 8;
	vb_put64(&ram, bitmap, vb.end | 6);
	ram.size = vb.end + 2 * MIB;
	assert_int_equal(try_open(true, true), 0);
	assert_int_equal(found[VHDX_F_BAT_BITMAP_UNEXPECTED], 1);
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.free_bytes, MIB);
	assert_int_equal(usage.blocks_present, 1);
	/* Nonsense in them hurts nobody. */
	vb_put64(&ram, bitmap, 6);
	assert_int_equal(try_open(true, false), 0);
	vb_put64(&ram, bitmap, U64_MAX);
	assert_int_equal(try_open(true, false), 0);
	assert_block(0, vb_block_byte(0));
	assert_block(16, 0);
	/* Nor if a block in front of it or behind it has the same place. */
	vb_put64(&ram, bitmap, vb.blocks_at | 6);
	assert_int_equal(try_open(true, false), 0);
	vb_set(&ram, &vb, 16, VB_PRESENT, vb.blocks_at);
	vb_set(&ram, &vb, 0, VB_NOT_PRESENT, 0);
	assert_int_equal(try_open(true, false), 0);
	assert_block(16, vb_block_byte(0));
}

static void check_tells_everything(void **state)
{
	(void)state;
	vb_set(&ram, &vb, 5, 4, 0);
	vb_set(&ram, &vb, 6, VB_PRESENT, 4 * MIB);
	vb_set(&ram, &vb, 7, VB_PRESENT, 1ULL << 40);
	vb_set(&ram, &vb, 8, VB_ZERO, 4 * MIB);
	assert_int_equal(try_open(false, true), -EUCLEAN);
	assert_finding(VHDX_F_BAT_STATE);
	assert_int_equal(report.where, vb_entry_at(&vb, 5));
	assert_int_equal(report.count[VHDX_SEVERITY_FATAL], 3);
	assert_int_equal(found[VHDX_F_BLOCK_OVERLAP], 1);
	assert_int_equal(found[VHDX_F_BLOCK_PAST_END], 1);
	assert_int_equal(found[VHDX_F_ENTRY_OFFSET_UNUSED], 1);
	assert_int_equal(try_open(false, false), -EUCLEAN);
	assert_int_equal(report.count[VHDX_SEVERITY_FATAL], 1);
}

static void check_looks_at_all_pages(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 2000 * MIB,
		.block_bytes = MIB,
	};

	(void)state;
	make(&b);
	vb_set(&ram, &vb, 5, 4, 0);
	vb_set(&ram, &vb, 600, 5, 0);
	vb_set(&ram, &vb, 1999, 5, 0);
	assert_int_equal(try_open(false, true), -EUCLEAN);
	assert_int_equal(found[VHDX_F_BAT_STATE], 3);
	assert_int_equal(try_open(false, false), -EUCLEAN);
	assert_int_equal(found[VHDX_F_BAT_STATE], 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sound_image_has_no_findings),
		TEST(geometry_is_what_the_items_say),
		TEST(chunks_are_found),
		TEST(the_largest_disk_opens),
		TEST(the_format_can_be_found_out),
		TEST(a_file_that_cannot_be_read),
		TEST(a_vhd_set_is_known_by_its_name),
		TEST(files_of_odd_lengths),
		TEST(the_file_identifier),
		TEST(headers),
		TEST(the_last_sequence_number_is_as_good_as_any),
		TEST(the_place_of_the_log),
		TEST(region_tables),
		TEST(an_unknown_region_is_kept),
		TEST(the_metadata),
		TEST(the_bat_has_room_for_all_blocks),
		TEST(every_state_of_an_entry),
		TEST(padding_is_not_looked_at),
		TEST(bitmaps_are_ignored_but_keep_their_space),
		TEST(check_tells_everything),
		TEST(check_looks_at_all_pages),
	};

	return cmocka_run_group_tests_name("vhdx", tests, NULL, NULL);
}
