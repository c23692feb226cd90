// SPDX-License-Identifier: GPL-2.0-only
/*
 * New VHDX images: laid out as the format wants them, clean, and what was asked
 * for.
 */
#include "alloc.h"
#include "create.h"
#include "unit.h"
#include "vhdx-build.h"

#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define DYN VHDX_TYPE_DYNAMIC
#define FIX VHDX_TYPE_FIXED

static struct ram ram;
static struct vhdx_image *image;

static int setup(void **state)
{
	(void)state;
	ram_init(&ram, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(ram.misuse, 0);
	vhdx_image_close(image);
	image = NULL;
	ram_destroy(&ram);
	return 0;
}

static int create(const struct vhdx_create_options *options)
{
	vhdx_image_close(image);
	image = NULL;
	ram_destroy(&ram);
	ram_init(&ram, 0);
	return vhdx_create(&ram.container, options);
}

static void open_clean(void)
{
	const struct vhdx_open_options options = {
		.any_format = true,
		.writable = true,
		.check = true,
	};
	struct vhdx_report report = { };

	vhdx_image_close(image);
	assert_int_equal(vhdx_image_open(&ram.container, &options, &report,
					 &image), 0);
	assert_int_equal(report.worst, VHDX_F_NONE);
}

/* ---- what can be asked for --------------------------------------------------- */

static const struct {
	struct vhdx_create_options options;
	u32 block, sector, physical;
} good[] = {
	{ { .virtual_bytes = GIB, .type = DYN }, 32 * MIB, 512, 4096 },
	{ { .virtual_bytes = 512, .type = DYN }, 32 * MIB, 512, 4096 },
	{ { .virtual_bytes = 64 * TIB, .type = DYN }, 32 * MIB, 512, 4096 },
	{ { .virtual_bytes = 70 * MIB + 512, .type = FIX, .block_bytes = MIB },
	  MIB, 512, 4096 },
	{ { .virtual_bytes = 100 * GIB, .type = DYN, .block_bytes = 2 * MIB,
	    .sector_bytes = 4096, .physical_bytes = 512,
	    .log_bytes = 4 * MIB }, 2 * MIB, 4096, 512 },
	{ { .virtual_bytes = TIB, .type = DYN, .block_bytes = 256 * MIB,
	    .physical_bytes = 4096, .log_bytes = 64 * MIB }, 256 * MIB, 512,
	  4096 },
	{ { .virtual_bytes = 20 * GIB, .type = FIX, .block_bytes = MIB,
	    .sector_bytes = 512 }, MIB, 512, 4096 },
	{ { .virtual_bytes = 40 * GIB, .type = FIX,
	    .block_bytes = 256 * MIB }, 256 * MIB, 512, 4096 },
	{ { .virtual_bytes = 64 * TIB, .type = FIX }, 32 * MIB, 512, 4096 },
};

static void every_option_is_in_the_image(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		const struct vhdx_create_options options = good[i].options;
		const struct vhdx_geometry *g;

		assert_int_equal(create(&options), 0);
		assert_false(ram.unflushed);
		assert_int_equal(ram.size % MIB, 0);
		open_clean();
		g = vhdx_image_geometry(image);
		assert_int_equal(g->format, VHDX_FORMAT_VHDX);
		assert_int_equal(g->type, options.type);
		assert_int_equal(g->virtual_bytes, options.virtual_bytes);
		assert_int_equal(g->block_bytes, good[i].block);
		assert_int_equal(g->sector_bytes, good[i].sector);
		assert_int_equal(g->physical_bytes, good[i].physical);
		assert_int_equal(vb_get32(&ram, VB_HEADER1 + VB_LOG_LENGTH),
				 options.log_bytes ? options.log_bytes : MIB);
	}
}

static const struct vhdx_create_options bad[] = {
	{ .virtual_bytes = 0 },
	{ .virtual_bytes = 511 },
	{ .virtual_bytes = GIB + 1 },
	{ .virtual_bytes = 64 * TIB + 512 },
	{ .virtual_bytes = U64_MAX },
	{ .virtual_bytes = GIB + 512, .sector_bytes = 4096 },
	{ .virtual_bytes = GIB, .block_bytes = MIB / 2 },
	{ .virtual_bytes = GIB, .block_bytes = 3 * MIB },
	{ .virtual_bytes = GIB, .block_bytes = 512 * MIB },
	{ .virtual_bytes = GIB, .block_bytes = 1 },
	{ .virtual_bytes = GIB, .block_bytes = U32_MAX },
	{ .virtual_bytes = GIB, .sector_bytes = 1024 },
	{ .virtual_bytes = GIB, .sector_bytes = 1 },
	{ .virtual_bytes = GIB, .physical_bytes = 8192 },
	{ .virtual_bytes = GIB, .log_bytes = MIB + 4096 },
	{ .virtual_bytes = GIB, .log_bytes = 4096 },
	{ .virtual_bytes = GIB, .log_bytes = 65 * MIB },
	{ .virtual_bytes = GIB, .type = VHDX_TYPE_DIFFERENCING },
};

