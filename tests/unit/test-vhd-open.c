// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening a VHD: every bound is found and named, nothing is written, and what
 * is sound is read right.
 */
#include "alloc.h"
#include "vhd-opening.h"

static void plain_is_clean(void **state)
{
	struct vhdx_image *image;
	const struct vhdx_geometry *geometry;

	(void)state;
	assert_clean();
	image = must_open();
	geometry = vhdx_image_geometry(image);
	assert_int_equal(geometry->format, VHDX_FORMAT_VHD);
	assert_int_equal(geometry->type, VHDX_TYPE_DYNAMIC);
	assert_int_equal(geometry->virtual_bytes, MIB);
	assert_int_equal(geometry->block_bytes, BLOCK);
	assert_int_equal(geometry->blocks, 16);
	assert_int_equal(geometry->sector_bytes, 512);
	assert_int_equal(geometry->data_alignment, 4096);
	assert_int_equal(geometry->id[0], 0x5A);
	assert_content(image, 3);
	vhdx_image_close(image);
}

static void packed_is_clean(void **state)
{
	struct vhdx_image *image;

	(void)state;
	assert_clean();
	image = must_open();
	assert_int_equal(vhdx_image_geometry(image)->data_alignment, 512);
	assert_content(image, 3);
	vhdx_image_close(image);
}

static void every_block_size(void **state)
{
	struct vhd_build build = { .present = 2 };
	struct vhdx_image *image;
	u32 shift, tight;

	(void)state;
	for (shift = 9; shift <= 23; shift++) {
		for (tight = 0; tight < 2; tight++) {
			build.block_bytes = 1U << shift;
			build.virtual_bytes = (3ULL << shift) - 512;
			build.packed = tight;
			if (shift == 9)
				build.virtual_bytes = 1536;
			ram_destroy(&ram);
			ram_init(&ram, 0);
			end = vhd_build(&ram, &build);
			assert_clean();
			image = must_open();
			assert_content(image, 2);
			vhdx_image_close(image);
		}
	}
}

static void nothing_there(void **state)
{
	struct vhdx_open_options any = { .any_format = true };
	struct vhdx_image *image = NULL;
	u8 zeros[512] = { 0 };

	(void)state;
	ram_destroy(&ram);
	ram_init(&ram, 0);
	assert_fatal(TOO_SHORT);
	ram_destroy(&ram);
	ram_init(&ram, 511);
	assert_fatal(TOO_SHORT);
	ram_destroy(&ram);
	ram_init(&ram, MIB);
	ram_poke(&ram, 0, zeros, 512);
	assert_fatal(VHD_NO_FOOTER);
	assert_int_equal(open_with(&any, &image), -EMEDIUMTYPE);
	assert_found_only(NOT_AN_IMAGE);
}

static void footer_at_the_end(void **state)
{
	struct vhdx_image *image;
	u8 bad = 1;

	(void)state;
	ram_poke(&ram, end + 100, &bad, 1);
	assert_untidy(VHD_FOOTER_MISSING);
	image = must_open();
	assert_content(image, 3);
	vhdx_image_close(image);
	ram_poke(&ram, 100, &bad, 1);
	assert_fatal(VHD_FOOTER_CHECKSUM);
}

static void footer_copy(void **state)
{
	u8 bad[512] = { 0 };

	(void)state;
	ram_poke(&ram, 0, bad, 512);
	assert_untidy(VHD_FOOTER_COPY_BAD);
	ram_poke(&ram, end, bad, 512);
	assert_fatal(VHD_NO_FOOTER);
}

static void footers_that_differ(void **state)
{
	u8 bytes[4] = { 1, 2, 3, 4 };

	(void)state;
	vhd_patch_footer(&ram, 0, 24, bytes, 4);
	assert_clean();
	vhd_patch_footer(&ram, 0, 68, bytes, 4);
	assert_read_only(VHD_FOOTERS_DIFFER);
}

static void footer_of_511_bytes(void **state)
{
	struct vhdx_image *image;

	(void)state;
	assert_int_equal(ram.container.ops->resize(&ram.container,
						   ram.size - 1), 0);
	ram.count[RAM_RESIZE] = 0;
	assert_untidy(VHD_FOOTER_SHORT);
	image = must_open();
	assert_content(image, 3);
	vhdx_image_close(image);
}

