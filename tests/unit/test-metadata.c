// SPDX-License-Identifier: GPL-2.0-only
/*
 * The metadata region ([MS-VHDX] 2.6): each rule for the table, for the items
 * and for their values.
 */
#include <stdio.h>

#include "alloc.h"
#include "metadata.h"
#include "unit.h"
#include "vhdx-build.h"

#define AT (2 * MIB)
#define USER 1
#define DISK 2
#define NEEDED 4

static struct ram ram;
static struct vhdx_metadata metadata;
static struct vhdx_overlay overlay;
static struct vhdx_report report;
static const struct vhdx_region region = {
	.offset_bytes = AT,
	.len_bytes = MIB,
};

/* What a good image has. Items can be left out, replaced, repeated. */
struct item {
	const char *guid;
	u32 flags;
	u32 bytes;
	u64 value;
};

static const struct item good[] = {
	{ VB_ITEM_PARAMETERS, NEEDED, 8, 2 * MIB },
	{ VB_ITEM_SIZE, DISK | NEEDED, 8, 100 * MIB },
	{ VB_ITEM_ID, DISK | NEEDED, 16, 0x1122334455667788 },
	{ VB_ITEM_LOGICAL, DISK | NEEDED, 4, 512 },
	{ VB_ITEM_PHYSICAL, DISK | NEEDED, 4, 4096 },
};

#define GOOD ARRAY_SIZE(good)

static int setup(void **state)
{
	(void)state;
	ram_init(&ram, 4 * MIB);
	memset(&overlay, 0, sizeof(overlay));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ram_destroy(&ram);
	return 0;
}

static u64 put(const struct item *item)
{
	static u8 value[65536];

	memcpy(value, &(__le64){ cpu_to_le64(item->value) }, 8);
	return vb_put_item(&ram, AT, item->guid, item->flags, value,
			   item->bytes);
}

static void begin(void)
{
	u8 *zeros = calloc(1, MIB);

	ram_poke(&ram, AT, zeros, MIB);
	free(zeros);
}

/* All good ones, the item @i instead of its own, or left out if NULL. */
static void put_all_but(unsigned int i, const struct item *instead)
{
	unsigned int n;

	begin();
	for (n = 0; n < GOOD; n++) {
		if (n != i)
			put(&good[n]);
		else if (instead)
			put(instead);
	}
}

static int read_metadata(void)
{
	int err;

	memset(&metadata, 0, sizeof(metadata));
	memset(&report, 0, sizeof(report));
	err = vhdx_metadata_read(&metadata, &ram.container, &overlay, &region,
				 &report);
	if (err)
		assert_int_equal(err, -vhdx_finding_errno(report.worst));
	return err;
}

static void assert_refused(enum vhdx_finding finding)
{
	assert_int_not_equal(read_metadata(), 0);
	assert_string_equal(vhdx_finding_name(report.worst),
			    vhdx_finding_name(finding));
}

static void items_are_read(void **state)
{
	(void)state;
	put_all_but(GOOD, NULL);
	assert_int_equal(read_metadata(), 0);
	assert_int_equal(metadata.block_bytes, 2 * MIB);
	assert_false(metadata.leave_blocks_allocated);
	assert_int_equal(metadata.virtual_bytes, 100 * MIB);
	assert_int_equal(metadata.sector_bytes, 512);
	assert_int_equal(metadata.physical_bytes, 4096);
	assert_int_equal(metadata.disk_id.b[0], 0x88);
	assert_int_equal(metadata.disk_id.b[7], 0x11);
	assert_int_equal(report.worst, VHDX_F_NONE);
}

/* Disk2vhd has its own. */
static void their_order_is_free(void **state)
{
	unsigned int n;

	(void)state;
	begin();
	for (n = GOOD; n--;)
		put(&good[n]);
	assert_int_equal(read_metadata(), 0);
	assert_int_equal(metadata.block_bytes, 2 * MIB);
	assert_int_equal(metadata.virtual_bytes, 100 * MIB);
}

static void each_of_the_five_is_mandatory(void **state)
{
	unsigned int n;

	(void)state;
	for (n = 0; n < GOOD; n++) {
		put_all_but(n, NULL);
		assert_refused(VHDX_F_METADATA_MISSING);
		assert_int_equal(report.value, n);
	}
	begin();
	ram_poke(&ram, AT, "metadata", 8);
	assert_refused(VHDX_F_METADATA_MISSING);
}

/* A user's item is none of them, whatever its GUID. */
static void a_user_item_does_not_count(void **state)
{
	struct item item = good[1];

	(void)state;
	item.flags = USER;
	put_all_but(1, &item);
	assert_refused(VHDX_F_METADATA_MISSING);
	put(&good[1]);
	assert_int_equal(read_metadata(), 0);
}