static void what_the_format_does_not_allow_is_refused(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(create(&bad[i]), -EINVAL);
		assert_int_equal(ram_changes(&ram), 0);
		assert_int_equal(ram.size, 0);
	}
}

/* ---- what stands in the file --------------------------------------------------- */

static const struct vhdx_create_options plain = {
	.type = VHDX_TYPE_DYNAMIC,
	.virtual_bytes = 10 * GIB,
	.block_bytes = MIB,
};

static void the_file_identifier(void **state)
{
	u8 id[4096];

	(void)state;
	assert_int_equal(create(&plain), 0);
	ram_peek(&ram, 0, id, sizeof(id));
	assert_memory_equal(id, "vhdxfile", 8);
	assert_memory_equal(id + 8, "d\0m\0-\0v\0h\0d\0x\0\0\0", 16);
	assert_true(vhdx_is_zero(id + 24, sizeof(id) - 24));
}

static void two_headers_with_the_same_facts(void **state)
{
	u8 one[4096], two[4096];

	(void)state;
	assert_int_equal(create(&plain), 0);
	ram_peek(&ram, VB_HEADER1, one, sizeof(one));
	ram_peek(&ram, VB_HEADER2, two, sizeof(two));
	assert_true(vb_sum_is_good(&ram, VB_HEADER1, 4096, 4));
	assert_true(vb_sum_is_good(&ram, VB_HEADER2, 4096, 4));
	assert_memory_equal(one + 16, two + 16, 4080);
	assert_int_equal(vb_get64(&ram, VB_HEADER1 + VB_SEQUENCE) + 1,
			 vb_get64(&ram, VB_HEADER2 + VB_SEQUENCE));
	assert_false(vhdx_is_zero(one + VB_FILE_WRITE_GUID, 16));
	assert_false(vhdx_is_zero(one + VB_DATA_WRITE_GUID, 16));
	assert_memory_not_equal(one + VB_FILE_WRITE_GUID,
				one + VB_DATA_WRITE_GUID, 16);
	assert_true(vhdx_is_zero(one + VB_LOG_GUID, 16));
	assert_int_equal(vb_get16(&ram, VB_HEADER1 + VB_LOG_VERSION), 0);
	assert_int_equal(vb_get16(&ram, VB_HEADER1 + VB_VERSION), 1);
	assert_int_equal(vb_get64(&ram, VB_HEADER1 + VB_LOG_OFFSET), MIB);
	assert_true(vhdx_is_zero(one + VB_RESERVED, 4016));
}

static void two_region_tables(void **state)
{
	static u8 one[65536], two[65536];

	(void)state;
	assert_int_equal(create(&plain), 0);
	ram_peek(&ram, VB_REGIONS1, one, sizeof(one));
	ram_peek(&ram, VB_REGIONS2, two, sizeof(two));
	assert_memory_equal(one, two, sizeof(one));
	assert_memory_equal(one, "regi", 4);
	assert_true(vb_sum_is_good(&ram, VB_REGIONS1, 65536, 4));
	assert_int_equal(vb_get32(&ram, VB_REGIONS1 + 8), 2);
	assert_memory_equal(one + 16, VB_REGION_BAT, 16);
	assert_int_equal(vb_get64(&ram, VB_REGIONS1 + 32), 3 * MIB);
	assert_int_equal(vb_get32(&ram, VB_REGIONS1 + 40), MIB);
	assert_int_equal(vb_get32(&ram, VB_REGIONS1 + 44), 1);
	assert_memory_equal(one + 48, VB_REGION_METADATA, 16);
	assert_int_equal(vb_get64(&ram, VB_REGIONS1 + 64), 2 * MIB);
	assert_int_equal(vb_get32(&ram, VB_REGIONS1 + 72), MIB);
	assert_int_equal(vb_get32(&ram, VB_REGIONS1 + 76), 1);
	assert_true(vhdx_is_zero(one + 80, sizeof(one) - 80));
}