static void footer_says_no(void **state)
{
	u8 one = 1;

	(void)state;
	patch_footers32(12, 0x20000);
	assert_fatal(VHD_VERSION);
	patch_footers32(12, 0x10000);
	patch_footers32(60, 5);
	assert_fatal(VHD_TYPE);
	patch_footers32(60, 4);
	assert_fatal(DIFFERENCING);
	patch_footers32(60, 3);
	patch_footers(84, &one, 1);
	assert_read_only(VHD_SAVED_STATE);
}

static void virtual_size(void **state)
{
	(void)state;
	patch_footers64(48, 0);
	assert_fatal(VIRTUAL_SIZE);
	patch_footers64(48, MIB - 1);
	assert_fatal(VIRTUAL_SIZE);
	patch_footers64(48, (2040ULL << 30) + 512);
	assert_fatal(VIRTUAL_SIZE);
	patch_footers64(48, U64_MAX & ~511ULL);
	assert_fatal(VIRTUAL_SIZE);
	patch_footers64(48, MIB + 512);
	assert_fatal(BAT_TOO_SMALL);
}

static u64 opened_size(void)
{
	struct vhdx_image *image = must_open();
	u64 bytes = vhdx_image_geometry(image)->virtual_bytes;

	vhdx_image_close(image);
	return bytes;
}

static void virtual_pc_means_geometry(void **state)
{
	const u8 geometry[4] = { 0, 10, 4, 17 };
	const u8 large[4] = { 0xFF, 0xFF, 16, 255 };

	(void)state;
	patch_footers(56, geometry, 4);
	assert_int_equal(opened_size(), MIB);
	patch_footers(28, "vpc ", 4);
	assert_int_equal(opened_size(), 10 * 4 * 17 * 512);
	patch_footers(28, "vpc", 4);
	assert_int_equal(opened_size(), 10 * 4 * 17 * 512);
	patch_footers(56, large, 4);
	assert_int_equal(opened_size(), MIB);
}

/* More than a geometry can express: it says nothing. */
static void the_largest_geometry_means_nothing(void **state)
{
	const struct vhd_build large = {
		.virtual_bytes = 200ULL * 1024 * MIB,
		.block_bytes = 2 * MIB,
	};
	const u8 geometry[4] = { 0xFF, 0xFF, 16, 255 };

	(void)state;
	ram_destroy(&ram);
	ram_init(&ram, 0);
	end = vhd_build(&ram, &large);
	patch_footers(28, "vpc ", 4);
	patch_footers(56, geometry, 4);
	assert_int_equal(opened_size(), large.virtual_bytes);
}

/* The last block, wherever it is, belongs to those who go by the current size. */
static void use_all_before_the_last_block(bool last_is_highest)
{
	const struct vhd_build full = {
		.virtual_bytes = MIB, .block_bytes = BLOCK, .present = 16,
	};
	const u8 geometry[4] = { 0, 120, 16, 1 };
	const struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHD, .writable = true,
	};
	static u8 before[BLOCK + 512], after[BLOCK + 512];
	u8 entries[16][4];
	struct vhdx_image *image;
	u64 last, i;

	ram_destroy(&ram);
	ram_init(&ram, 0);
	end = vhd_build(&ram, &full);
	ram_peek(&ram, VHD_BAT_AT, entries, sizeof(entries));
	if (last_is_highest) {
		vhd_patch_entry(&ram, 0, vhd_get32(entries[15]));
		vhd_patch_entry(&ram, 15, vhd_get32(entries[0]));
	}
	patch_footers(28, "vpc ", 4);
	patch_footers(56, geometry, 4);
	ram_peek(&ram, VHD_BAT_AT + 60, entries[15], 4);
	last = vhd_get32(entries[15]) * 512ULL;
	ram_peek(&ram, last, before, sizeof(before));

	assert_int_equal(open_with(&options, &image), 0);
	assert_int_equal(vhdx_image_geometry(image)->blocks, 15);
	assert_int_equal(vhdx_image_discard(image, 0, 15 * BLOCK), 0);
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_int_equal(vhdx_image_punch_all(image), 0);
	for (i = 0; i < 15; i += 2)
		assert_int_equal(vhdx_image_write(image, i * BLOCK, after,
						  BLOCK), 0);
	assert_int_equal(vhdx_image_finish(image), 0);
	vhdx_image_close(image);

	ram_peek(&ram, VHD_BAT_AT + 60, entries[14], 4);
	assert_memory_equal(entries[14], entries[15], 4);
	ram_peek(&ram, last, after, sizeof(after));
	assert_memory_equal(after, before, sizeof(after));
	assert_true(ram.size >= last + sizeof(after));
}