static void each_has_its_length(void **state)
{
	unsigned int n, i;

	(void)state;
	for (n = 0; n < GOOD; n++) {
		const u32 lengths[] = {
			0, 1, good[n].bytes - 1, good[n].bytes + 1, 32,
		};

		for (i = 0; i < ARRAY_SIZE(lengths); i++) {
			struct item item = good[n];

			item.bytes = lengths[i];
			put_all_but(n, &item);
			assert_refused(VHDX_F_METADATA_ITEM_LENGTH);
			assert_int_equal(report.value, lengths[i]);
		}
	}
}

/* Early images lack the flag of the physical sector size; others lack more. */
static void missing_flags_are_tolerated(void **state)
{
	unsigned int n;

	(void)state;
	for (n = 0; n < GOOD; n++) {
		struct item item = good[n];

		item.flags = 0;
		put_all_but(n, &item);
		assert_int_equal(read_metadata(), 0);
	}
}

static void values_have_bounds(void **state)
{
	static const struct {
		unsigned int item;
		u64 value;
		enum vhdx_finding finding;
	} t[] = {
		{ 0, MIB, 0 },
		{ 0, 32 * MIB, 0 },
		{ 0, 256 * MIB, 0 },
		{ 0, MIB | 1ULL << 32, 0 },
		{ 0, MIB | 2ULL << 32, VHDX_F_DIFFERENCING },
		{ 0, MIB | 3ULL << 32, VHDX_F_DIFFERENCING },
		{ 0, 0, VHDX_F_BLOCK_SIZE },
		{ 0, MIB / 2, VHDX_F_BLOCK_SIZE },
		{ 0, MIB + 4096, VHDX_F_BLOCK_SIZE },
		{ 0, 3 * MIB, VHDX_F_BLOCK_SIZE },
		{ 0, 512 * MIB, VHDX_F_BLOCK_SIZE },
		{ 0, 0x80000000, VHDX_F_BLOCK_SIZE },
		{ 1, 512, 0 },
		{ 1, 64ULL << 40, 0 },
		{ 1, 0, VHDX_F_VIRTUAL_SIZE },
		{ 1, 511, VHDX_F_VIRTUAL_SIZE },
		{ 1, 513, VHDX_F_VIRTUAL_SIZE },
		{ 1, (64ULL << 40) + 512, VHDX_F_VIRTUAL_SIZE },
		{ 1, ALIGN_DOWN(U64_MAX, 512), VHDX_F_VIRTUAL_SIZE },
		{ 3, 4096, 0 },
		{ 3, 0, VHDX_F_SECTOR_SIZE },
		{ 3, 1024, VHDX_F_SECTOR_SIZE },
		{ 3, 8192, VHDX_F_SECTOR_SIZE },
		{ 4, 512, 0 },
		{ 4, 0, VHDX_F_SECTOR_SIZE },
		{ 4, 520, VHDX_F_SECTOR_SIZE },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct item item = good[t[i].item];

		item.value = t[i].value;
		put_all_but(t[i].item, &item);
		if (t[i].finding)
			assert_refused(t[i].finding);
		else
			assert_int_equal(read_metadata(), 0);
	}
}

static void the_size_is_a_multiple_of_the_sector(void **state)
{
	static const struct item sector = { VB_ITEM_LOGICAL, 6, 4, 4096 };
	u64 size_at;

	(void)state;
	put_all_but(3, &sector);
	assert_int_equal(read_metadata(), 0);
	size_at = AT + 65536 + 256;
	vb_put64(&ram, size_at, 100 * MIB + 512);
	assert_refused(VHDX_F_VIRTUAL_SIZE);
	vb_put64(&ram, size_at, 100 * MIB + 4096);
	assert_int_equal(read_metadata(), 0);
}

static void fixed_images_say_so(void **state)
{
	static const struct item fixed = {
		VB_ITEM_PARAMETERS, NEEDED, 8, 1ULL << 32 | 32 * MIB
	};

	(void)state;
	put_all_but(0, &fixed);
	assert_int_equal(read_metadata(), 0);
	assert_true(metadata.leave_blocks_allocated);
}

