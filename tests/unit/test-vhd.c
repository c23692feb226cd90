// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing a VHD: a shadow of the disk and random changes over all layouts;
 * then where blocks and the end of the file go, bitmaps, released space.
 */
#include "compact.h"
#include "vhd-session.h"

static u64 seed;

static u32 rnd(u32 below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(seed >> 33) % below;
}

static void random_change(void)
{
	u64 sectors = disk_bytes() / 512;
	u64 at = (u64)rnd(sectors) * 512;
	u64 len = min_t(u64, disk_bytes() - at, (1 + rnd(256)) * 512ULL);
	u32 block_bytes = vhdx_image_geometry(image)->block_bytes;

	switch (rnd(10)) {
	case 0:
		discard(at, len);
		break;
	case 1:
		at = ALIGN_DOWN(at, block_bytes);
		len = min_t(u64, 2ULL * block_bytes, disk_bytes() - at);
		discard(at, len);
		break;
	case 2:
		memset(shadow + at, 0, len);
		assert_int_equal(vhdx_image_write_zeroes(image, at, len,
							 rnd(2)), 0);
		break;
	case 3:
		commit();
		if (rnd(2))
			assert_int_equal(vhdx_image_punch_all(image), 0);
		break;
	default:
		put(at, len, 1 + rnd(255));
	}
}

static void compact(void)
{
	struct vhdx_compact compaction;
	struct vhdx_compact_step step;
	u32 steps = 0;

	assert_int_equal(vhdx_compact_start(&compaction, image,
					    VHDX_COMPACT_PRETRIMMED, false), 0);
	do {
		assert_int_equal(vhdx_compact_next(&compaction, &step), 0);
		assert_int_equal(vhdx_compact_do(&compaction, &step, buf, BUF),
				 0);
		assert_true(++steps < 100000);
	} while (step.kind != VHDX_STEP_DONE);
	vhdx_compact_end(&compaction);
}

static void random_session(u32 changes)
{
	u32 i;

	for (i = 0; i < changes; i++)
		random_change();
	assert_disk();
	commit();
	check(false);
	if (rnd(2))
		compact();
	assert_disk();
	finish();
	check(!ram.container.fixed_size);
	close_rw();
	open_rw();
	assert_disk();
}

static void random_changes(const struct vhd_build *build, bool device,
			   bool no_punch)
{
	u32 i;

	seed = build->block_bytes + build->packed;
	start(build);
	ram.no_punch = no_punch;
	if (device) {
		close_rw();
		/* Stale contents behind the image, no footer at the end. */
		memset(buf, 0xEE, BUF);
		ram_poke(&ram, end + 1024 * 1024, buf, BUF);
		ram.size = end + 4 * build->virtual_bytes;
		ram.container.fixed_size = true;
		open_rw();
	}
	for (i = 0; i < 6; i++)
		random_session(60);
	if (!device) {
		assert_footers();
		if (!build->packed && build->block_bytes >= 4096)
			assert_int_equal(ram.size % 4096, 0);
	}
}

static void aligned_images(void **state)
{
	struct vhd_build build = { .virtual_bytes = MIB + 512, .present = 3 };

	(void)state;
	build.block_bytes = BLOCK;
	random_changes(&build, false, false);
	teardown(NULL);
	random_changes(&build, false, true);
	teardown(NULL);
	build.block_bytes = 4096;
	random_changes(&build, false, false);
	teardown(NULL);
	/* A bitmap of 1 KiB. */
	build.block_bytes = 4 * MIB;
	build.virtual_bytes = 9 * MIB;
	build.present = 1;
	random_changes(&build, false, false);
	teardown(NULL);
	/* A bitmap of 8 KiB. */
	build.block_bytes = 32 * MIB;
	build.virtual_bytes = 65 * MIB;
	random_changes(&build, false, false);
}