static void what_is_behind_the_geometry_stays(void **state)
{
	(void)state;
	use_all_before_the_last_block(false);
	use_all_before_the_last_block(true);
}

/* One that shares its space with the disk or its structures is no block. */
static void stale_behind_the_geometry(void **state)
{
	const struct vhd_build full = {
		.virtual_bytes = MIB, .block_bytes = BLOCK, .present = 15,
		.packed = true,
	};
	const u32 sectors = BLOCK / 512 + 1;
	const u8 geometry[4] = { 0, 112, 16, 1 };
	u32 first, i;
	u8 raw[4];

	(void)state;
	ram_destroy(&ram);
	ram_init(&ram, 0);
	end = vhd_build(&ram, &full);
	ram_peek(&ram, VHD_BAT_AT + 56, raw, sizeof(raw));
	first = vhd_get32(raw);
	for (i = 0; i < 15; i++)
		vhd_patch_entry(&ram, i, first + i * sectors);
	patch_footers(28, "vpc ", 4);
	patch_footers(56, geometry, 4);
	assert_clean();
	/* They may share it with each other. */
	vhd_patch_entry(&ram, 15, first + 14 * sectors);
	assert_clean();
	vhd_patch_entry(&ram, 15, 0xFFFFFFFF);
	/* The disk's last ends one sector behind the begin of this one. */
	vhd_patch_entry(&ram, 14, first + 14 * sectors - 1);
	assert_untidy(TAIL_UNUSED);
	vhd_patch_entry(&ram, 14, (VHD_HEADER_AT + 512) / 512);
	vhd_patch_entry(&ram, 15, VHD_BAT_AT / 512);
	assert_untidy(TAIL_UNUSED);
}

/* An entry there that can be no block's is nobody's. */
static void rubbish_behind_the_geometry(void **state)
{
	const u8 geometry[4] = { 0, 120, 16, 1 };
	const u32 rubbish[] = { 0, 1, 0x7FFFFFFF, 0xFFFFFFFE };
	unsigned int i;

	(void)state;
	patch_footers(28, "vpc ", 4);
	patch_footers(56, geometry, 4);
	for (i = 0; i < ARRAY_SIZE(rubbish); i++) {
		vhd_patch_entry(&ram, 15, rubbish[i]);
		assert_clean();
	}
}

static void xen(void **state)
{
	u8 one = 1;
	u8 sector[512] = "tdbatmap";

	(void)state;
	patch_footers(28, "tap", 4);
	patch_footers32(32, 0x10001);
	assert_clean();
	patch_footers32(32, 1);
	assert_fatal(VHD_LSB_BITMAPS);
	patch_footers32(32, 0x10003);
	assert_fatal(VHD_BATMAP);
	patch_footers32(32, 0x10001);
	ram_poke(&ram, VHD_BAT_AT + 512, sector, 512);
	assert_fatal(VHD_BATMAP);
	sector[29] = 1;
	ram_poke(&ram, VHD_BAT_AT + 512, sector, 512);
	assert_fatal(VHD_ENCRYPTED);
	memset(sector, 0, sizeof(sector));
	ram_poke(&ram, VHD_BAT_AT + 512, sector, 512);
	assert_clean();
	patch_footers(85, &one, 1);
	assert_fatal(VHD_HIDDEN);
}

static void xen_hides_without_sealing(void **state)
{
	u8 one = 1;

	(void)state;
	patch_footers(28, "tap", 4);
	ram_poke(&ram, 85, &one, 1);
	ram_poke(&ram, end + 85, &one, 1);
	assert_fatal(VHD_HIDDEN);
	ram_poke(&ram, 0, "v_poison", 8);
	ram_poke(&ram, end, "v_poison", 8);
	assert_fatal(VHD_DISABLED);
}