static void others_items(void **state)
{
	static const struct {
		struct item item;
		enum vhdx_finding finding;
	} t[] = {
		{ { "unknown.optional", 0, 100, 0 }, 0 },
		{ { "unknown.optional", USER | DISK, 0, 0 }, 0 },
		{ { "unknown.required", NEEDED, 8, 0 },
		  VHDX_F_METADATA_UNKNOWN },
		{ { "unknown.required", USER | NEEDED, 8, 0 },
		  VHDX_F_METADATA_UNKNOWN },
		{ { VB_ITEM_SIZE, USER | NEEDED, 8, 0 },
		  VHDX_F_METADATA_UNKNOWN },
		{ { VB_ITEM_SIZE, USER, 8, 0 }, 0 },
		{ { VB_ITEM_SIZE, NEEDED, 8, 0 }, VHDX_F_METADATA_DUPLICATE },
		{ { VB_ITEM_INCOMPLETE, NEEDED, 4, 0 },
		  VHDX_F_METADATA_INCOMPLETE_FILE },
		{ { VB_ITEM_INCOMPLETE, 0, 0, 0 },
		  VHDX_F_METADATA_INCOMPLETE_FILE },
		{ { VB_ITEM_PARENT, NEEDED, 100, 0 },
		  VHDX_F_PARENT_LOCATOR_UNEXPECTED },
		{ { VB_ITEM_PARENT, 0, 0, 0 },
		  VHDX_F_PARENT_LOCATOR_UNEXPECTED },
		{ { "unknown.optional", 8, 100, 0 },
		  VHDX_F_METADATA_ITEM_FLAGS },
		{ { "unknown.optional", 1U << 31, 100, 0 },
		  VHDX_F_METADATA_ITEM_FLAGS },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		put_all_but(GOOD, NULL);
		put(&t[i].item);
		if (t[i].finding)
			assert_refused(t[i].finding);
		else
			assert_int_equal(read_metadata(), 0);
	}
}

static void duplicates_are_told_by_guid_and_user(void **state)
{
	static const struct item mine = { "somebody.s.own..", USER, 8, 0 };
	static const struct item theirs = { "somebody.s.own..", 0, 8, 0 };

	(void)state;
	put_all_but(GOOD, NULL);
	put(&mine);
	put(&theirs);
	assert_int_equal(read_metadata(), 0);
	put(&mine);
	assert_refused(VHDX_F_METADATA_DUPLICATE);
	assert_int_equal(report.value, GOOD + 2);
}

static void items_lie_behind_the_table_and_inside_the_region(void **state)
{
	static const struct {
		u32 offset, bytes;
		bool fits;
	} t[] = {
		{ 0, 0, true },
		{ 65536, 0, false },
		{ 1, 0, false },
		{ 0, 1, false },
		{ 65535, 1, false },
		{ 65536 + 8, 1, true },
		{ 65537 + 8, 7, true },
		{ MIB - 1, 1, true },
		{ MIB, 1, false },
		{ MIB - 1, 2, false },
		{ U32_MAX, 1, false },
		{ U32_MAX, U32_MAX, false },
		{ 131072, MIB - 131072, true },
		{ 131072, MIB - 131071, false },
	};
	u64 entry = AT + 32 + GOOD * 32;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		put_all_but(GOOD, NULL);
		vb_put_item(&ram, AT, "optional.item...", 0, NULL, 0);
		vb_put32(&ram, entry + 16, t[i].offset);
		vb_put32(&ram, entry + 20, t[i].bytes);
		if (t[i].fits)
			assert_int_equal(read_metadata(), 0);
		else
			assert_refused(VHDX_F_METADATA_GEOMETRY);
	}
}

static void an_item_has_at_most_one_mib(void **state)
{
	static const struct vhdx_region large = {
		.offset_bytes = AT,
		.len_bytes = 4 * MIB,
	};
	u64 entry = AT + 32 + GOOD * 32;
	int err;

	(void)state;
	ram.size = 8 * MIB;
	put_all_but(GOOD, NULL);
	vb_put_item(&ram, AT, "optional.item...", 0, NULL, 0);
	vb_put32(&ram, entry + 16, 2 * MIB);
	vb_put32(&ram, entry + 20, MIB);
	memset(&report, 0, sizeof(report));
	err = vhdx_metadata_read(&metadata, &ram.container, &overlay, &large,
				 &report);
	assert_int_equal(err, 0);
	vb_put32(&ram, entry + 20, MIB + 1);
	err = vhdx_metadata_read(&metadata, &ram.container, &overlay, &large,
				 &report);
	assert_int_equal(err, -EUCLEAN);
	assert_int_equal(report.worst, VHDX_F_METADATA_GEOMETRY);
}

static void the_table_has_a_signature(void **state)
{
	(void)state;
	put_all_but(GOOD, NULL);
	ram_poke(&ram, AT, "metadatA", 8);
	assert_refused(VHDX_F_METADATA_SIGNATURE);
}

static void the_table_has_2047_entries_at_most(void **state)
{
	unsigned int i;
	char guid[17];

	(void)state;
	put_all_but(GOOD, NULL);
	for (i = GOOD; i < 2047; i++) {
		snprintf(guid, sizeof(guid), "item number %04u", i);
		ram_poke(&ram, AT + 32 + i * 32, guid, 16);
		vb_put64(&ram, AT + 32 + i * 32 + 16, 0);
	}
	vb_put16(&ram, AT + 10, 2047);
	assert_int_equal(read_metadata(), 0);
	/* The last one is looked at. */
	vb_put32(&ram, AT + 32 + 2046 * 32 + 24, NEEDED);
	assert_refused(VHDX_F_METADATA_UNKNOWN);
	assert_int_equal(report.value, 2046);
	vb_put16(&ram, AT + 10, 2048);
	assert_refused(VHDX_F_METADATA_COUNT);
	vb_put16(&ram, AT + 10, 65535);
	assert_refused(VHDX_F_METADATA_COUNT);
}