static void packed_images(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB + 512,
		.present = 3,
		.packed = true,
	};
	u32 shift;

	(void)state;
	for (shift = 9; shift < 17; shift += 2) {
		build.block_bytes = 1U << shift;
		random_changes(&build, false, false);
		teardown(NULL);
	}
	build.block_bytes = BLOCK;
	build.slack = 1536;
	random_changes(&build, false, false);
}

static void block_devices(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 3,
	};

	(void)state;
	random_changes(&build, true, false);
	teardown(NULL);
	build.packed = true;
	random_changes(&build, true, true);
}

/* New blocks go where Windows puts them. */
static void where_blocks_go(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 1,
	};
	u32 pitch = (BLOCK + 4096) / 512;
	u64 was;

	(void)state;
	start(&build);
	was = end;
	put(5 * BLOCK, 512, 1);
	put(6 * BLOCK, 512, 2);
	/* Where the footer was, there is the bitmap. */
	commit();
	assert_int_equal(entry_of(5), was / 512);
	assert_int_equal(entry_of(6), was / 512 + pitch);
	assert_int_equal(ram.size, was + 2 * (BLOCK + 4096) + 512);
	assert_footers();
	finish();
	assert_int_equal(ram.size, was + 2 * (BLOCK + 4096) + 512);
}

static void grows_by_more(void **state)
{
	struct vhd_build build = { .virtual_bytes = MIB, .block_bytes = BLOCK };
	u64 was;

	(void)state;
	start(&build);
	close_rw();
	was = ram.size;
	image = open_how(true, false, 3 * BLOCK + 1);
	put(0, 512, 1);
	assert_int_equal(ram.count[RAM_RESIZE], 1);
	assert_in_range(ram.size, was + 4 * (BLOCK + 4096),
			was + 5 * (BLOCK + 4096));
	assert_footers();
	put(BLOCK, 512, 1);
	put(2 * BLOCK, 512, 1);
	put(3 * BLOCK, 512, 1);
	assert_int_equal(ram.count[RAM_RESIZE], 1);
	commit();
	check(false);
	put(4 * BLOCK, 512, 1);
	assert_int_equal(ram.count[RAM_RESIZE], 2);
	finish();
	assert_in_range(ram.size, was + 5 * (BLOCK + 4096),
			was + 6 * (BLOCK + 4096));
	check(true);
	assert_disk();
}

static void packed_stays_packed(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 2,
		.packed = true,
	};

	(void)state;
	start(&build);
	put(7 * BLOCK, 512, 1);
	commit();
	assert_int_equal(entry_of(7), end / 512);
	assert_int_equal(ram.size, end + BLOCK + 1024);
	assert_footers();
}

/* Entries that nobody needs are kept as they are. */
static void padding_of_the_bat_stays(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.entries = 40,
	};

	(void)state;
	start(&build);
	close_rw();
	vhd_patch_entry(&ram, 20, 0);
	vhd_patch_entry(&ram, 100, 0x12345678);
	open_rw();
	put(15 * BLOCK, 512, 1);
	finish();
	assert_int_not_equal(entry_of(15), U32_MAX);
	assert_int_equal(entry_of(19), U32_MAX);
	assert_int_equal(entry_of(20), 0);
	assert_int_equal(entry_of(100), 0x12345678);
}

static void clear_bits(u64 at, const u8 *bits, size_t count)
{
	close_rw();
	ram_poke(&ram, at, bits, count);
	open_rw();
}

/* A clear bit hides whatever is there, before and after it has been set. */
static void partial_bitmaps(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 2,
	};
	const u8 bits[4] = { 0x7F, 0xFF, 0x00, 0xF1 };
	u8 ones[16];
	u64 at;
	u32 i;

	(void)state;
	start(&build);
	at = (u64)entry_of(1) * 512;
	clear_bits(at, bits, sizeof(bits));
	for (i = 0; i < 32; i++)
		if (!(bits[i / 8] & (0x80 >> (i % 8))))
			memset(shadow + BLOCK + i * 512, 0, 512);
	assert_disk();
	put(BLOCK + 20 * 512, 1024, 0x66);
	assert_disk();
	ram_peek(&ram, at, buf, 16);
	memset(ones, 0xFF, sizeof(ones));
	assert_memory_equal(buf, ones, 16);
	/* It was no change of the BAT. */
	assert_false(vhdx_image_is_dirty(image));
	close_rw();
	open_rw();
	assert_disk();
}