static void header_place(void **state)
{
	(void)state;
	patch_footers64(16, 0);
	assert_fatal(VHD_HEADER_GEOMETRY);
	patch_footers64(16, 513);
	assert_fatal(VHD_HEADER_GEOMETRY);
	patch_footers64(16, end - 512);
	assert_fatal(VHD_HEADER_GEOMETRY);
	patch_footers64(16, U64_MAX);
	assert_fatal(VHD_HEADER_GEOMETRY);
	patch_footers64(16, U64_MAX & ~511ULL);
	assert_fatal(VHD_HEADER_GEOMETRY);
}

static void header_contents(void **state)
{
	u8 bad = 1;

	(void)state;
	patch_header32(24, 0x20000);
	assert_fatal(VHD_HEADER_VERSION);
	patch_header32(24, 0x10000);
	vhd_patch_header(&ram, 0, "cxspArse", 8);
	assert_fatal(VHD_HEADER_COOKIE);
	vhd_patch_header(&ram, 0, "cxsparse", 8);
	ram_poke(&ram, VHD_HEADER_AT + 900, &bad, 1);
	assert_fatal(VHD_HEADER_CHECKSUM);
}

static void header_blocks(void **state)
{
	static const u32 bad[] = { 0, 1, 256, 3 << 16, 512U << 20, 1U << 31 };
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		patch_header32(32, bad[i]);
		assert_fatal(BLOCK_SIZE);
	}
	patch_header32(32, BLOCK);
	patch_header32(28, 15);
	assert_fatal(BAT_TOO_SMALL);
	/* 16 TiB worth of entries are needed for 2040 GiB in sectors. */
	patch_footers64(48, 2040ULL << 30);
	patch_header32(28, U32_MAX);
	patch_header32(32, 512);
	assert_fatal(BLOCK_SIZE);
}

static void bat_place(void **state)
{
	(void)state;
	patch_header64(16, 0);
	assert_fatal(VHD_BAT_GEOMETRY);
	patch_header64(16, VHD_BAT_AT + 1);
	assert_fatal(VHD_BAT_GEOMETRY);
	patch_header64(16, VHD_HEADER_AT + 512);
	assert_fatal(VHD_BAT_GEOMETRY);
	patch_header64(16, end);
	assert_fatal(VHD_BAT_GEOMETRY);
	patch_header64(16, U64_MAX & ~511ULL);
	assert_fatal(VHD_BAT_GEOMETRY);
	patch_header64(16, VHD_BAT_AT);
	patch_header32(28, U32_MAX);
	assert_fatal(VHD_BAT_GEOMETRY);
}

static void blocks_out_of_place(void **state)
{
	u32 last = (end - BLOCK) / 512;

	(void)state;
	vhd_patch_entry(&ram, 4, 0);
	assert_fatal(BLOCK_IN_HEADER);
	vhd_patch_entry(&ram, 4, 2);
	assert_fatal(BLOCK_IN_HEADER);
	vhd_patch_entry(&ram, 4, 3);
	assert_fatal(BLOCK_OVERLAP);
	vhd_patch_entry(&ram, 4, last);
	assert_fatal(BLOCK_PAST_END);
	vhd_patch_entry(&ram, 4, 0xFFFFFFFE);
	assert_fatal(BLOCK_PAST_END);
}

static void blocks_that_overlap(void **state)
{
	u32 other = entry_of(2);

	(void)state;
	vhd_patch_entry(&ram, 4, other);
	assert_fatal(BLOCK_OVERLAP);
	vhd_patch_entry(&ram, 4, other + 8);
	assert_fatal(BLOCK_OVERLAP);
	vhd_patch_entry(&ram, 4, other + 1);
	assert_fatal(BLOCK_OVERLAP);
	/* Behind the disk's end nobody looks. */
	vhd_patch_entry(&ram, 4, U32_MAX);
	vhd_patch_entry(&ram, 16, other);
	vhd_patch_entry(&ram, 17, 0);
	assert_clean();
}

