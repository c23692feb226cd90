// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening a VHDX: what is sound is read right, every bound is found and named,
 * and nothing is written. The images are made by hand.
 */
#include "alloc.h"
#include "image.h"
#include "unit.h"
#include "vhdx-build.h"

static struct ram ram;
static struct vhdx_build vb;
static struct vhdx_image *image;
static struct vhdx_report report;
static unsigned int found[VHDX_F_COUNT];

static const struct vhdx_build plain = {
	.virtual_bytes = 32 * MIB,
	.block_bytes = 2 * MIB,
	.present = 3,
};

static const struct vhdx_build fixed = {
	.virtual_bytes = 7 * MIB,
	.block_bytes = 2 * MIB,
	.flags = 1,
	.present = 4,
};

static void make(const struct vhdx_build *what)
{
	ram_destroy(&ram);
	ram_init(&ram, 0);
	vb = *what;
	vb_make(&ram, &vb);
}

static int setup(void **state)
{
	(void)state;
	ram_init(&ram, 0);
	make(&plain);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vhdx_image_close(image);
	image = NULL;
	ram_destroy(&ram);
	return 0;
}

static void on_found(struct vhdx_report *r, enum vhdx_finding finding,
		     u64 where, u64 value)
{
	(void)r;
	(void)where;
	(void)value;
	found[finding]++;
}

static int open_with(const struct vhdx_open_options *options)
{
	u64 changes = ram_changes(&ram);
	int err;

	vhdx_image_close(image);
	memset(found, 0, sizeof(found));
	report = (struct vhdx_report){
		.found = on_found,
		.keep_going = options->check,
	};
	err = vhdx_image_open(&ram.container, options, &report, &image);
	assert_int_equal(ram_changes(&ram), changes);
	assert_int_equal(!image, !!err);
	return err;
}

static int try_open(bool writable, bool check)
{
	const struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHDX,
		.writable = writable,
		.check = check,
	};

	return open_with(&options);
}

static void assert_finding(enum vhdx_finding finding)
{
	assert_string_equal(vhdx_finding_name(report.worst),
			    vhdx_finding_name(finding));
}

/* In every way of opening. */
static void assert_refused(enum vhdx_finding finding)
{
	unsigned int how;

	for (how = 0; how < 4; how++) {
		assert_int_equal(try_open(how & 1, how & 2),
				 -vhdx_finding_errno(finding));
		assert_finding(finding);
	}
}

/* Opens, also for writing, and only check says something. */
static void assert_untidy(enum vhdx_finding finding)
{
	assert_int_equal(try_open(false, false), 0);
	assert_finding(VHDX_F_NONE);
	assert_int_equal(try_open(true, false), 0);
	assert_finding(VHDX_F_NONE);
	assert_int_equal(try_open(false, true), 0);
	assert_finding(finding);
	assert_int_equal(report.count[VHDX_SEVERITY_FATAL], 0);
}

static void assert_block(u64 block, u8 byte)
{
	static u8 buf[4096];
	u64 at = block * vb.block_bytes;
	u64 end = min_t(u64, at + vb.block_bytes, vb.virtual_bytes);
	unsigned int i;

	assert_int_equal(vhdx_image_read(image, at, buf, sizeof(buf)), 0);
	for (i = 0; i < sizeof(buf); i += 511)
		assert_int_equal(buf[i], byte);
	if (end - at < vb.block_bytes)
		return;
	assert_int_equal(vhdx_image_read(image, end - sizeof(buf), buf,
					 sizeof(buf)), 0);
	assert_int_equal(buf[0], byte);
	assert_int_equal(buf[4095], byte);
}

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
		assert_int_equal(g->data_alignment, 4096);
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

static void a_header_that_cannot_be_replaced_refuses_writing(void **state)
{
	(void)state;
	vb_put_header(&ram, VB_HEADER1, U64_MAX, 1, MIB, VB_LOG);
	assert_int_equal(try_open(false, false), 0);
	assert_finding(VHDX_F_NONE);
	assert_int_equal(try_open(true, false), -EUCLEAN);
	assert_finding(VHDX_F_HEADER_SEQUENCE_END);
	assert_int_equal(try_open(false, true), 0);
	assert_finding(VHDX_F_HEADER_SEQUENCE_END);
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

/* ---- the end of the file ------------------------------------------------------ */

/* Old QEMU versions cut the last block where the disk ends. */
static void a_last_block_may_be_cut(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 5 * MIB + 65536,
		.block_bytes = 2 * MIB,
		.present = 3,
	};
	static u8 buf[65536];

	(void)state;
	make(&b);
	ram_poke(&ram, vb.end - 2 * MIB + MIB, "cut", 3);
	ram.size = vb.end - 2 * MIB + MIB + 65536;
	assert_untidy(VHDX_F_BLOCK_CUT);
	assert_int_equal(vhdx_image_read(image, 5 * MIB, buf, 65536), 0);
	assert_string_equal(buf, "cut");
	/* What the disk shows of it has to be there. */
	ram.size--;
	assert_refused(VHDX_F_BLOCK_PAST_END);
	ram.size = vb.end - 2 * MIB;
	assert_refused(VHDX_F_BLOCK_PAST_END);
}