static void bits_behind_the_end(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = BLOCK + 1024,
		.block_bytes = BLOCK,
		.present = 2,
	};
	const u8 bits[16] = { 0xC0 };
	struct vhdx_extent extent;

	(void)state;
	start(&build);
	clear_bits((u64)entry_of(1) * 512, bits, sizeof(bits));
	assert_disk();
	vhdx_image_map(image, BLOCK, 1024, true, &extent);
	assert_int_equal(extent.kind, VHDX_EXTENT_DATA);
	assert_int_equal(extent.len_bytes, 1024);
}

static void lookups_load_first(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 2,
	};
	struct vhdx_extent extent;

	(void)state;
	start(&build);
	vhdx_image_map(image, BLOCK + 512, MIB, false, &extent);
	assert_int_equal(extent.kind, VHDX_EXTENT_LOAD);
	vhdx_image_map(image, BLOCK + 512, MIB, true, &extent);
	assert_int_equal(extent.kind, VHDX_EXTENT_PREPARE);
	vhdx_image_map(image, 5 * BLOCK, MIB, false, &extent);
	assert_int_equal(extent.kind, VHDX_EXTENT_ZERO);
	assert_int_equal(vhdx_image_load(image, 1), 0);
	vhdx_image_map(image, BLOCK + 512, BLOCK, true, &extent);
	assert_int_equal(extent.kind, VHDX_EXTENT_DATA);
	assert_int_equal(extent.len_bytes, BLOCK - 512);
	assert_int_equal(extent.offset_bytes,
			 (u64)entry_of(1) * 512 + 512 + 512);
	assert_int_equal(ram_changes(&ram), 0);
}

static void plans(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = 2 * BLOCK + 1024,
		.block_bytes = BLOCK,
		.present = 3,
	};
	struct vhdx_plan plan;

	(void)state;
	start(&build);
	vhdx_image_plan_discard(image, BLOCK, BLOCK, &plan);
	assert_int_equal(plan.kind, VHDX_PLAN_RELEASE);
	vhdx_image_plan_discard(image, 2 * BLOCK, 1024, &plan);
	assert_int_equal(plan.kind, VHDX_PLAN_RELEASE);
	vhdx_image_plan_discard(image, 2 * BLOCK, 512, &plan);
	assert_int_equal(plan.kind, VHDX_PLAN_PUNCH);
	vhdx_image_plan_discard(image, BLOCK + 4096, BLOCK - 4096, &plan);
	assert_int_equal(plan.kind, VHDX_PLAN_PUNCH);
	assert_int_equal(plan.offset_bytes,
			 (u64)entry_of(1) * 512 + 512 + 4096);
	assert_int_equal(plan.len_bytes, BLOCK - 4096);
	vhdx_image_plan_zero(image, BLOCK, BLOCK, true, &plan);
	assert_int_equal(plan.kind, VHDX_PLAN_PUNCH);
	vhdx_image_plan_zero(image, BLOCK, BLOCK, false, &plan);
	assert_int_equal(plan.kind, VHDX_PLAN_RELEASE);
	discard(BLOCK, BLOCK);
	vhdx_image_plan_zero(image, BLOCK, BLOCK, true, &plan);
	assert_int_equal(plan.kind, VHDX_PLAN_NOTHING);
}

