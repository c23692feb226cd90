// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which of a VHD's two footers counts, and what they may say.
 */
#include "vhd-opening.h"

static void flip(u64 footer, size_t offset, u8 bits)
{
	u8 byte;

	ram_peek(&ram, footer + offset, &byte, 1);
	byte ^= bits;
	vhd_patch_footer(&ram, footer, offset, &byte, 1);
}

/* Whoever changed one may have died before the other. */
static bool may_differ(size_t offset)
{
	bool timestamp = offset >= 24 && offset < 28;
	bool hidden = offset == 85;

	return timestamp || hidden;
}

static void every_byte_of_the_copy(void **state)
{
	const size_t checksum = 64, saved_state = 84;
	size_t i;

	(void)state;
	for (i = 8; i < 512; i++) {
		if (i >= checksum && i < checksum + 4)
			continue;
		flip(0, i, 0x10);
		if (i == saved_state)
			assert_read_only(VHD_SAVED_STATE);
		else if (may_differ(i))
			assert_clean();
		else
			assert_read_only(VHD_FOOTERS_DIFFER);
		flip(0, i, 0x10);
	}
	assert_clean();
}

static void a_guest_saved_by_either_footer(void **state)
{
	u8 bad[512] = { 0 };

	(void)state;
	flip(end, 84, 1);
	assert_read_only(VHD_SAVED_STATE);
	flip(end, 84, 1);
	/* A copy that does not count says nothing. */
	flip(0, 84, 1);
	ram_poke(&ram, 0, "x", 1);
	assert_untidy(VHD_FOOTER_COPY_BAD);
	ram_poke(&ram, 0, "c", 1);
	ram_poke(&ram, end, bad, sizeof(bad));
	assert_int_equal(try_open(true, false), -EOPNOTSUPP);
	assert_found_only(VHD_SAVED_STATE);
}

static void the_fourth_character_of_a_creator(void **state)
{
	(void)state;
	patch_footers32(32, 1);
	patch_footers(28, "tap ", 4);
	assert_fatal(VHD_LSB_BITMAPS);
	patch_footers(28, "tap", 4);
	assert_fatal(VHD_LSB_BITMAPS);
	/* Somebody else. */
	patch_footers(28, "tape", 4);
	assert_clean();
	patch_footers(28, "tar ", 4);
	assert_clean();
}

static void a_wrong_sum_of_xen_is_wrong(void **state)
{
	u8 sum;

	(void)state;
	patch_footers(28, "tap ", 4);
	assert_clean();
	ram_peek(&ram, end + 67, &sum, 1);
	sum++;
	ram_poke(&ram, 67, &sum, 1);
	ram_poke(&ram, end + 67, &sum, 1);
	assert_fatal(VHD_FOOTER_CHECKSUM);
}

static void disabled_by_one_footer(void **state)
{
	u8 zeros[512] = { 0 };

	(void)state;
	/* The one at the end is good, so it was not Xen's doing. */
	ram_poke(&ram, 0, "v_poison", 8);
	assert_untidy(VHD_FOOTER_COPY_BAD);
	ram_poke(&ram, end, zeros, 512);
	assert_fatal(VHD_DISABLED);
	ram_poke(&ram, 0, "conectix", 8);
	ram_poke(&ram, end, "v_poison", 8);
	assert_fatal(VHD_DISABLED);
}

static void the_sum_of_a_lonely_copy(void **state)
{
	u8 zeros[512] = { 0 };

	(void)state;
	ram_poke(&ram, end, zeros, 512);
	ram_poke(&ram, 100, "x", 1);
	assert_fatal(VHD_FOOTER_CHECKSUM);
}

static void a_geometry_of_nothing_means_nothing(void **state)
{
	const u8 no_cylinders[4] = { 0, 0, 4, 17 };
	struct vhdx_image *image;

	(void)state;
	patch_footers(28, "vpc ", 4);
	patch_footers(56, no_cylinders, 4);
	image = must_open();
	assert_int_equal(vhdx_image_geometry(image)->virtual_bytes, MIB);
	vhdx_image_close(image);
}

/* A check names what is wrong with the blocks of a hidden image, too. */
static void a_check_looks_further(void **state)
{
	u8 one = 1;

	(void)state;
	patch_footers(28, "tap ", 4);
	patch_footers(85, &one, 1);
	vhd_patch_entry(&ram, 4, 0x7FFFFFFF);
	assert_int_equal(try_open(false, true), -EOPNOTSUPP);
	assert_true(found[VHDX_F_VHD_HIDDEN]);
	assert_true(found[VHDX_F_BLOCK_PAST_END]);
	assert_int_equal(findings(), 2);
}

#define PLAIN(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(every_byte_of_the_copy),
		PLAIN(a_guest_saved_by_either_footer),
		PLAIN(the_fourth_character_of_a_creator),
		PLAIN(a_wrong_sum_of_xen_is_wrong),
		PLAIN(disabled_by_one_footer),
		PLAIN(the_sum_of_a_lonely_copy),
		PLAIN(a_geometry_of_nothing_means_nothing),
		PLAIN(a_check_looks_further),
	};

	return cmocka_run_group_tests_name("vhd-footer", tests, NULL, NULL);
}