/* Which one is the last is counted right in every page of the BAT. */
static void a_last_block_in_a_later_page(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 599ULL * 256 * MIB + MIB,
		.block_bytes = 256 * MIB,
	};

	(void)state;
	make(&b);
	vb_set(&ram, &vb, 599, VB_PRESENT, vb.end);
	ram.size = vb.end + MIB;
	assert_untidy(VHDX_F_BLOCK_CUT);
	assert_int_equal(report.value, 599);
	vb_set(&ram, &vb, 599, VB_ZERO, 0);
	vb_set(&ram, &vb, 598, VB_PRESENT, vb.end);
	assert_refused(VHDX_F_BLOCK_PAST_END);
	assert_int_equal(report.value, 598);
}

static void no_other_block_may_be_cut(void **state)
{
	(void)state;
	ram.size = vb.end - 4096;
	assert_refused(VHDX_F_BLOCK_PAST_END);
}

static void nothing_lives_in_what_is_cut_off(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 5 * MIB,
		.block_bytes = 2 * MIB,
		.present = 3,
	};

	(void)state;
	make(&b);
	ram.size = vb.end - MIB;
	assert_untidy(VHDX_F_BLOCK_CUT);
	vb_set(&ram, &vb, 1, VB_PRESENT, vb.end - MIB);
	assert_refused(VHDX_F_BLOCK_PAST_END);
}

static void a_fixed_image_is_as_long_as_it_says(void **state)
{
	(void)state;
	make(&fixed);
	assert_int_equal(try_open(true, true), 0);
	assert_finding(VHDX_F_NONE);
	ram.size = vb.end - MIB;
	assert_untidy(VHDX_F_BLOCK_CUT);
	ram.size = vb.end - MIB - 1;
	assert_refused(VHDX_F_FIXED_INCOMPLETE);
	ram.size = vb.end - 2 * MIB;
	assert_refused(VHDX_F_FIXED_INCOMPLETE);
	/* Its end is its own. */
	ram.size = vb.end + 10 * MIB;
	assert_int_equal(try_open(true, true), 0);
	assert_finding(VHDX_F_NONE);
}

static void the_free_end_of_a_device_is_not_untidy(void **state)
{
	(void)state;
	ram.size = vb.end + 10 * MIB;
	assert_untidy(VHDX_F_TAIL_UNUSED);
	assert_int_equal(report.where, vb.end);
	assert_int_equal(report.value, 10 * MIB);
	ram.container.fixed_size = true;
	assert_int_equal(try_open(true, true), 0);
	assert_finding(VHDX_F_NONE);
}

/* ---- a log that waits for replay ----------------------------------------------- */

static void put_log(const struct vb_descriptor *d, unsigned int count,
		    u64 flushed, u64 last)
{
	const struct vb_log_entry e = {
		.guid = 0x33, .sequence = 77, .flushed = flushed, .last = last,
		.count = count, .descriptor = d,
	};

	vb_put_log_entry(&ram, VB_LOG, vb.log_bytes, 0, &e);
	vb_name_log(&ram, 0x33);
}

static void a_log_is_replayed_in_memory(void **state)
{
	const struct vb_descriptor d = { .offset = vb.bat_at, .zeros = 4096 };

	(void)state;
	put_log(&d, 1, ram.size, ram.size);
	assert_int_equal(try_open(false, true), 0);
	assert_int_equal(found[VHDX_F_LOG_DIRTY], 1);
	assert_int_equal(found[VHDX_F_TAIL_UNUSED], 1);
	assert_true(vhdx_image_needs_replay(image));
	assert_block(0, 0);
	assert_block(2, 0);
	/* The file is as it was. */
	vb_name_log(&ram, 0);
	assert_int_equal(try_open(false, true), 0);
	assert_finding(VHDX_F_NONE);
	assert_block(2, vb_block_byte(2));
}

/* The log can speak of blocks in a part that the file has not got (yet). */
static void a_log_may_know_a_longer_file(void **state)
{
	u64 end = vb.end;
	u8 page[4096];
	const struct vb_descriptor d = { .offset = vb.bat_at, .fill = 0 };
	const struct vb_descriptor *none = NULL;

	(void)state;
	put_log(none, 0, end, end + 32 * MIB);
	vb_set(&ram, &vb, 9, VB_PRESENT, end + 30 * MIB);
	assert_int_equal(try_open(false, false), 0);
	assert_block(9, 0);
	assert_block(1, vb_block_byte(1));
	put_log(none, 0, end, end + 31 * MIB);
	assert_refused(VHDX_F_BLOCK_PAST_END);
	/* A page of rubbish over the BAT is found, too. */
	ram_peek(&ram, vb.bat_at, page, sizeof(page));
	put_log(&d, 1, end, end);
	assert_int_equal(try_open(false, false), -EUCLEAN);
}

