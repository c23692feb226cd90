// SPDX-License-Identifier: GPL-2.0-only
/*
 * The userspace side of platform.h against plain models of it.
 */
#include "platform-user.h"
#include "unit.h"

#define BITS 200

/* Published check values of CRC-32C (RFC 3720 B.4 and the usual "123456789"). */
static void crc32c_is_castagnoli(void **state)
{
	u8 bytes[32];
	int i;

	(void)state;
	assert_int_equal(vhdx_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(vhdx_crc32c(vhdx_crc32c(0, "1234", 4), "56789", 5),
			 0xe3069283);
	assert_int_equal(vhdx_crc32c(0, "", 0), 0);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(vhdx_crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(vhdx_crc32c(0, bytes, 32), 0x62a8ab43);
	for (i = 0; i < 32; i++)
		bytes[i] = i;
	assert_int_equal(vhdx_crc32c(0, bytes, 32), 0x46dd794e);
}

static void is_zero_sees_each_byte(void **state)
{
	static u8 bytes[300];
	size_t len, at;

	(void)state;
	for (len = 0; len < sizeof(bytes); len += 13) {
		assert_true(vhdx_is_zero(bytes + 1, len));
		for (at = 0; at < len; at += 7) {
			bytes[1 + at] = 0x80;
			assert_false(vhdx_is_zero(bytes + 1, len));
			bytes[1 + at] = 0;
		}
	}
	bytes[0] = 1;
	bytes[101] = 1;
	assert_true(vhdx_is_zero(bytes + 1, 100));
}

static void alloc_is_zeroed(void **state)
{
	u8 *p = vhdx_alloc(10000);

	(void)state;
	assert_non_null(p);
	assert_true(vhdx_is_zero(p, 10000));
	vhdx_free(p);
	vhdx_free(NULL);
}

static void assert_same_bits(const unsigned long *map, const bool *model)
{
	unsigned long from, bit;

	for (from = 0; from <= BITS; from++) {
		for (bit = from; bit && !model[bit - 1]; bit--)
			;
		assert_int_equal(find_last_bit(map, from), bit ? bit - 1 : from);
	}
	for (from = 0; from < BITS; from++) {
		assert_int_equal(test_bit(from, map), model[from]);
		for (bit = from; bit < BITS && !model[bit]; bit++)
			;
		assert_int_equal(find_next_bit(map, BITS, from), bit);
		for (bit = from; bit < BITS && model[bit]; bit++)
			;
		assert_int_equal(find_next_zero_bit(map, BITS, from), bit);
	}
	assert_int_equal(find_next_bit(map, BITS, BITS + 1), BITS);
}

static void bitmaps_follow_a_model(void **state)
{
	unsigned long map[BITS_TO_LONGS(BITS)] = { 0 };
	bool model[BITS] = { 0 };
	unsigned int round, from, count, i;
	u64 seed = 88172645463325252ULL;

	(void)state;
	for (round = 0; round < 300; round++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		from = seed >> 33 & 0x7fffffff;
		from %= BITS;
		count = (seed >> 20 & 0xff) % (BITS - from + 1);
		if (round % 2)
			bitmap_set(map, from, count);
		else
			bitmap_clear(map, from, count);
		for (i = from; i < from + count; i++)
			model[i] = round % 2;
		assert_same_bits(map, model);
	}
	__set_bit(130, map);
	assert_true(test_bit(130, map));
	__clear_bit(130, map);
	assert_false(test_bit(130, map));
}

static int compare(const void *a, const void *b)
{
	const u32 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void sort_sorts(void **state)
{
	u32 numbers[] = { 5, 3, 9, 0, 3, U32_MAX, 1 };
	size_t i;

	(void)state;
	sort(numbers, ARRAY_SIZE(numbers), sizeof(numbers[0]), compare, NULL);
	for (i = 1; i < ARRAY_SIZE(numbers); i++)
		assert_true(numbers[i - 1] <= numbers[i]);
	sort(numbers, 0, sizeof(numbers[0]), compare, NULL);
}

static void random_bytes_repeat_by_seed(void **state)
{
	u8 a[64], b[64];

	(void)state;
	vhdx_platform_seed(42);
	vhdx_random_bytes(a, sizeof(a));
	vhdx_platform_seed(42);
	vhdx_random_bytes(b, sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
	vhdx_platform_seed(43);
	vhdx_random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	vhdx_platform_seed(0);
	vhdx_random_bytes(a, sizeof(a));
	vhdx_random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

static void macros_mean_what_the_kernel_means(void **state)
{
	u64 sum;
	u32 product;

	(void)state;
	assert_int_equal(ALIGN(4097ULL, 4096), 8192);
	assert_int_equal(ALIGN_DOWN(8191ULL, 4096), 4096);
	assert_true(IS_ALIGNED(8192ULL, 4096));
	assert_false(IS_ALIGNED(8193ULL, 4096));
	assert_int_equal(DIV_ROUND_UP_ULL(9, 4), 3);
	assert_true(check_add_overflow(U64_MAX, (u64)1, &sum));
	assert_false(check_add_overflow((u64)1, (u64)2, &sum));
	assert_int_equal(sum, 3);
	assert_true(check_mul_overflow(65536U, 65536U, &product));
	assert_true(is_power_of_2(4096));
	assert_false(is_power_of_2(0));
	assert_false(is_power_of_2(4095));
	assert_int_equal(ilog2(4096), 12);
	assert_int_equal(ilog2(8191), 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c_is_castagnoli),
		cmocka_unit_test(is_zero_sees_each_byte),
		cmocka_unit_test(alloc_is_zeroed),
		cmocka_unit_test(bitmaps_follow_a_model),
		cmocka_unit_test(sort_sorts),
		cmocka_unit_test(random_bytes_repeat_by_seed),
		cmocka_unit_test(macros_mean_what_the_kernel_means),
	};

	return cmocka_run_group_tests_name("platform", tests, NULL, NULL);
}