/* R7: no byte of a released block changes before the release is durable. */
static void released_space_waits(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 2,
	};
	struct vhdx_range range;
	u64 at;

	(void)state;
	start(&build);
	at = (u64)entry_of(1) * 512;
	discard(BLOCK, BLOCK);
	assert_true(vhdx_image_is_dirty(image));
	assert_false(vhdx_image_next_punch(image, &range));
	put(9 * BLOCK, BLOCK, 4);
	ram_peek(&ram, at + 512, buf, BLOCK);
	assert_int_equal(buf[100], vhd_build_byte(1, 100));
	assert_int_equal(entry_of(1), at / 512);
	commit();
	assert_int_equal(entry_of(1), U32_MAX);
	assert_int_not_equal(entry_of(9), at / 512);
	assert_true(vhdx_image_next_punch(image, &range));
	/* The BAT is in the bitmap's unit, so that one stays. */
	assert_in_range(range.offset_bytes, at - 3584, at + 512);
	assert_int_equal(range.offset_bytes + range.len_bytes,
			 at + 512 + BLOCK);
	vhdx_image_punched(image, &range);
	assert_disk();
}

/* A block used again shows nothing of the one that was there. */
static void reused_space_is_zero(void **state)
{
	struct vhd_build build = { .virtual_bytes = MIB, .block_bytes = BLOCK };
	u32 entry;

	(void)state;
	start(&build);
	ram.no_punch = true;
	put(0, BLOCK, 0xAA);
	put(BLOCK, BLOCK, 0xBB);
	commit();
	entry = entry_of(0);
	discard(0, BLOCK);
	commit();
	assert_int_equal(vhdx_image_punch_all(image), 0);
	put(4 * BLOCK + 512, 512, 0xCC);
	commit();
	assert_int_equal(entry_of(4), entry);
	assert_disk();
}

static void fixed_images(void **state)
{
	u64 offset, len;

	(void)state;
	ram_init(&ram, 0);
	end = vhd_build_fixed(&ram, 3 * MIB);
	shadow = calloc(1, 3 * MIB);
	open_rw();
	put(MIB, MIB, 8);
	put(2 * MIB + 512, 1024, 9);
	discard(MIB + 4096, 8192);
	assert_disk();
	assert_true(vhdx_container_is_hole(&ram.container, MIB + 4096, 8192));
	assert_true(vhdx_image_block_space(image, 1, &offset, &len));
	assert_int_equal(offset, 2 * MIB);
	assert_int_equal(len, MIB);
	commit();
	assert_int_equal(vhdx_image_truncate(image), 0);
	finish();
	assert_int_equal(ram.size, 3 * MIB + 512);
	check(true);
	assert_disk();
}

/* Present blocks that are holes go, the others move down, the file ends. */
static void compaction(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 16,
	};
	u32 i;

	(void)state;
	start(&build);
	/* Of the blocks in the first half of the file two stay, one a hole. */
	for (i = 8; i < 16; i++)
		if (i != 10 && i != 12)
			discard(i * BLOCK, BLOCK);
	discard(10 * BLOCK, BLOCK / 2);
	discard(10 * BLOCK + BLOCK / 2, BLOCK / 2);
	finish();
	close_rw();
	open_rw();
	compact();
	assert_disk();
	assert_int_equal(entry_of(10), U32_MAX);
	finish();
	assert_footers();
	/*
	 * The BAT's unit, nine blocks, the footer's unit; and the place of the
	 * first block, which is not whole because its bitmap and the BAT share
	 * a unit.
	 */
	assert_in_range(ram.size, 10 * (BLOCK + 4096),
			10 * (BLOCK + 4096) + 2 * 4096);
	check(true);
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(aligned_images),
		TEST(packed_images),
		TEST(block_devices),
		TEST(where_blocks_go),
		TEST(grows_by_more),
		TEST(packed_stays_packed),
		TEST(padding_of_the_bat_stays),
		TEST(partial_bitmaps),
		TEST(bits_behind_the_end),
		TEST(lookups_load_first),
		TEST(plans),
		TEST(released_space_waits),
		TEST(reused_space_is_zero),
		TEST(fixed_images),
		TEST(compaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
