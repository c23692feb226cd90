// SPDX-License-Identifier: GPL-2.0-only
/*
 * The RAM container keeps the contract of container.h, and what container.c
 * builds from the verbs.
 */
#include "alloc.h"
#include "ram.h"
#include "unit.h"

#define MIB (1024 * 1024)

static struct ram ram;
static struct vhdx_container *c = &ram.container;
static u8 buf[256 * 1024];

static int setup(void **state)
{
	(void)state;
	ram_init(&ram, 4 * MIB);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ram_destroy(&ram);
	return 0;
}

static void fill(u64 offset, size_t len, u8 value)
{
	assert_true(len <= sizeof(buf));
	memset(buf, value, len);
	assert_int_equal(vhdx_write(c, offset, buf, len), 0);
}

static void assert_bytes(u64 offset, size_t len, u8 value)
{
	size_t i;

	assert_true(len <= sizeof(buf));
	assert_int_equal(vhdx_read(c, offset, buf, len), 0);
	for (i = 0; i < len; i++)
		assert_int_equal(buf[i], value);
}

static void ends_are_respected(void **state)
{
	(void)state;
	assert_int_equal(vhdx_read(c, 4 * MIB - 1, buf, 2), -EUCLEAN);
	assert_int_equal(vhdx_read(c, U64_MAX, buf, 2), -EUCLEAN);
	assert_int_equal(vhdx_write(c, 4 * MIB - 1, buf, 2), -EINVAL);
	assert_int_equal(ram.misuse, 1);
	assert_int_equal(vhdx_read(c, 4 * MIB, buf, 0), 0);
}

static void shrinking_forgets(void **state)
{
	(void)state;
	fill(MIB, 8192, 5);
	assert_int_equal(c->ops->resize(c, MIB + 100), 0);
	assert_int_equal(c->ops->resize(c, 2 * MIB), 0);
	assert_bytes(MIB, 100, 5);
	assert_bytes(MIB + 100, 8192, 0);
	assert_int_equal(vhdx_size(c), 2 * MIB);
}

static void a_device_keeps_its_size(void **state)
{
	struct ram device;

	(void)state;
	ram_init_device(&device, MIB);
	assert_int_equal(device.container.ops->resize(&device.container, 4096),
			 0);
	assert_int_equal(vhdx_size(&device.container), MIB);
	assert_int_equal(device.container.ops->resize(&device.container,
						      MIB + 1), -ENOSPC);
	ram_destroy(&device);
}

static void the_nth_operation_fails_once(void **state)
{
	(void)state;
	ram_fail(&ram, 2, EIO, false, RAM_CHANGES);
	fill(0, 10, 1);
	assert_int_equal(vhdx_read(c, 0, buf, 10), 0);
	assert_int_equal(vhdx_flush(c), -EIO);
	assert_int_equal(vhdx_flush(c), 0);
	assert_int_equal(ram.failed, 1);
}

static void or_for_ever(void **state)
{
	(void)state;
	ram_fail(&ram, 1, ENOSPC, true, RAM_BIT(RAM_WRITE));
	assert_int_equal(vhdx_flush(c), 0);
	assert_int_equal(vhdx_write(c, 0, buf, 1), -ENOSPC);
	assert_int_equal(vhdx_write(c, 0, buf, 1), -ENOSPC);
	assert_int_equal(vhdx_flush(c), 0);
	assert_int_equal(ram.failed, 2);
}

static void a_failed_write_may_be_short(void **state)
{
	(void)state;
	ram.fail_short = true;
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_WRITE));
	memset(buf, 3, 4096);
	assert_int_equal(vhdx_write(c, 0, buf, 4096), -EIO);
	assert_bytes(0, 2048, 3);
	assert_bytes(2048, 2048, 0);
}

/* Nobody tries again after a flush that failed. */
static void a_failed_flush_is_no_lack_of_memory(void **state)
{
	(void)state;
	ram_fail(&ram, 1, ENOMEM, false, RAM_BIT(RAM_FLUSH));
	assert_int_equal(vhdx_flush(c), -EIO);
	assert_int_equal(vhdx_flush(c), 0);
	ram_fail(&ram, 1, ENOSPC, false, RAM_BIT(RAM_FLUSH));
	assert_int_equal(vhdx_flush(c), -ENOSPC);
}

static void zero_punches_first(void **state)
{
	(void)state;
	fill(0, 64 * 1024, 1);
	assert_int_equal(vhdx_container_zero(c, 100, 32 * 1024), 0);
	assert_bytes(0, 100, 1);
	assert_bytes(100, 32 * 1024, 0);
	assert_bytes(100 + 32 * 1024, 1000, 1);
	assert_int_equal(ram.count[RAM_PUNCH], 1);
	assert_int_equal(ram.count[RAM_WRITE], 1);
	assert_int_equal(vhdx_container_zero(c, 0, 0), 0);
	assert_int_equal(ram.count[RAM_PUNCH], 1);
}