static void packed_blocks_that_overlap(void **state)
{
	u32 first = entry_of(2);

	(void)state;
	assert_int_equal(entry_of(1), first + 1 + BLOCK / 512);
	vhd_patch_entry(&ram, 1, first + BLOCK / 512);
	assert_fatal(BLOCK_OVERLAP);
}

static void check_finds_all(void **state)
{
	(void)state;
	vhd_patch_entry(&ram, 4, 0);
	vhd_patch_entry(&ram, 5, 0x7FFFFFFF);
	vhd_patch_entry(&ram, 6, entry_of(2));
	assert_int_equal(try_open(false, true), -EUCLEAN);
	assert_true(found[VHDX_F_BLOCK_IN_HEADER]);
	assert_true(found[VHDX_F_BLOCK_PAST_END]);
	assert_true(found[VHDX_F_BLOCK_OVERLAP]);
	assert_int_equal(findings(), 3);
}

/* The file ends inside the last block: whoever let it grow has died. */
static void cut_file(void **state)
{
	struct vhdx_image *image;
	u64 at = (u64)entry_of(0) * 512 + 512;
	u8 buf[1024];
	u32 i;

	(void)state;
	assert_int_equal(ram.container.ops->resize(&ram.container, at + 512),
			 0);
	ram.count[RAM_RESIZE] = 0;
	assert_int_equal(try_open(true, false), 0);
	assert_int_equal(try_open(false, true), 0);
	assert_true(found[VHDX_F_VHD_FOOTER_MISSING]);
	assert_true(found[VHDX_F_BLOCK_CUT]);
	assert_int_equal(findings(), 2);
	image = must_open();
	assert_int_equal(vhdx_image_read(image, 0, buf, sizeof(buf)), 0);
	for (i = 0; i < sizeof(buf); i++)
		assert_int_equal(buf[i], i < 512 ? vhd_build_byte(0, i) : 0);
	vhdx_image_close(image);
	ram.container.ops->resize(&ram.container, at - 512);
	ram.count[RAM_RESIZE] = 0;
	assert_int_equal(try_open(false, false), -EUCLEAN);
	assert_true(found[VHDX_F_BLOCK_PAST_END]);
}

/* Without a footer the blocks tell how long the file is meant to be. */
static void a_far_block_costs_no_memory(void **state)
{
	u8 zeros[512] = { 0 };

	(void)state;
	ram_poke(&ram, end, zeros, sizeof(zeros));
	vhd_patch_entry(&ram, 4, 0xFFFFFF00);
	alloc_largest();
	assert_int_equal(try_open(false, true), -EUCLEAN);
	assert_true(found[VHDX_F_VHD_FOOTER_MISSING]);
	assert_true(found[VHDX_F_BLOCK_PAST_END]);
	assert_true(alloc_largest() <= 64 * 1024);
}

static void tail(void **state)
{
	struct vhd_build build = plain;

	(void)state;
	build.slack = 2 * BLOCK;
	ram_destroy(&ram);
	ram_init(&ram, 0);
	end = vhd_build(&ram, &build);
	assert_untidy(TAIL_UNUSED);
}

static void fixed_is_clean(void **state)
{
	struct vhdx_image *image;
	const struct vhdx_geometry *geometry;
	u8 buf[512];

	(void)state;
	memset(buf, 0x77, sizeof(buf));
	ram_poke(&ram, 3 * 512, buf, 512);
	assert_clean();
	image = must_open();
	geometry = vhdx_image_geometry(image);
	assert_int_equal(geometry->type, VHDX_TYPE_FIXED);
	assert_int_equal(geometry->virtual_bytes, MIB);
	assert_int_equal(geometry->blocks, 1);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(vhdx_image_read(image, 3 * 512, buf, 512), 0);
	assert_int_equal(buf[511], 0x77);
	vhdx_image_close(image);
}

/* What a guest writes to the first sector of a fixed disk means nothing. */
static void fixed_and_forged(void **state)
{
	struct vhd_build build = plain;
	u8 footer[512];

	(void)state;
	build.present = 0;
	vhd_build(&ram, &build);
	vhd_build_fixed(&ram, MIB);
	assert_clean();
	vhd_footer(footer, MIB, 2);
	ram_poke(&ram, 0, footer, 512);
	assert_clean();
	memset(footer, 0, sizeof(footer));
	ram_poke(&ram, end, footer, 512);
	assert_fatal(VHD_NO_FOOTER);
}

