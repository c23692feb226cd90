// SPDX-License-Identifier: GPL-2.0-only
/*
 * New VHDs: byte for byte what the format asks for, and clean.
 */
#include "alloc.h"
#include "create.h"
#include "unit.h"
#include "vhd-build.h"

#define MIB (1024ULL * 1024)
#define GIB (1024 * MIB)

static struct ram ram;

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
	ram_destroy(&ram);
	return 0;
}

static int create(enum vhdx_type type, u64 bytes, u32 block_bytes)
{
	struct vhdx_create_options options = {
		.format = VHDX_FORMAT_VHD,
		.type = type,
		.virtual_bytes = bytes,
		.block_bytes = block_bytes,
		.timestamp = 0x01020304,
	};

	return vhdx_create_vhd(&ram.container, &options);
}

static void recreate(enum vhdx_type type, u64 bytes, u32 block_bytes)
{
	bool device = ram.container.fixed_size;
	u64 size = ram.size;

	ram_destroy(&ram);
	if (device)
		ram_init_device(&ram, size);
	else
		ram_init(&ram, 0);
	assert_int_equal(create(type, bytes, block_bytes), 0);
	assert_false(ram.unflushed);
}

static struct vhdx_image *open_clean(void)
{
	struct vhdx_open_options options = {
		.any_format = true,
		.check = true,
		.writable = true,
	};
	struct vhdx_report report = { .keep_going = true };
	struct vhdx_image *image = NULL;

	assert_int_equal(vhdx_image_open(&ram.container, &options, &report,
					 &image), 0);
	if (report.worst != VHDX_F_NONE)
		fail_msg("%s", vhdx_finding_name(report.worst));
	return image;
}

static void assert_opens(enum vhdx_type type, u64 bytes, u32 block_bytes)
{
	struct vhdx_image *image = open_clean();
	const struct vhdx_geometry *geometry = vhdx_image_geometry(image);

	assert_int_equal(geometry->type, type);
	assert_int_equal(geometry->virtual_bytes, bytes);
	assert_int_equal(geometry->block_bytes, block_bytes);
	assert_int_equal(geometry->data_alignment,
			 block_bytes < 4096 ? 512 : 4096);
	vhdx_image_close(image);
}

static void footer_fields(void **state)
{
	u8 p[512], copy[512];

	(void)state;
	recreate(VHDX_TYPE_DYNAMIC, 8 * GIB, 0);
	assert_int_equal(ram.size % 4096, 0);
	ram_peek(&ram, 0, p, 512);
	ram_peek(&ram, ram.size - 512, copy, 512);
	assert_memory_equal(p, copy, 512);
	assert_memory_equal(p, "conectix\0\0\0\2\0\1\0\0\0\0\0\0\0\0\2\0"
			    "\1\2\3\4win \0\12\0\0Wi2k", 40);
	assert_memory_equal(p + 40, "\0\0\0\2\0\0\0\0\0\0\0\2\0\0\0\0", 16);
	assert_int_equal(vhd_get32(p + 60), 3);
	assert_int_equal(p[74] >> 4, 4);
	vhd_sum(p, 512, 64);
	assert_memory_equal(p, copy, 512);
	recreate(VHDX_TYPE_DYNAMIC, 8 * GIB, 0);
	ram_peek(&ram, 0, p, 512);
	assert_memory_not_equal(p + 68, copy + 68, 16);
}

static void header_fields(void **state)
{
	u8 p[1024], sealed[1024];

	(void)state;
	recreate(VHDX_TYPE_DYNAMIC, 8 * GIB, 0);
	ram_peek(&ram, 512, p, 1024);
	assert_memory_equal(p, "cxsparse\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
			    "\0\0\0\0\0\0\6\0\0\1\0\0\0\0\x10\0\0\x20\0\0", 36);
	memcpy(sealed, p, 1024);
	vhd_sum(sealed, 1024, 36);
	assert_memory_equal(p, sealed, 1024);
	ram_peek(&ram, 1536, p, 1024);
	assert_int_equal(vhd_get32(p), U32_MAX);
	assert_int_equal(vhd_get32(p + 1020), U32_MAX);
}

static void assert_chs(u64 bytes, u32 cylinders, u32 heads, u32 sectors)
{
	u8 p[512];

	recreate(VHDX_TYPE_FIXED, bytes, 0);
	ram_peek(&ram, bytes, p, 512);
	assert_int_equal(p[56] << 8 | p[57], cylinders);
	assert_int_equal(p[58], heads);
	assert_int_equal(p[59], sectors);
}

/* The first two are Windows' own, of the samples; the rest by hand. */
static void geometries(void **state)
{
	(void)state;
	assert_chs(4 * MIB, 120, 4, 17);
	assert_chs(10 * MIB, 301, 4, 17);
	assert_chs(1 * GIB, 2080, 16, 63);
	assert_chs(500 * MIB, 1015, 16, 63);
	assert_chs(200 * MIB, 825, 16, 31);
	assert_chs(34 * MIB, 140, 16, 31);
	assert_chs(100 * MIB, 1003, 12, 17);
	assert_chs(8 * GIB, 16644, 16, 63);
	assert_chs(127 * GIB, 65278, 16, 255);
	assert_chs(2040 * GIB, 65535, 16, 255);
}

