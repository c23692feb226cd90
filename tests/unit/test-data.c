// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synchronous data path against a plain copy of the disk.
 */
#include "image-ops.h"
#include "unit.h"
#include "vhdx-build.h"

#define BLOCK MIB
#define DISK (9 * MIB + 1536)

static struct ram ram;
static struct vhdx_build vb;
static struct vhdx_image *image;
static u8 model[DISK], buf[DISK];

static int open_image(void)
{
	const struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHDX,
		.writable = true,
	};
	struct vhdx_report report = { };

	return vhdx_image_open(&ram.container, &options, &report, &image);
}

static int make(u32 flags)
{
	const struct vhdx_build b = {
		.virtual_bytes = DISK,
		.block_bytes = BLOCK,
		.flags = flags,
		.present = flags ? 10 : 4,
	};

	vb = b;
	ram_init(&ram, 0);
	vb_make(&ram, &vb);
	if (open_image())
		return -1;
	return vhdx_image_read(image, 0, model, DISK);
}

static int setup(void **state)
{
	(void)state;
	return make(0);
}

static int setup_fixed(void **state)
{
	(void)state;
	return make(1);
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(ram.misuse, 0);
	vhdx_image_close(image);
	ram_destroy(&ram);
	return 0;
}

static void assert_model(void)
{
	assert_int_equal(vhdx_image_read(image, 0, buf, DISK), 0);
	assert_memory_equal(buf, model, DISK);
}

static void write_both(u64 at, size_t len, u8 byte)
{
	memset(model + at, byte, len);
	assert_int_equal(vhdx_image_write(image, at, model + at, len), 0);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	assert_int_equal(model[0], vb_block_byte(0));
	write_both(0, 512, 0x31);
	write_both(3 * BLOCK - 1, 2, 0x32);
	write_both(4 * BLOCK + 5, 3 * BLOCK, 0x33);
	write_both(DISK - 1, 1, 0x34);
	assert_model();
	assert_int_equal(vhdx_image_finish(image), 0);
	vhdx_image_close(image);
	assert_int_equal(open_image(), 0);
	assert_model();
}

static void the_disk_has_an_end(void **state)
{
	static const struct {
		u64 at, len;
		int err;
	} t[] = {
		{ DISK, 0, 0 },
		{ DISK - 1, 1, 0 },
		{ DISK - 1, 2, -EINVAL },
		{ DISK, 1, -EINVAL },
		{ 0, DISK + 1, -EINVAL },
		{ U64_MAX, 1, -EINVAL },
		{ U64_MAX - 1, 3, -EINVAL },
		{ 1ULL << 63, 1, -EINVAL },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		assert_int_equal(vhdx_image_read(image, t[i].at, buf,
						 t[i].len), t[i].err);
		assert_int_equal(vhdx_image_discard(image, t[i].at, t[i].len),
				 t[i].err);
		assert_int_equal(vhdx_image_write_zeroes(image, t[i].at,
							 t[i].len, false),
				 t[i].err);
		if (t[i].err)
			assert_int_equal(vhdx_image_write(image, t[i].at, buf,
							  t[i].len),
					 t[i].err);
	}
}

static void discards(void **state)
{
	(void)state;
	memset(model + 4096, 0, 8192);
	assert_int_equal(vhdx_image_discard(image, 4096, 8192), 0);
	assert_model();
	/* From the middle of one to the middle of another. */
	memset(model + BLOCK / 2, 0, 3 * BLOCK);
	assert_int_equal(vhdx_image_discard(image, BLOCK / 2, 3 * BLOCK), 0);
	assert_model();
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(vb_entry(&ram, &vb, 1), VB_UNMAPPED);
	assert_int_equal(vb_entry(&ram, &vb, 2), VB_UNMAPPED);
	assert_int_equal(vb_entry(&ram, &vb, 0) & 7, VB_PRESENT);
	assert_int_equal(vb_entry(&ram, &vb, 3) & 7, VB_PRESENT);
	memset(model, 0, DISK);
	assert_int_equal(vhdx_image_discard(image, 0, DISK), 0);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_model();
	assert_int_equal(ram.size, vb.blocks_at);
}

static void zeroes(void **state)
{
	(void)state;
	memset(model + 100, 0, 2 * BLOCK);
	assert_int_equal(vhdx_image_write_zeroes(image, 100, 2 * BLOCK, false),
			 0);
	assert_model();
	memset(model + 3 * BLOCK, 0, BLOCK);
	assert_int_equal(vhdx_image_write_zeroes(image, 3 * BLOCK, BLOCK,
						 true), 0);
	assert_model();
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(vb_entry(&ram, &vb, 1), VB_ZERO);
	assert_int_equal(vb_entry(&ram, &vb, 3) & 7, VB_PRESENT);
}