static void a_log_may_change_metadata_only(void **state)
{
	const struct {
		u64 offset, zeros;
		bool fine;
	} t[] = {
		{ 512 * 1024, 4096, true },
		{ MIB - 4096, 4096, true },
		{ vb.bat_at + 4096, 4096, true },
		{ vb.bat_at + 4096, MIB - 4096, true },
		{ vb.metadata_at + MIB - 4096, 4096, true },
		{ vb.blocks_at, 4096, false },
		{ vb.blocks_at - 4096, 8192, false },
		{ vb.end - 4096, 4096, false },
		{ vb.bat_at - 4096, 8192, false },
		{ vb.metadata_at + 4096, MIB, false },
		{ vb.bat_at + 4096, MIB, false },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		const struct vb_descriptor d = {
			.offset = t[i].offset, .zeros = t[i].zeros,
		};

		put_log(&d, 1, ram.size, ram.size);
		if (t[i].fine)
			assert_int_equal(try_open(true, true), 0);
		else
			assert_refused(VHDX_F_LOG_TARGET);
	}
}

static void a_log_without_a_sequence_is_refused(void **state)
{
	(void)state;
	vb_name_log(&ram, 0x33);
	assert_refused(VHDX_F_LOG_NO_SEQUENCE);
	put_log(NULL, 0, ram.size + MIB, ram.size);
	assert_refused(VHDX_F_LOG_FILE_TRUNCATED);
}

/* Old entries lie around in any image that Windows closed. */
static void without_a_guid_nothing_is_replayed(void **state)
{
	const struct vb_descriptor d = { .offset = vb.bat_at, .zeros = 4096 };

	(void)state;
	put_log(&d, 1, ram.size, ram.size);
	vb_name_log(&ram, 0);
	assert_int_equal(try_open(true, true), 0);
	assert_finding(VHDX_F_NONE);
	assert_block(0, vb_block_byte(0));
}

/* ---- errors ------------------------------------------------------------------- */

static void every_read_can_fail(void **state)
{
	const struct vb_descriptor d = {
		.offset = vb.bat_at + 4096, .zeros = 4096,
	};
	u64 n;

	(void)state;
	put_log(&d, 1, ram.size, ram.size);
	for (n = 1;; n++) {
		ram_fail(&ram, n, EIO, false, RAM_BIT(RAM_READ));
		if (!try_open(true, false))
			break;
		assert_int_equal(ram.failed, 1);
		assert_finding(VHDX_F_IO_ERROR);
	}
	assert_int_equal(ram.failed, 0);
	assert_true(n > 10);
}

static void every_allocation_can_fail(void **state)
{
	const struct vb_descriptor d = {
		.offset = vb.bat_at + 4096, .zeros = 4096,
	};
	u64 n;

	(void)state;
	put_log(&d, 1, ram.size, ram.size);
	for (n = 1;; n++) {
		alloc_fail(n);
		if (!try_open(true, false))
			break;
		assert_true(alloc_has_failed());
		assert_finding(VHDX_F_NO_MEMORY);
	}
	assert_false(alloc_has_failed());
	assert_true(n > 8);
}

/* The last block of a cut file needs room in the map. */
static void growing_the_map_can_fail(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 868 * MIB,
		.block_bytes = 256 * MIB,
		.present = 4,
	};
	u64 n, failures = 0;

	(void)state;
	make(&b);
	/* From less than 1024 units to more. */
	assert_int_equal(vb.end, 1028 * MIB);
	ram.size = vb.end - 156 * MIB;
	assert_int_equal(try_open(true, false), 0);
	for (n = 1;; n++) {
		alloc_fail(n);
		if (!try_open(true, false))
			break;
		failures++;
		assert_finding(VHDX_F_NO_MEMORY);
	}
	assert_true(failures > 6);
}

static void closing_nothing_is_fine(void **state)
{
	(void)state;
	vhdx_image_close(NULL);
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
		TEST(a_vhd_set_is_known_by_its_name),
		TEST(files_of_odd_lengths),
		TEST(the_file_identifier),
		TEST(headers),
		TEST(a_header_that_cannot_be_replaced_refuses_writing),
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
		TEST(a_last_block_may_be_cut),
		TEST(a_last_block_in_a_later_page),
		TEST(no_other_block_may_be_cut),
		TEST(nothing_lives_in_what_is_cut_off),
		TEST(a_fixed_image_is_as_long_as_it_says),
		TEST(the_free_end_of_a_device_is_not_untidy),
		TEST(a_log_is_replayed_in_memory),
		TEST(a_log_may_know_a_longer_file),
		TEST(a_log_may_change_metadata_only),
		TEST(a_log_without_a_sequence_is_refused),
		TEST(without_a_guid_nothing_is_replayed),
		TEST(every_read_can_fail),
		TEST(every_allocation_can_fail),
		TEST(growing_the_map_can_fail),
		TEST(closing_nothing_is_fine),
	};

	return cmocka_run_group_tests_name("vhdx", tests, NULL, NULL);
}
