// SPDX-License-Identifier: GPL-2.0-only
/*
 * The region table ([MS-VHDX] 2.2.3): which copy counts, and each rule for its
 * entries.
 */
#include <stdio.h>

#include "alloc.h"
#include "region.h"
#include "unit.h"
#include "vhdx-build.h"

#define OPTIONAL "optional.region."
#define REQUIRED 1

static struct ram ram;
static struct vhdx_space space;
static struct vhdx_regions regions;
static struct vhdx_overlay overlay;
static struct vhdx_report report;
static bool found[VHDX_F_COUNT];

/* An empty file of 16 MiB with a log at 1 MiB. */
static void blank(void)
{
	ram_init(&ram, 16 * MIB);
	memset(&overlay, 0, sizeof(overlay));
	memset(&space, 0, sizeof(space));
}

static int setup(void **state)
{
	(void)state;
	blank();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vhdx_space_destroy(&space);
	ram_destroy(&ram);
	return 0;
}

static void on_found(struct vhdx_report *r, enum vhdx_finding finding,
		     u64 where, u64 value)
{
	(void)r;
	(void)where;
	(void)value;
	found[finding] = true;
}

static int read_regions(bool check)
{
	vhdx_space_destroy(&space);
	assert_int_equal(vhdx_space_init(&space, 20, ram.size), 0);
	assert_int_equal(vhdx_space_claim(&space, 0, MIB), 0);
	assert_int_equal(vhdx_space_claim(&space, VB_LOG, MIB), 0);
	memset(&regions, 0, sizeof(regions));
	memset(found, 0, sizeof(found));
	report = (struct vhdx_report){ .found = on_found };
	return vhdx_regions_read(&regions, &ram.container, &overlay, &space,
				 check, &report);
}

static void put_good(u64 table)
{
	vb_put_region(&ram, table, 0, VB_REGION_METADATA, 2 * MIB, MIB, 1);
	vb_put_region(&ram, table, 1, VB_REGION_BAT, 3 * MIB, 2 * MIB, 1);
	vb_sum_regions(&ram, table, 2);
}

static void put_both(void)
{
	put_good(VB_REGIONS1);
	put_good(VB_REGIONS2);
}

static void assert_good(void)
{
	assert_int_equal(regions.metadata.offset_bytes, 2 * MIB);
	assert_int_equal(regions.metadata.len_bytes, MIB);
	assert_int_equal(regions.bat.offset_bytes, 3 * MIB);
	assert_int_equal(regions.bat.len_bytes, 2 * MIB);
	assert_int_equal(space.busy_units, 5);
}

static void both_regions_are_found(void **state)
{
	(void)state;
	put_both();
	assert_int_equal(read_regions(true), 0);
	assert_good();
	assert_int_equal(report.worst, VHDX_F_NONE);
}

/* QEMU leaves the Required bit of both clear. */
static void they_are_known_by_their_guid(void **state)
{
	(void)state;
	put_both();
	vb_put_region(&ram, VB_REGIONS1, 0, VB_REGION_METADATA, 2 * MIB, MIB,
		      0);
	vb_put_region(&ram, VB_REGIONS1, 1, VB_REGION_BAT, 3 * MIB, 2 * MIB,
		      0);
	vb_sum_regions(&ram, VB_REGIONS1, 2);
	assert_int_equal(read_regions(false), 0);
	assert_good();
}

static void the_second_copy_serves_where_the_first_is_bad(void **state)
{
	static const u32 at[] = { 0, 4, 8, 16, 65535 };
	unsigned int i;
	u8 byte;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		put_both();
		ram_peek(&ram, VB_REGIONS1 + at[i], &byte, 1);
		byte ^= 4;
		ram_poke(&ram, VB_REGIONS1 + at[i], &byte, 1);
		assert_int_equal(read_regions(false), 0);
		assert_good();
		assert_int_equal(report.worst, VHDX_F_NONE);
		assert_int_equal(read_regions(true), 0);
		assert_int_equal(report.worst, VHDX_F_REGION_TABLE_ONE_INVALID);
		assert_int_equal(report.where, VB_REGIONS1);
		byte ^= 4;
		ram_poke(&ram, VB_REGIONS1 + at[i], &byte, 1);
	}
}

static void the_first_valid_copy_counts(void **state)
{
	(void)state;
	put_both();
	vb_put32(&ram, VB_REGIONS2 + 4, 0);
	assert_int_equal(read_regions(true), 0);
	assert_int_equal(report.worst, VHDX_F_REGION_TABLE_ONE_INVALID);
	assert_int_equal(report.where, VB_REGIONS2);
	vb_put_region(&ram, VB_REGIONS2, 1, VB_REGION_BAT, 9 * MIB, MIB, 1);
	vb_sum_regions(&ram, VB_REGIONS2, 2);
	assert_int_equal(read_regions(false), 0);
	assert_good();
	assert_int_equal(read_regions(true), 0);
	assert_good();
	assert_int_equal(report.worst, VHDX_F_REGION_TABLES_DIFFER);
}