/* A discard is advice, write-zeroes is a promise. */
static void a_host_without_holes(void **state)
{
	(void)state;
	ram.no_punch = true;
	assert_int_equal(vhdx_image_discard(image, 0, 4096), 0);
	assert_model();
	memset(model, 0, 4096);
	assert_int_equal(vhdx_image_write_zeroes(image, 0, 4096, true), 0);
	assert_model();
	/* A whole block is released all the same, and comes back as zeros. */
	memset(model + BLOCK, 0, BLOCK);
	assert_int_equal(vhdx_image_discard(image, BLOCK, BLOCK), 0);
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_int_equal(vhdx_image_punch_all(image), 0);
	write_both(7 * BLOCK, 512, 0x44);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(vb_entry(&ram, &vb, 7),
			 (vb.blocks_at + BLOCK) | VB_PRESENT);
	assert_model();
}

static void a_fixed_image_keeps_its_blocks(void **state)
{
	unsigned int block;

	(void)state;
	memset(model, 0, 3 * BLOCK);
	assert_int_equal(vhdx_image_discard(image, 0, 3 * BLOCK), 0);
	memset(model + 5 * BLOCK, 0, DISK - 5 * BLOCK);
	assert_int_equal(vhdx_image_write_zeroes(image, 5 * BLOCK,
						 DISK - 5 * BLOCK, false), 0);
	assert_model();
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(ram.size, vb.end);
	for (block = 0; block < 10; block++)
		assert_int_equal(vb_entry(&ram, &vb, block),
				 (vb.blocks_at + block * BLOCK) | VB_PRESENT);
	assert_true(vhdx_container_is_hole(&ram.container, vb.blocks_at,
					   3 * BLOCK));
}

static void errors_are_told(void **state)
{
	(void)state;
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_READ));
	assert_int_equal(vhdx_image_read(image, 0, buf, 512), -EIO);
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_WRITE));
	assert_int_equal(vhdx_image_write(image, 0, buf, 512), -EIO);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_PUNCH));
	assert_int_equal(vhdx_image_discard(image, 0, 4096), -EIO);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_PUNCH));
	assert_int_equal(vhdx_image_write_zeroes(image, 0, 4096, true), -EIO);
	ram_fail(&ram, 1, ENOSPC, false, RAM_BIT(RAM_RESIZE));
	assert_int_equal(vhdx_image_write(image, 8 * BLOCK, buf, 512),
			 -ENOSPC);
	assert_false(vhdx_image_failed(image));
	/* Nothing of all this is metadata: it goes on. */
	write_both(8 * BLOCK, 512, 0x55);
	assert_int_equal(vhdx_image_commit(image), 0);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_FLUSH));
	assert_int_equal(vhdx_image_commit(image), -EIO);
	assert_true(vhdx_image_failed(image));
	/* Lookups and reads go on. */
	assert_int_equal(vhdx_image_read(image, 8 * BLOCK, buf, 512), 0);
	assert_memory_equal(buf, model + 8 * BLOCK, 512);
}

/* Of several blocks the first cannot be cleared: that is the end of it. */
static void a_clear_stops_at_an_error(void **state)
{
	(void)state;
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
	memset(model, 0, 4096);
	ram_fail(&ram, 2, EIO, false, RAM_BIT(RAM_PUNCH));
	assert_int_equal(vhdx_image_write_zeroes(image, 0, 4096, true), 0);
	assert_int_equal(vhdx_image_write_zeroes(image, BLOCK, 2 * BLOCK, true),
			 -EIO);
	assert_model();
}

/* ---- a format that must load before it answers ------------------------------- */

/**
 * struct slow_image - one block at the start of the file
 * @base: of the face
 * @loads: how many more loads it takes
 * @err: what a load returns
 */
struct slow_image {
	struct vhdx_image base;
	unsigned int loads;
	int err;
};

static struct slow_image *slow(const struct vhdx_image *base)
{
	return container_of((struct vhdx_image *)base, struct slow_image, base);
}

static void slow_map(const struct vhdx_image *base, u64 virtual_bytes,
		     u64 len_bytes, bool write, struct vhdx_extent *extent)
{
	extent->kind = VHDX_EXTENT_DATA;
	if (slow(base)->loads)
		extent->kind = write ? VHDX_EXTENT_PREPARE : VHDX_EXTENT_LOAD;
	extent->offset_bytes = virtual_bytes;
	extent->len_bytes = len_bytes;
}

static void slow_plan_discard(const struct vhdx_image *base, u64 virtual_bytes,
			      u64 len_bytes, struct vhdx_plan *plan)
{
	plan->kind = slow(base)->loads ? VHDX_PLAN_LOAD : VHDX_PLAN_PUNCH;
	plan->offset_bytes = virtual_bytes;
	plan->len_bytes = len_bytes;
}

