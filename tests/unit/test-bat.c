// SPDX-License-Identifier: GPL-2.0-only
/*
 * The block allocation table in memory ([MS-VHDX] 2.5): where entries stand,
 * pages that cost nothing, and which of them wait for the log.
 */
#include "alloc.h"
#include "bat.h"
#include "unit.h"
#include "vhdx-build.h"

#define AT (3 * MIB)
#define PAGE_ENTRIES 512

static struct ram ram;
static struct vhdx_bat bat;
static struct vhdx_overlay overlay;
static struct vhdx_report report;

static int setup(void **state)
{
	(void)state;
	ram_init(&ram, 16 * MIB);
	memset(&overlay, 0, sizeof(overlay));
	memset(&report, 0, sizeof(report));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vhdx_bat_destroy(&bat);
	ram_destroy(&ram);
	return 0;
}

static int load(u64 blocks, u32 ratio_shift)
{
	vhdx_bat_destroy(&bat);
	bat.offset_bytes = AT;
	bat.blocks = blocks;
	bat.ratio_shift = ratio_shift;
	return vhdx_bat_load(&bat, &ram.container, &overlay, &report);
}

static void put(u64 index, u64 entry)
{
	vb_put64(&ram, AT + index * 8, entry);
}

static u64 pages_in_memory(void)
{
	u64 i, n = 0;

	for (i = 0; i < bat.pages; i++)
		n += !!bat.page[i];
	return n;
}