static void every_block_size(void **state)
{
	u32 shift;

	(void)state;
	for (shift = 9; shift <= 28; shift++) {
		recreate(VHDX_TYPE_DYNAMIC, 5 * MIB, 1U << shift);
		assert_opens(VHDX_TYPE_DYNAMIC, 5 * MIB, 1U << shift);
	}
	recreate(VHDX_TYPE_DYNAMIC, 2040 * GIB, 0);
	assert_opens(VHDX_TYPE_DYNAMIC, 2040 * GIB, 2 * MIB);
}

static void fixed(void **state)
{
	(void)state;
	recreate(VHDX_TYPE_FIXED, 3 * MIB, 0);
	assert_int_equal(ram.size, 3 * MIB + 512);
	assert_true(vhdx_container_is_hole(&ram.container, 0, 3 * MIB));
	assert_opens(VHDX_TYPE_FIXED, 3 * MIB, 2 * MIB);
}

static void devices(void **state)
{
	(void)state;
	ram_destroy(&ram);
	ram_init_device(&ram, 64 * MIB + 1536);
	recreate(VHDX_TYPE_DYNAMIC, 8 * MIB, 0);
	assert_opens(VHDX_TYPE_DYNAMIC, 8 * MIB, 2 * MIB);
	recreate(VHDX_TYPE_FIXED, 64 * MIB, 0);
	assert_opens(VHDX_TYPE_FIXED, 64 * MIB, 2 * MIB);
	assert_int_equal(create(VHDX_TYPE_FIXED, 65 * MIB, 0), -ENOSPC);
}

static void written_and_read(void **state)
{
	struct vhdx_image *image;
	u8 data[4096], back[4096];

	(void)state;
	recreate(VHDX_TYPE_DYNAMIC, 5 * MIB, 0);
	image = open_clean();
	memset(data, 0x42, sizeof(data));
	assert_int_equal(vhdx_image_write(image, 2 * MIB - 1024, data,
					  sizeof(data)), 0);
	assert_int_equal(vhdx_image_finish(image), 0);
	vhdx_image_close(image);
	image = open_clean();
	assert_int_equal(vhdx_image_read(image, 2 * MIB - 1024, back,
					 sizeof(back)), 0);
	assert_memory_equal(data, back, sizeof(data));
	vhdx_image_close(image);
}

static void numbers_it_does_not_allow(void **state)
{
	struct vhdx_create_options options = {
		.format = VHDX_FORMAT_VHD,
		.type = VHDX_TYPE_DYNAMIC,
		.virtual_bytes = MIB,
	};

	(void)state;
	assert_int_equal(create(VHDX_TYPE_DYNAMIC, 0, 0), -EINVAL);
	assert_int_equal(create(VHDX_TYPE_DYNAMIC, MIB + 512, 0), -EINVAL);
	assert_int_equal(create(VHDX_TYPE_DYNAMIC, 2041 * GIB, 0), -EINVAL);
	assert_int_equal(create(VHDX_TYPE_DYNAMIC, 64 * GIB, 512), -EINVAL);
	/* The blocks with their bitmaps pass the end of a file. */
	assert_int_equal(create(VHDX_TYPE_DYNAMIC, 2040 * GIB, 128 * 1024),
			 -EINVAL);
	assert_int_equal(create(VHDX_TYPE_DYNAMIC, MIB, 3 << 16), -EINVAL);
	assert_int_equal(create(VHDX_TYPE_DYNAMIC, MIB, 256), -EINVAL);
	assert_int_equal(create(VHDX_TYPE_DYNAMIC, MIB, 512 * MIB), -EINVAL);
	assert_int_equal(create(VHDX_TYPE_FIXED, MIB, 2 * MIB), -EINVAL);
	assert_int_equal(create(VHDX_TYPE_DIFFERENCING, MIB, 0), -EINVAL);
	options.sector_bytes = 4096;
	assert_int_equal(vhdx_create_vhd(&ram.container, &options), -EINVAL);
	options.sector_bytes = 0;
	options.log_bytes = MIB;
	assert_int_equal(vhdx_create_vhd(&ram.container, &options), -EINVAL);
	options.log_bytes = 0;
	options.physical_bytes = 512;
	assert_int_equal(vhdx_create_vhd(&ram.container, &options), -EINVAL);
	assert_int_equal(ram_changes(&ram), 0);
	/* The only ones there are may be named. */
	options.sector_bytes = 512;
	options.physical_bytes = 4096;
	assert_int_equal(vhdx_create_vhd(&ram.container, &options), 0);
}

static void failures_are_told(void **state)
{
	u64 n;
	int err;

	(void)state;
	/* A BAT of more than one write. */
	for (n = 1; n < 100; n++) {
		ram_destroy(&ram);
		ram_init(&ram, 0);
		ram_fail(&ram, n, EIO, false, RAM_CHANGES);
		err = create(VHDX_TYPE_DYNAMIC, 64 * GIB, 0);
		if (!err)
			break;
		assert_int_equal(err, -EIO);
	}
	assert_int_equal(n, 8);
}

static void every_allocation_can_fail(void **state)
{
	u64 n;

	(void)state;
	for (n = 1;; n++) {
		int err;

		alloc_fail(n);
		err = create(VHDX_TYPE_DYNAMIC, MIB, 0);
		if (!alloc_has_failed())
			break;
		assert_int_equal(err, -ENOMEM);
	}
	assert_int_equal(n, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(footer_fields),
		TEST(header_fields),
		TEST(geometries),
		TEST(every_block_size),
		TEST(fixed),
		TEST(devices),
		TEST(written_and_read),
		TEST(numbers_it_does_not_allow),
		TEST(failures_are_told),
		TEST(every_allocation_can_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