static void slow_plan_zero(const struct vhdx_image *base, u64 virtual_bytes,
			   u64 len_bytes, bool keep_space,
			   struct vhdx_plan *plan)
{
	(void)keep_space;
	slow_plan_discard(base, virtual_bytes, len_bytes, plan);
}

static int slow_begin(struct vhdx_image *base)
{
	(void)base;
	return 0;
}

static int slow_load(struct vhdx_image *base, u64 block)
{
	(void)block;
	if (slow(base)->loads && !slow(base)->err)
		slow(base)->loads--;
	return slow(base)->err;
}

static const struct vhdx_image_ops slow_ops = {
	.map = slow_map,
	.plan_discard = slow_plan_discard,
	.plan_zero = slow_plan_zero,
	.begin = slow_begin,
	.begin_data_change = slow_begin,
	.load = slow_load,
	.prepare_write = slow_load,
};

static void what_must_be_loaded_is_loaded(void **state)
{
	struct slow_image s = {
		.base = {
			.ops = &slow_ops,
			.container = &ram.container,
			.geometry = {
				.virtual_bytes = BLOCK,
				.block_bytes = BLOCK,
				.blocks = 1,
			},
			.writable = true,
		},
	};
	struct vhdx_image *base = &s.base;
	u8 is[512];

	(void)state;
	memset(buf, 0x21, 4096);
	s.loads = 1;
	assert_int_equal(vhdx_image_write(base, 0, buf, 4096), 0);
	s.loads = 1;
	assert_int_equal(vhdx_image_discard(base, 0, 512), 0);
	s.loads = 1;
	assert_int_equal(vhdx_image_write_zeroes(base, 512, 512, false), 0);
	s.loads = 1;
	assert_int_equal(vhdx_image_read(base, 512, is, 512), 0);
	assert_true(vhdx_is_zero(is, 512));
	assert_int_equal(vhdx_image_read(base, 1024, is, 512), 0);
	assert_memory_equal(is, buf, 512);
	/* Errors, and one that says it has loaded and has not, end it. */
	s.loads = 1;
	s.err = -EIO;
	assert_int_equal(vhdx_image_read(base, 0, is, 512), -EIO);
	assert_int_equal(vhdx_image_write(base, 0, is, 512), -EIO);
	assert_int_equal(vhdx_image_discard(base, 0, 512), -EIO);
	assert_int_equal(vhdx_image_write_zeroes(base, 0, 512, true), -EIO);
	s.loads = 100;
	s.err = 0;
	assert_int_equal(vhdx_image_read(base, 0, is, 512), -EIO);
	assert_int_equal(vhdx_image_write(base, 0, is, 512), -EIO);
	assert_int_equal(vhdx_image_discard(base, 0, 512), -EIO);
	/* Nothing of that touched the file. */
	s.loads = 0;
	assert_int_equal(vhdx_image_read(base, 1024, is, 512), 0);
	assert_memory_equal(is, buf, 512);
}

static void random_use_agrees_with_a_copy(void **state)
{
	u32 seed = 5, n;

	(void)state;
	for (n = 0; n < 1500; n++) {
		u64 at, len;

		seed = seed * 1103515245 + 12345;
		at = (u64)(seed >> 4) * 8191 % DISK;
		seed = seed * 1103515245 + 12345;
		len = (seed >> 8) % (n % 16 ? 65536 : 2 * BLOCK + 999);
		len = min(len, DISK - at);
		switch ((seed >> 26) % 8) {
		case 0:
		case 1:
		case 2:
			write_both(at, len, n);
			break;
		case 3:
		case 4:
			memset(model + at, 0, len);
			assert_int_equal(vhdx_image_discard(image, at, len),
					 0);
			break;
		case 5:
			memset(model + at, 0, len);
			assert_int_equal(vhdx_image_write_zeroes(image, at,
								 len, n & 1),
					 0);
			break;
		case 6:
			assert_int_equal(vhdx_image_commit(image), 0);
			assert_int_equal(vhdx_image_punch_all(image), 0);
			break;
		default:
			if (n % 8)
				break;
			assert_int_equal(vhdx_image_finish(image), 0);
			vhdx_image_close(image);
			assert_int_equal(open_image(), 0);
		}
		if (!(n % 10))
			assert_model();
	}
	assert_model();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define FIXED(f) cmocka_unit_test_setup_teardown(f, setup_fixed, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(the_disk_has_an_end),
		TEST(discards),
		TEST(zeroes),
		TEST(a_host_without_holes),
		FIXED(a_fixed_image_keeps_its_blocks),
		TEST(errors_are_told),
		TEST(a_clear_stops_at_an_error),
		TEST(what_must_be_loaded_is_loaded),
		TEST(random_use_agrees_with_a_copy),
		FIXED(random_use_agrees_with_a_copy),
	};

	return cmocka_run_group_tests_name("data", tests, NULL, NULL);
}