/* The table of the specification, and what it says of the largest disk. */
static void entries_are_counted(void **state)
{
	static const struct {
		u64 blocks;
		u32 ratio_shift;
		u64 entries;
	} t[] = {
		{ 1, 12, 1 },
		{ 4095, 12, 4095 },
		{ 4096, 12, 4096 },
		{ 4097, 12, 4098 },
		{ 8192, 12, 8193 },
		{ 8193, 12, 8195 },
		{ 16, 4, 16 },
		{ 17, 4, 18 },
		{ 1024, 7, 1031 },
		{ 32768, 15, 32768 },
		{ 32769, 15, 32770 },
		{ 67108864, 12, 67108864 + 16383 },
		{ 67108864, 15, 67108864 + 2047 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++)
		assert_int_equal(vhdx_bat_entry_count(t[i].blocks,
						      t[i].ratio_shift),
				 t[i].entries);
}

/* Walk the table as the specification draws it: a chunk, a bitmap, a chunk. */
static void assert_interleaved(u32 shift, u64 blocks)
{
	u64 ratio = 1ULL << shift;
	struct vhdx_bat b = { .ratio_shift = shift };
	u64 index = 0, block = 0;

	while (block < blocks) {
		u64 i;

		for (i = 0; i < ratio && block < blocks; i++)
			assert_int_equal(vhdx_bat_index(&b, block++), index++);
		if (block == blocks)
			break;
		index++;	/* the bitmap of this chunk */
	}
	assert_int_equal(vhdx_bat_entry_count(blocks, shift), index);
}

static void bitmap_entries_stand_in_between(void **state)
{
	u32 shift;

	(void)state;
	/* 256 MiB blocks of 512 byte sectors up to 1 MiB ones of 4096. */
	for (shift = 4; shift <= 15; shift++) {
		assert_interleaved(shift, (3ULL << shift) + 5);
		assert_interleaved(shift, 2ULL << shift);
		assert_interleaved(shift, 1);
	}
}

static void the_largest_disk_does_not_overflow(void **state)
{
	struct vhdx_bat b = { .ratio_shift = 12 };

	(void)state;
	assert_int_equal(vhdx_bat_index(&b, 67108863), 67108863 + 16383);
	b.ratio_shift = 15;
	assert_int_equal(vhdx_bat_index(&b, 67108863), 67108863 + 2047);
}

static void entries_are_read(void **state)
{
	(void)state;
	put(0, 5 * MIB | VB_PRESENT);
	put(15, 9 * MIB | VB_PRESENT);
	put(16, 7);			/* a bitmap entry */
	put(17, 0xABCDE00000000000 | VB_PRESENT);
	put(33, 0xFFFFFFFFFFFFFFFF);
	assert_int_equal(load(32, 4), 0);
	assert_int_equal(vhdx_bat_get(&bat, 0), 5 * MIB | VB_PRESENT);
	assert_int_equal(vhdx_bat_get(&bat, 15), 9 * MIB | VB_PRESENT);
	assert_int_equal(vhdx_bat_get(&bat, 16),
			 0xABCDE00000000000 | VB_PRESENT);
	assert_int_equal(vhdx_bat_get(&bat, 14), 0);
	assert_int_equal(vhdx_bat_get_index(&bat, 16), 7);
	assert_int_equal(bat.nr_dirty, 0);
}

static void an_entry_has_a_state_and_an_offset(void **state)
{
	static const struct {
		u64 entry;
		u32 state;
		u64 offset;
		bool present, anchored;
	} t[] = {
		{ 0, VB_NOT_PRESENT, 0, false, false },
		{ 4 * MIB, VB_NOT_PRESENT, 4 * MIB, false, false },
		{ 4 * MIB | VB_ZERO, VB_ZERO, 4 * MIB, false, false },
		{ VB_UNDEFINED, VB_UNDEFINED, 0, false, false },
		{ 4 * MIB | VB_UNDEFINED, VB_UNDEFINED, 4 * MIB, false, true },
		{ VB_UNMAPPED, VB_UNMAPPED, 0, false, false },
		{ 4 * MIB | VB_UNMAPPED, VB_UNMAPPED, 4 * MIB, false, true },
		{ 4 * MIB | VB_PRESENT, VB_PRESENT, 4 * MIB, true, false },
		{ 4 * MIB | VB_PARTIAL, VB_PARTIAL, 4 * MIB, false, false },
		{ ~0ULL << 20 | VB_PRESENT, VB_PRESENT, ~0ULL << 20, true,
		  false },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		assert_int_equal(vhdx_entry_state(t[i].entry), t[i].state);
		assert_int_equal(vhdx_entry_offset(t[i].entry), t[i].offset);
		assert_int_equal(vhdx_entry_is_present(t[i].entry),
				 t[i].present);
		assert_int_equal(vhdx_entry_is_anchored(t[i].entry),
				 t[i].anchored);
	}
}

/* Memory where the disk is used only; more than one read of 64 KiB. */
static void pages_of_zeros_cost_nothing(void **state)
{
	u64 blocks = 40 * PAGE_ENTRIES;

	(void)state;
	put(3 * PAGE_ENTRIES, 1);
	put(17 * PAGE_ENTRIES + 511, 2);
	put(39 * PAGE_ENTRIES, 3);
	assert_int_equal(load(blocks, 15), 0);
	assert_int_equal(bat.entries, blocks);
	assert_int_equal(bat.pages, 40);
	assert_int_equal(pages_in_memory(), 3);
	assert_non_null(bat.page[3]);
	assert_non_null(bat.page[17]);
	assert_non_null(bat.page[39]);
	assert_int_equal(vhdx_bat_get(&bat, 3 * PAGE_ENTRIES), 1);
	assert_int_equal(vhdx_bat_get(&bat, 17 * PAGE_ENTRIES + 511), 2);
	assert_int_equal(vhdx_bat_get(&bat, 39 * PAGE_ENTRIES), 3);
	assert_int_equal(vhdx_bat_get(&bat, 5), 0);
}

/* What stands behind the entries in use is padding, but is written back. */
static void padding_survives(void **state)
{
	struct vhdx_log_page page;

	(void)state;
	put(100, 0x55);
	assert_int_equal(load(3, 12), 0);
	assert_int_equal(bat.pages, 1);
	assert_int_equal(vhdx_bat_prepare_set(&bat, &ram.container, 1), 0);
	vhdx_bat_set(&bat, 1, VHDX_BLOCK_ZERO, 0);
	assert_int_equal(vhdx_bat_take_dirty(&bat, &page, 1), 1);
	assert_int_equal(((const u8 *)page.data)[100 * 8], 0x55);
	assert_int_equal(((const u8 *)page.data)[8], VB_ZERO);
}

static void the_log_is_read_first(void **state)
{
	static u8 page[4096];
	struct vhdx_patch patch[2] = {
		{ .offset_bytes = AT, .len_bytes = 4096 },
		{ .offset_bytes = AT + 4096, .len_bytes = 4096, .page = page },
	};

	(void)state;
	put(0, 1);
	put(PAGE_ENTRIES, 2);
	page[0] = 3;
	overlay.patch = patch;
	overlay.count = 2;
	assert_int_equal(load(2 * PAGE_ENTRIES, 15), 0);
	assert_int_equal(vhdx_bat_get(&bat, 0), 0);
	assert_null(bat.page[0]);
	assert_int_equal(vhdx_bat_get(&bat, PAGE_ENTRIES), 3);
}

static void setting_needs_a_page(void **state)
{
	(void)state;
	assert_int_equal(load(2 * PAGE_ENTRIES, 15), 0);
	assert_int_equal(pages_in_memory(), 0);
	alloc_fail(1);
	assert_int_equal(vhdx_bat_prepare_set(&bat, &ram.container, 600), -ENOMEM);
	assert_true(alloc_has_failed());
	assert_int_equal(pages_in_memory(), 0);
	assert_int_equal(vhdx_bat_prepare_set(&bat, &ram.container, 600), 0);
	assert_int_equal(pages_in_memory(), 1);
	assert_int_equal(bat.nr_dirty, 0);
	vhdx_bat_set(&bat, 600, VHDX_BLOCK_FULLY_PRESENT, 77 * MIB);
	assert_int_equal(vhdx_bat_get(&bat, 600), 77 * MIB | VB_PRESENT);
	assert_int_equal(vhdx_bat_get(&bat, 599), 0);
	assert_int_equal(bat.nr_dirty, 1);
	alloc_fail(1);
	assert_int_equal(vhdx_bat_prepare_set(&bat, &ram.container, 601), 0);
	assert_false(alloc_has_failed());
}

static void set(u64 block)
{
	assert_int_equal(vhdx_bat_prepare_set(&bat, &ram.container, block), 0);
	vhdx_bat_set(&bat, block, VHDX_BLOCK_UNMAPPED, 0);
}

static void dirty_pages_are_taken_once(void **state)
{
	struct vhdx_log_page pages[4];
	u8 want[8] = { VB_UNMAPPED };

	(void)state;
	assert_int_equal(load(10 * PAGE_ENTRIES, 15), 0);
	assert_int_equal(vhdx_bat_take_dirty(&bat, pages, 4), 0);
	set(0);
	set(1);
	set(3 * PAGE_ENTRIES);
	set(9 * PAGE_ENTRIES + 511);
	assert_int_equal(bat.nr_dirty, 3);
	assert_int_equal(vhdx_bat_take_dirty(&bat, pages, 4), 3);
	assert_int_equal(pages[0].offset_bytes, AT);
	assert_int_equal(pages[1].offset_bytes, AT + 3 * 4096);
	assert_int_equal(pages[2].offset_bytes, AT + 9 * 4096);
	assert_memory_equal((const u8 *)pages[0].data + 8, want, 8);
	assert_memory_equal((const u8 *)pages[2].data + 4088, want, 8);
	assert_int_equal(bat.nr_dirty, 0);
	assert_int_equal(vhdx_bat_take_dirty(&bat, pages, 4), 0);
	set(0);
	assert_int_equal(vhdx_bat_take_dirty(&bat, pages, 4), 1);
	assert_int_equal(pages[0].offset_bytes, AT);
}

/* More than fit, new ones in between: every page comes, none twice in vain. */
static void dirty_pages_come_in_rounds(void **state)
{
	struct vhdx_log_page pages[3];
	bool seen[20] = { };
	unsigned int i, n;

	(void)state;
	assert_int_equal(load(20 * PAGE_ENTRIES, 15), 0);
	for (i = 0; i < 20; i++)
		set(i * PAGE_ENTRIES + i);
	for (n = 0; n < 7; n++) {
		unsigned int got = vhdx_bat_take_dirty(&bat, pages, 3);

		assert_int_equal(got, n < 6 ? 3 : 2);
		for (i = 0; i < got; i++) {
			u64 page = (pages[i].offset_bytes - AT) / 4096;

			assert_false(seen[page]);
			seen[page] = true;
		}
	}
	assert_int_equal(bat.nr_dirty, 0);
	/* Behind the place where the search stopped, and in front of it. */
	set(19 * PAGE_ENTRIES);
	set(2 * PAGE_ENTRIES);
	assert_int_equal(vhdx_bat_take_dirty(&bat, pages, 1), 1);
	assert_int_equal(bat.nr_dirty, 1);
	assert_int_equal(vhdx_bat_take_dirty(&bat, pages, 3), 1);
	assert_int_equal(bat.nr_dirty, 0);
}

static void loading_can_fail(void **state)
{
	unsigned int i;

	(void)state;
	put(0, 1);
	put(20 * PAGE_ENTRIES, 1);
	for (i = 1; i <= 2; i++) {
		ram_fail(&ram, i, EIO, false, RAM_BIT(RAM_READ));
		assert_int_equal(load(20 * PAGE_ENTRIES + 1, 15), -EIO);
		assert_int_equal(report.worst, VHDX_F_IO_ERROR);
	}
	/* Buffer, pointers, bits, two pages. */
	for (i = 1; i <= 5; i++) {
		memset(&report, 0, sizeof(report));
		alloc_fail(i);
		assert_int_equal(load(20 * PAGE_ENTRIES + 1, 15), -ENOMEM);
		assert_true(alloc_has_failed());
		assert_int_equal(report.worst, VHDX_F_NO_MEMORY);
	}
	assert_int_equal(load(20 * PAGE_ENTRIES + 1, 15), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(entries_are_counted),
		TEST(bitmap_entries_stand_in_between),
		TEST(the_largest_disk_does_not_overflow),
		TEST(entries_are_read),
		TEST(an_entry_has_a_state_and_an_offset),
		TEST(pages_of_zeros_cost_nothing),
		TEST(padding_survives),
		TEST(the_log_is_read_first),
		TEST(setting_needs_a_page),
		TEST(dirty_pages_are_taken_once),
		TEST(dirty_pages_come_in_rounds),
		TEST(loading_can_fail),
	};

	return cmocka_run_group_tests_name("bat", tests, NULL, NULL);
}