static void five_items(void **state)
{
	static const struct {
		const char *guid;
		u32 bytes, flags;
	} t[] = {
		{ VB_ITEM_PARAMETERS, 8, 4 }, { VB_ITEM_SIZE, 8, 6 },
		{ VB_ITEM_ID, 16, 6 }, { VB_ITEM_LOGICAL, 4, 6 },
		{ VB_ITEM_PHYSICAL, 4, 6 },
	};
	u64 at = 2 * MIB;
	unsigned int i;
	u8 guid[16];

	(void)state;
	assert_int_equal(create(&plain), 0);
	ram_peek(&ram, at, guid, 8);
	assert_memory_equal(guid, "metadata", 8);
	assert_int_equal(vb_get16(&ram, at + 10), ARRAY_SIZE(t));
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		u64 entry = at + 32 + i * 32;

		ram_peek(&ram, entry, guid, 16);
		assert_memory_equal(guid, t[i].guid, 16);
		assert_true(vb_get32(&ram, entry + 16) >= 65536);
		assert_int_equal(vb_get32(&ram, entry + 20), t[i].bytes);
		assert_int_equal(vb_get32(&ram, entry + 24), t[i].flags);
		assert_int_equal(vb_get32(&ram, entry + 28), 0);
	}
}

static void each_image_is_somebody_else(void **state)
{
	u8 id[2][16], file[2][16];
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(create(&plain), 0);
		open_clean();
		memcpy(id[i], vhdx_image_geometry(image)->id, 16);
		ram_peek(&ram, VB_HEADER1 + VB_FILE_WRITE_GUID, file[i], 16);
		assert_false(vhdx_is_zero(id[i], 16));
	}
	assert_memory_not_equal(id[0], id[1], 16);
	assert_memory_not_equal(file[0], file[1], 16);
}

/* The same for all types, so that none has to be shuffled to become another. */
static void the_bat_has_room_for_whole_chunks(void **state)
{
	static const struct {
		u64 virtual_bytes;
		u32 block, sector;
	} t[] = {
		{ MIB, MIB, 512 },
		{ 126977 * MIB, MIB, 512 },
		{ 131040 * MIB, MIB, 512 },
		{ 131041 * MIB, MIB, 512 },
		{ 98305 * MIB, MIB, 4096 },
		{ 10 * TIB, MIB, 512 },
		{ 10 * TIB, MIB, 4096 },
		{ 64 * TIB, 256 * MIB, 512 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		const struct vhdx_create_options options = {
			.type = VHDX_TYPE_DYNAMIC,
			.virtual_bytes = t[i].virtual_bytes,
			.block_bytes = t[i].block,
			.sector_bytes = t[i].sector,
		};
		u64 blocks = t[i].virtual_bytes / t[i].block;
		u64 ratio = (1ULL << 23) * t[i].sector / t[i].block;
		u64 chunks = DIV_ROUND_UP_ULL(blocks, ratio);
		u64 bytes;

		assert_int_equal(create(&options), 0);
		bytes = vb_get32(&ram, VB_REGIONS1 + 40);
		assert_int_equal(bytes, ALIGN(chunks * (ratio + 1) * 8, MIB));
		assert_int_equal(ram.size, 3 * MIB + bytes);
	}
}

/* ---- what can be done with it --------------------------------------------------- */

static void a_dynamic_image_is_empty(void **state)
{
	struct vhdx_usage usage;

	(void)state;
	assert_int_equal(create(&plain), 0);
	open_clean();
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.blocks_present, 0);
	assert_int_equal(usage.free_bytes, 0);
	assert_int_equal(ram.size, 4 * MIB);
}

/* All blocks, in order, over holes: several chunks, a last one that is cut. */
static void a_fixed_image_has_all_its_blocks(void **state)
{
	const struct vhdx_create_options options = {
		.type = VHDX_TYPE_FIXED,
		.virtual_bytes = 10 * GIB + 4096,
		.block_bytes = MIB,
	};
	struct vhdx_usage usage;
	u64 block, offset, len, blocks = 10 * 1024 + 1;

	(void)state;
	assert_int_equal(create(&options), 0);
	open_clean();
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.blocks_present, blocks);
	assert_int_equal(usage.free_bytes, 0);
	assert_int_equal(ram.size, 4 * MIB + blocks * MIB);
	for (block = 0; block < blocks; block++) {
		assert_true(vhdx_image_block_space(image, block, &offset,
						   &len));
		assert_int_equal(offset, 4 * MIB + block * MIB);
	}
	assert_int_equal(vb_get64(&ram, 3 * MIB + 4096 * 8), 0);
	assert_int_equal(vb_get64(&ram, 3 * MIB + (blocks + 2) * 8), 0);
	assert_true(vhdx_container_is_hole(&ram.container, 4 * MIB,
					   blocks * MIB));
}