static void a_thousand_and_twenty_four_of_them_are_the_users(void **state)
{
	unsigned int i;
	char guid[17];

	(void)state;
	put_all_but(GOOD, NULL);
	for (i = GOOD; i < GOOD + 1025; i++) {
		snprintf(guid, sizeof(guid), "item number %04u", i);
		ram_poke(&ram, AT + 32 + i * 32, guid, 16);
		vb_put64(&ram, AT + 32 + i * 32 + 16, 0);
		vb_put32(&ram, AT + 32 + i * 32 + 24, USER);
	}
	vb_put16(&ram, AT + 10, GOOD + 1024);
	assert_int_equal(read_metadata(), 0);
	vb_put16(&ram, AT + 10, GOOD + 1025);
	assert_refused(VHDX_F_METADATA_COUNT);
	assert_int_equal(report.value, 1025);
	/* Not one too many if it is none of theirs. */
	vb_put32(&ram, AT + 32 + (GOOD + 1024) * 32 + 24, 0);
	assert_int_equal(read_metadata(), 0);
}

/* The item in question against the virtual size, 8 bytes at 65536 + 256. */
static void items_do_not_overlap(void **state)
{
	static const struct {
		u32 offset, bytes;
		bool fine;
	} t[] = {
		{ 65536 + 264, 1, true },
		{ 65536 + 255, 1, true },
		{ 65536 + 250, 6, true },
		{ 65536 + 250, 7, false },
		{ 65536 + 256, 8, false },
		{ 65536 + 263, 1, false },
		{ 65536 + 258, 2, false },
		{ 65536 + 200, 100, false },
		{ 65536, MIB - 65536, false },
		{ 0, 0, true },
	};
	u64 entry = AT + 32 + GOOD * 32;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		put_all_but(GOOD, NULL);
		vb_put_item(&ram, AT, "optional.item...", 0, NULL, 0);
		vb_put32(&ram, entry + 16, t[i].offset);
		vb_put32(&ram, entry + 20, t[i].bytes);
		if (t[i].fine)
			assert_int_equal(read_metadata(), 0);
		else
			assert_refused(VHDX_F_METADATA_OVERLAP);
	}
}

static void items_are_read_through_the_log(void **state)
{
	static u8 page[4096];
	struct vhdx_patch patch = {
		.offset_bytes = AT + 65536,
		.len_bytes = sizeof(page),
		.page = page,
	};

	(void)state;
	put_all_but(GOOD, NULL);
	ram_peek(&ram, AT + 65536, page, sizeof(page));
	page[2] = 0x40;		/* block size */
	overlay.patch = &patch;
	overlay.count = 1;
	assert_int_equal(read_metadata(), 0);
	assert_int_equal(metadata.block_bytes, 4 * MIB);
}

static void reading_can_fail(void **state)
{
	unsigned int i;

	(void)state;
	put_all_but(GOOD, NULL);
	for (i = 1; i <= 1 + GOOD; i++) {
		ram_fail(&ram, i, EIO, false, RAM_BIT(RAM_READ));
		assert_refused(VHDX_F_IO_ERROR);
	}
	ram_fail(&ram, 2 + GOOD, EIO, false, RAM_BIT(RAM_READ));
	assert_int_equal(read_metadata(), 0);
	alloc_fail(1);
	assert_refused(VHDX_F_NO_MEMORY);
	assert_true(alloc_has_failed());
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(items_are_read),
		TEST(their_order_is_free),
		TEST(each_of_the_five_is_mandatory),
		TEST(a_user_item_does_not_count),
		TEST(each_has_its_length),
		TEST(missing_flags_are_tolerated),
		TEST(values_have_bounds),
		TEST(the_size_is_a_multiple_of_the_sector),
		TEST(fixed_images_say_so),
		TEST(others_items),
		TEST(duplicates_are_told_by_guid_and_user),
		TEST(items_lie_behind_the_table_and_inside_the_region),
		TEST(an_item_has_at_most_one_mib),
		TEST(the_table_has_a_signature),
		TEST(the_table_has_2047_entries_at_most),
		TEST(a_thousand_and_twenty_four_of_them_are_the_users),
		TEST(items_do_not_overlap),
		TEST(items_are_read_through_the_log),
		TEST(reading_can_fail),
	};

	return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