static void fixed_too_short(void **state)
{
	u8 buf[8];

	(void)state;
	vhd_put64(buf, MIB + 512);
	vhd_patch_footer(&ram, end, 48, buf, 8);
	assert_fatal(FIXED_INCOMPLETE);
	vhd_put64(buf, MIB - 512);
	vhd_patch_footer(&ram, end, 48, buf, 8);
	assert_clean();
}

static void io_errors(void **state)
{
	struct vhdx_open_options options = { .format = VHDX_FORMAT_VHD };
	struct vhdx_image *image = NULL;
	u64 n;

	(void)state;
	for (n = 1; n < 100; n++) {
		int err;

		ram_fail(&ram, n, EIO, false, RAM_BIT(RAM_READ));
		err = open_with(&options, &image);
		if (!err)
			break;
		assert_int_equal(err, -EIO);
		assert_found_only(IO_ERROR);
	}
	assert_in_range(n, 4, 10);
	vhdx_image_close(image);
}

/* Whatever byte is wrong: no crash, and what is opened can be read. */
static void any_byte(void **state)
{
	struct vhdx_open_options options = { .format = VHDX_FORMAT_VHD };
	struct vhdx_image *image;
	static const u8 values[] = { 0x00, 0x01, 0x7F, 0x80, 0xFF };
	u32 at, i;
	u8 was;

	(void)state;
	for (at = 0; at < VHD_BAT_AT + 512; at++) {
		bool sealed = at < VHD_BAT_AT;

		ram_peek(&ram, at, &was, 1);
		for (i = 0; i < ARRAY_SIZE(values); i++) {
			u8 buf[512];

			if (at < 512) {
				vhd_patch_footer(&ram, 0, at, values + i, 1);
				vhd_patch_footer(&ram, end, at, values + i, 1);
			} else if (sealed) {
				vhd_patch_header(&ram, at - 512, values + i, 1);
			} else {
				ram_poke(&ram, at, values + i, 1);
			}
			image = NULL;
			if (open_with(&options, &image))
				continue;
			assert_int_equal(vhdx_image_read(image, 0, buf, 512),
					 0);
			vhdx_image_close(image);
		}
		if (at < 512) {
			vhd_patch_footer(&ram, 0, at, &was, 1);
			vhd_patch_footer(&ram, end, at, &was, 1);
		} else if (sealed) {
			vhd_patch_header(&ram, at - 512, &was, 1);
		} else {
			ram_poke(&ram, at, &was, 1);
		}
	}
	assert_clean();
}

#define PLAIN(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define PACKED(f) cmocka_unit_test_setup_teardown(f, setup_packed, teardown)
#define FIXED(f) cmocka_unit_test_setup_teardown(f, setup_fixed, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(plain_is_clean),
		PACKED(packed_is_clean),
		PLAIN(every_block_size),
		PLAIN(nothing_there),
		PLAIN(footer_at_the_end),
		PLAIN(footer_copy),
		PLAIN(footers_that_differ),
		PLAIN(footer_of_511_bytes),
		PLAIN(footer_says_no),
		PLAIN(virtual_size),
		PLAIN(virtual_pc_means_geometry),
		PLAIN(the_largest_geometry_means_nothing),
		PLAIN(what_is_behind_the_geometry_stays),
		PLAIN(stale_behind_the_geometry),
		PLAIN(rubbish_behind_the_geometry),
		PLAIN(xen),
		PLAIN(xen_hides_without_sealing),
		PLAIN(header_place),
		PLAIN(header_contents),
		PLAIN(header_blocks),
		PLAIN(bat_place),
		PLAIN(blocks_out_of_place),
		PLAIN(blocks_that_overlap),
		PACKED(packed_blocks_that_overlap),
		PLAIN(check_finds_all),
		PLAIN(cut_file),
		PLAIN(a_far_block_costs_no_memory),
		PLAIN(tail),
		FIXED(fixed_is_clean),
		FIXED(fixed_and_forged),
		FIXED(fixed_too_short),
		PLAIN(io_errors),
		PLAIN(any_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