static void one_is_needed(void **state)
{
	(void)state;
	put_both();
	vb_put32(&ram, VB_REGIONS1 + 4, 0);
	vb_put32(&ram, VB_REGIONS2 + 4, 0);
	assert_int_equal(read_regions(false), -EBADMSG);
	assert_int_equal(report.worst, VHDX_F_NO_VALID_REGION_TABLE);
	ram_poke(&ram, VB_REGIONS1, "iger", 4);
	vb_sum(&ram, VB_REGIONS1, 65536, 4);
	assert_int_equal(read_regions(false), -EBADMSG);
}

/* Each case is a whole table. */
static const struct {
	enum vhdx_finding finding;
	int err;
	u64 busy;
	struct {
		const char *guid;
		u64 offset;
		u32 len;
		u32 required;
	} entry[3];
} cases[] = {
	/* Unknown, not required: its space is kept. */
	{ 0, 0, 8, { { OPTIONAL, 8 * MIB, 3 * MIB, 0 } } },
	/* Only bit 0 says required. */
	{ 0, 0, 6, { { OPTIONAL, 8 * MIB, MIB, 2 } } },
	/* Order is free, the end of the file is not too far. */
	{ 0, 0, 9, { { OPTIONAL, 12 * MIB, 4 * MIB, 0 } } },
	{ VHDX_F_REGION_UNKNOWN, -EOPNOTSUPP, 0,
	  { { OPTIONAL, 8 * MIB, MIB, REQUIRED } } },
	{ VHDX_F_REGION_DUPLICATE, -EUCLEAN, 0,
	  { { VB_REGION_BAT, 8 * MIB, MIB, 1 } } },
	{ VHDX_F_REGION_DUPLICATE, -EUCLEAN, 0,
	  { { OPTIONAL, 8 * MIB, MIB, 0 }, { OPTIONAL, 9 * MIB, MIB, 0 } } },
	{ VHDX_F_REGION_GEOMETRY, -EUCLEAN, 0,
	  { { OPTIONAL, 8 * MIB, 0, 0 } } },
	{ VHDX_F_REGION_GEOMETRY, -EUCLEAN, 0,
	  { { OPTIONAL, 0, MIB, 0 } } },
	{ VHDX_F_REGION_GEOMETRY, -EUCLEAN, 0,
	  { { OPTIONAL, 512 * 1024, MIB, 0 } } },
	{ VHDX_F_REGION_GEOMETRY, -EUCLEAN, 0,
	  { { OPTIONAL, 8 * MIB + 4096, MIB, 0 } } },
	{ VHDX_F_REGION_GEOMETRY, -EUCLEAN, 0,
	  { { OPTIONAL, 8 * MIB, MIB + 4096, 0 } } },
	{ VHDX_F_REGION_GEOMETRY, -EUCLEAN, 0,
	  { { OPTIONAL, 13 * MIB, 4 * MIB, 0 } } },
	{ VHDX_F_REGION_GEOMETRY, -EUCLEAN, 0,
	  { { OPTIONAL, 16 * MIB, MIB, 0 } } },
	{ VHDX_F_REGION_GEOMETRY, -EUCLEAN, 0,
	  { { OPTIONAL, -MIB, MIB, 0 } } },
	{ VHDX_F_REGION_GEOMETRY, -EUCLEAN, 0,
	  { { OPTIONAL, 1ULL << 63, 0xfff00000, 0 } } },
	{ VHDX_F_REGION_OVERLAP, -EUCLEAN, 0,
	  { { OPTIONAL, VB_LOG, MIB, 0 } } },
	{ VHDX_F_REGION_OVERLAP, -EUCLEAN, 0,
	  { { OPTIONAL, 4 * MIB, 2 * MIB, 0 } } },
	{ VHDX_F_REGION_OVERLAP, -EUCLEAN, 0,
	  { { OPTIONAL, 7 * MIB, 2 * MIB, 0 },
	    { "optional.another", 8 * MIB, MIB, 0 } } },
};

static void every_rule_for_entries(void **state)
{
	unsigned int i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		put_good(VB_REGIONS1);
		for (n = 0; cases[i].entry[n].guid; n++)
			vb_put_region(&ram, VB_REGIONS1, 2 + n,
				      cases[i].entry[n].guid,
				      cases[i].entry[n].offset,
				      cases[i].entry[n].len,
				      cases[i].entry[n].required);
		vb_sum_regions(&ram, VB_REGIONS1, 2 + n);
		assert_int_equal(read_regions(false), cases[i].err);
		assert_int_equal(report.worst, cases[i].finding);
		if (cases[i].err)
			continue;
		assert_int_equal(space.busy_units, cases[i].busy);
		assert_int_equal(regions.bat.offset_bytes, 3 * MIB);
	}
}