static void it_can_be_written_and_finished(void **state)
{
	static u8 data[4096], is[4096];
	unsigned int i;

	(void)state;
	memset(data, 0xAB, sizeof(data));
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		const struct vhdx_create_options options = good[i].options;
		u64 at = ALIGN_DOWN(options.virtual_bytes - 1, 4096);
		u64 len = min_t(u64, sizeof(data), options.virtual_bytes - at);

		assert_int_equal(create(&options), 0);
		open_clean();
		assert_int_equal(vhdx_image_write(image, at, data, len), 0);
		assert_int_equal(vhdx_image_finish(image), 0);
		open_clean();
		assert_int_equal(vhdx_image_read(image, at, is, len), 0);
		assert_memory_equal(is, data, len);
	}
}

/* A device has somebody's old data on it. */
static void old_data_does_not_shine_through(void **state)
{
	struct vhdx_usage usage;
	static u8 junk[65536];
	u64 at;

	(void)state;
	ram_destroy(&ram);
	ram_init_device(&ram, 20 * MIB);
	memset(junk, 0x66, sizeof(junk));
	for (at = 0; at < 20 * MIB; at += sizeof(junk))
		ram_poke(&ram, at, junk, sizeof(junk));
	assert_int_equal(vhdx_create(&ram.container, &plain), 0);
	open_clean();
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.blocks_present, 0);
	assert_int_equal(usage.free_bytes, 16 * MIB);
	vhdx_image_close(image);
	image = NULL;
	ram_destroy(&ram);
	ram_init_device(&ram, 4 * MIB - 4096);
	assert_int_equal(vhdx_create(&ram.container, &plain), -ENOSPC);
}

/* ---- errors ---------------------------------------------------------------------- */

static bool is_known(void)
{
	char id[8];

	ram_peek(&ram, 0, id, sizeof(id));
	return !memcmp(id, "vhdxfile", sizeof(id));
}

/* Half an image is none: its name comes last. */
static void every_operation_can_fail(void **state)
{
	const struct vhdx_create_options options = {
		.type = VHDX_TYPE_FIXED,
		.virtual_bytes = GIB,
		.block_bytes = MIB,
	};
	u64 nth;
	int err;

	(void)state;
	for (nth = 1;; nth++) {
		ram_destroy(&ram);
		ram_init(&ram, 0);
		ram_fail(&ram, nth, ENOSPC, true, RAM_CHANGES);
		err = vhdx_create(&ram.container, &options);
		if (!ram.failed)
			break;
		assert_int_equal(err, -ENOSPC);
		ram_fail(&ram, 0, 0, false, 0);
		if (is_known())
			open_clean();
	}
	assert_int_equal(err, 0);
	assert_true(nth > 10);
	open_clean();
}

static void every_allocation_can_fail(void **state)
{
	const struct vhdx_create_options options = {
		.type = VHDX_TYPE_FIXED,
		.virtual_bytes = GIB,
	};
	u64 nth;
	int err;

	(void)state;
	for (nth = 1;; nth++) {
		alloc_fail(nth);
		err = create(&options);
		if (!alloc_has_failed())
			break;
		assert_int_equal(err, -ENOMEM);
		assert_false(is_known());
	}
	assert_int_equal(err, 0);
	assert_true(nth > 5);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_option_is_in_the_image),
		TEST(what_the_format_does_not_allow_is_refused),
		TEST(the_file_identifier),
		TEST(two_headers_with_the_same_facts),
		TEST(two_region_tables),
		TEST(five_items),
		TEST(each_image_is_somebody_else),
		TEST(the_bat_has_room_for_whole_chunks),
		TEST(a_dynamic_image_is_empty),
		TEST(a_fixed_image_has_all_its_blocks),
		TEST(it_can_be_written_and_finished),
		TEST(old_data_does_not_shine_through),
		TEST(every_operation_can_fail),
		TEST(every_allocation_can_fail),
	};

	return cmocka_run_group_tests_name("create-vhdx", tests, NULL, NULL);
}