static void zero_writes_where_it_cannot_punch(void **state)
{
	(void)state;
	ram.no_punch = true;
	fill(0, 200 * 1024, 1);
	assert_int_equal(vhdx_container_zero(c, 1, 150 * 1024), 0);
	assert_true(c->cannot_punch);
	assert_bytes(1, 150 * 1024, 0);
	assert_bytes(0, 1, 1);
	assert_bytes(1 + 150 * 1024, 1000, 1);
	assert_int_equal(vhdx_container_zero(c, 0, 1), 0);
	assert_int_equal(ram.count[RAM_PUNCH], 1);
}

static void zero_tells_of_errors(void **state)
{
	(void)state;
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_PUNCH));
	assert_int_equal(vhdx_container_zero(c, 0, 4096), -EIO);
	assert_false(c->cannot_punch);
	ram.no_punch = true;
	ram_fail(&ram, 2, ENOSPC, false, RAM_BIT(RAM_WRITE));
	assert_int_equal(vhdx_container_zero(c, 0, MIB), -ENOSPC);
	assert_int_equal(ram.count[RAM_WRITE], 2);
	alloc_fail(1);
	assert_int_equal(vhdx_container_zero(c, 0, MIB), -ENOMEM);
	assert_true(alloc_has_failed());
}

static void copy_leaves_holes_out(void **state)
{
	static u8 bounce[8192];
	u64 before;

	(void)state;
	fill(4096, 5000, 1);
	fill(500 * 1024, 4096, 2);
	/* Not a hole, but zeros. */
	fill(800 * 1024, 8192, 0);
	before = store_allocated(&ram.store);
	assert_int_equal(vhdx_container_copy(c, 0, 2 * MIB, MIB, bounce,
					     sizeof(bounce)), 0);
	assert_bytes(2 * MIB, 4096, 0);
	assert_bytes(2 * MIB + 4096, 5000, 1);
	assert_bytes(2 * MIB + 9096, 1000, 0);
	assert_bytes(2 * MIB + 500 * 1024, 4096, 2);
	assert_bytes(2 * MIB + 504 * 1024, 4096, 0);
	assert_true(store_allocated(&ram.store) - before <=
		    4 * sizeof(bounce));
}

static void copy_tells_of_errors(void **state)
{
	static u8 bounce[4096];

	(void)state;
	fill(0, 8192, 1);
	ram_fail(&ram, 2, EIO, false, RAM_BIT(RAM_READ));
	assert_int_equal(vhdx_container_copy(c, 0, MIB, 8192, bounce,
					     sizeof(bounce)), -EIO);
	ram_fail(&ram, 1, ENOSPC, false, RAM_BIT(RAM_WRITE));
	assert_int_equal(vhdx_container_copy(c, 0, MIB, 8192, bounce,
					     sizeof(bounce)), -ENOSPC);
}

static void holes_get_space_and_data_stay(void **state)
{
	(void)state;
	fill(8192, 4096, 7);
	fill(MIB - 4096, 4096, 8);
	assert_int_equal(vhdx_container_back(c, 0, MIB), 0);
	assert_int_equal(store_allocated(&ram.store), MIB);
	assert_bytes(0, 8192, 0);
	assert_bytes(8192, 4096, 7);
	assert_bytes(12288, 4096, 0);
	assert_bytes(MIB - 4096, 4096, 8);
	ram_fail(&ram, 1, ENOSPC, false, RAM_BIT(RAM_WRITE));
	assert_int_equal(vhdx_container_back(c, MIB, 4096), -ENOSPC);
}

static u64 all_is_hole(struct vhdx_container *container, u64 offset, u64 end)
{
	(void)container;
	(void)offset;
	return end;
}

/* The host's word on where there are holes is no reason to write zeros. */
static void a_hole_that_is_none_keeps_its_data(void **state)
{
	struct vhdx_container_ops liar = *c->ops;

	(void)state;
	fill(8192, 100, 7);
	liar.next_data = all_is_hole;
	c->ops = &liar;
	assert_int_equal(vhdx_container_back(c, 0, 64 * 1024), 0);
	assert_bytes(0, 8192, 0);
	assert_bytes(8192, 100, 7);
	assert_bytes(8292, 4096, 0);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_READ));
	assert_int_equal(vhdx_container_back(c, 0, 64 * 1024), -EIO);
}

static void holes_are_seen(void **state)
{
	(void)state;
	fill(MIB, 1, 0);
	assert_true(vhdx_container_is_hole(c, 0, MIB));
	assert_false(vhdx_container_is_hole(c, 0, MIB + 1));
	assert_true(vhdx_container_is_hole(c, MIB + 4096, MIB));
	ram.no_holes = true;
	assert_false(vhdx_container_is_hole(c, 0, MIB));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ends_are_respected),
		TEST(shrinking_forgets),
		TEST(a_device_keeps_its_size),
		TEST(the_nth_operation_fails_once),
		TEST(or_for_ever),
		TEST(a_failed_write_may_be_short),
		TEST(a_failed_flush_is_no_lack_of_memory),
		TEST(zero_punches_first),
		TEST(zero_writes_where_it_cannot_punch),
		TEST(zero_tells_of_errors),
		TEST(copy_leaves_holes_out),
		TEST(copy_tells_of_errors),
		TEST(holes_get_space_and_data_stay),
		TEST(a_hole_that_is_none_keeps_its_data),
		TEST(holes_are_seen),
	};

	return cmocka_run_group_tests_name("container", tests, NULL, NULL);
}