static void the_rules_hold_for_the_known_ones_too(void **state)
{
	(void)state;
	put_good(VB_REGIONS1);
	vb_put_region(&ram, VB_REGIONS1, 1, VB_REGION_BAT, 3 * MIB, 0, 1);
	vb_sum_regions(&ram, VB_REGIONS1, 2);
	assert_int_equal(read_regions(false), -EUCLEAN);
	assert_int_equal(report.worst, VHDX_F_REGION_GEOMETRY);
	vb_put_region(&ram, VB_REGIONS1, 1, VB_REGION_BAT, 2 * MIB, MIB, 1);
	vb_sum_regions(&ram, VB_REGIONS1, 2);
	assert_int_equal(read_regions(false), -EUCLEAN);
	assert_int_equal(report.worst, VHDX_F_REGION_OVERLAP);
}

static void both_are_needed(void **state)
{
	(void)state;
	put_good(VB_REGIONS1);
	vb_sum_regions(&ram, VB_REGIONS1, 1);
	assert_int_equal(read_regions(false), -EUCLEAN);
	assert_int_equal(report.worst, VHDX_F_REGION_NO_BAT);
	vb_sum_regions(&ram, VB_REGIONS1, 0);
	assert_int_equal(read_regions(false), -EUCLEAN);
	assert_int_equal(report.worst, VHDX_F_REGION_NO_BAT);
	vb_put_region(&ram, VB_REGIONS1, 0, VB_REGION_BAT, 3 * MIB, MIB, 1);
	vb_sum_regions(&ram, VB_REGIONS1, 1);
	assert_int_equal(read_regions(false), -EUCLEAN);
	assert_int_equal(report.worst, VHDX_F_REGION_NO_METADATA);
}

static void two_thousand_and_forty_seven_entries_fit(void **state)
{
	static const u32 too_many[] = { 2048, 0x10000, U32_MAX };
	unsigned int i;
	char guid[17];

	(void)state;
	ram.size = 3000 * MIB;
	put_good(VB_REGIONS1);
	for (i = 2; i < 2047; i++) {
		snprintf(guid, sizeof(guid), "region %09u", i);
		vb_put_region(&ram, VB_REGIONS1, i, guid, (100 + i) * MIB, MIB,
			      0);
	}
	vb_sum_regions(&ram, VB_REGIONS1, 2047);
	assert_int_equal(read_regions(false), 0);
	assert_int_equal(space.busy_units, 5 + 2045);
	for (i = 0; i < ARRAY_SIZE(too_many); i++) {
		vb_sum_regions(&ram, VB_REGIONS1, too_many[i]);
		assert_int_equal(read_regions(false), -EUCLEAN);
		assert_int_equal(report.worst, VHDX_F_REGION_COUNT);
		assert_int_equal(report.value, too_many[i]);
	}
}

/* A table that the log still holds counts as written. */
static void tables_are_read_through_the_log(void **state)
{
	static u8 page[4096];
	struct vhdx_patch patch = {
		.offset_bytes = VB_REGIONS1,
		.len_bytes = sizeof(page),
		.page = page,
	};

	(void)state;
	put_good(VB_REGIONS1);
	ram_peek(&ram, VB_REGIONS1, page, sizeof(page));
	vb_put32(&ram, VB_REGIONS1 + 4, 0);
	assert_int_equal(read_regions(false), -EBADMSG);
	overlay.patch = &patch;
	overlay.count = 1;
	assert_int_equal(read_regions(false), 0);
	assert_good();
}

static void reading_can_fail(void **state)
{
	(void)state;
	put_both();
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_READ));
	assert_int_equal(read_regions(false), -EIO);
	assert_int_equal(report.worst, VHDX_F_IO_ERROR);
	vhdx_space_destroy(&space);
	/* The first one is the map's. */
	alloc_fail(2);
	assert_int_equal(read_regions(false), -ENOMEM);
	assert_true(alloc_has_failed());
	assert_int_equal(report.worst, VHDX_F_NO_MEMORY);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_regions_are_found),
		TEST(they_are_known_by_their_guid),
		TEST(the_second_copy_serves_where_the_first_is_bad),
		TEST(the_first_valid_copy_counts),
		TEST(one_is_needed),
		TEST(every_rule_for_entries),
		TEST(the_rules_hold_for_the_known_ones_too),
		TEST(both_are_needed),
		TEST(two_thousand_and_forty_seven_entries_fit),
		TEST(tables_are_read_through_the_log),
		TEST(reading_can_fail),
	};

	return cmocka_run_group_tests_name("region", tests, NULL, NULL);
}
