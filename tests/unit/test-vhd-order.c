// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order in which a VHD is changed, operation by operation: what the essay
 * in vhd-change.c says. The crash simulator shows that the order is enough;
 * here stands that it is kept also where a reader of ours could do with less.
 */
#include "image.h"
#include "unit.h"
#include "vhd-build.h"

#define MIB (1024 * 1024)
#define BLOCK (64 * 1024)
#define SLOT (BLOCK + 4096)
#define OPS 64

struct op {
	char kind;
	u64 offset;
	u64 len;
};

static struct ram ram;
static const struct vhdx_container_ops *ram_ops;
static struct op ops[OPS];
static u32 nr_ops, next_op;
static struct vhdx_image *image;
static u64 end;
static u8 buf[BLOCK];

static void note(char kind, u64 offset, u64 len)
{
	assert_true(nr_ops < OPS);
	ops[nr_ops++] = (struct op){ kind, offset, len };
}

static int note_write(struct vhdx_container *c, u64 offset, const void *data,
		      size_t len)
{
	note('w', offset, len);
	return ram_ops->write(c, offset, data, len);
}

static int note_flush(struct vhdx_container *c)
{
	note('f', 0, 0);
	return ram_ops->flush(c);
}

static int note_punch(struct vhdx_container *c, u64 offset, u64 len)
{
	note('p', offset, len);
	return ram_ops->punch(c, offset, len);
}

static int note_resize(struct vhdx_container *c, u64 size)
{
	note('r', size, 0);
	return ram_ops->resize(c, size);
}

static void open_rw(void)
{
	static struct vhdx_container_ops noting;
	struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHD,
		.writable = true,
	};
	struct vhdx_report report = { 0 };

	if (ram.container.ops != &noting) {
		ram_ops = ram.container.ops;
		noting = *ram_ops;
		noting.write = note_write;
		noting.flush = note_flush;
		noting.punch = note_punch;
		noting.resize = note_resize;
		ram.container.ops = &noting;
	}
	assert_int_equal(vhdx_image_open(&ram.container, &options, &report,
					 &image), 0);
}

static void start(u32 present)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = present,
	};

	ram_init(&ram, 0);
	end = vhd_build(&ram, &build);
	open_rw();
}

static int teardown(void **state)
{
	(void)state;
	vhdx_image_close(image);
	image = NULL;
	ram_destroy(&ram);
	nr_ops = 0;
	next_op = 0;
	return 0;
}

static void forget(void)
{
	nr_ops = 0;
	next_op = 0;
}

static void expect_at(char kind, u64 offset, u64 len, int line)
{
	const struct op *op = &ops[next_op];

	if (next_op >= nr_ops)
		fail_msg("line %d: nothing more was done", line);
	if (op->kind != kind || op->offset != offset || op->len != len)
		fail_msg("line %d: %c %llu+%llu instead of %c %llu+%llu", line,
			 op->kind, (unsigned long long)op->offset,
			 (unsigned long long)op->len, kind,
			 (unsigned long long)offset, (unsigned long long)len);
	next_op++;
}

#define expect_write(offset, len) expect_at('w', offset, len, __LINE__)
#define expect_punch(offset, len) expect_at('p', offset, len, __LINE__)
#define expect_resize(size) expect_at('r', size, 0, __LINE__)
#define expect_flush() expect_at('f', 0, 0, __LINE__)
#define expect_end() assert_int_equal(next_op, nr_ops)

static u64 place_of(u32 block)
{
	u8 p[4];

	ram_peek(&ram, VHD_BAT_AT + block * 4, p, 4);
	return vhd_get32(p) * 512ULL;
}

static void a_new_block(void **state)
{
	(void)state;
	start(1);
	assert_int_equal(vhdx_image_prepare_write(image, 9), 0);
	expect_resize(end + SLOT + 512);
	expect_write(end + SLOT, 512);
	expect_flush();
	/* Only now over the old footer. */
	expect_write(end, 512);
	expect_end();
	forget();
	assert_int_equal(vhdx_image_commit(image), 0);
	expect_flush();
	expect_write(VHD_BAT_AT, 512);
	expect_flush();
	expect_end();
}

static void a_block_in_used_space(void **state)
{
	struct vhdx_range range;
	u64 place;

	(void)state;
	start(3);
	place = place_of(1);
	assert_int_equal(vhdx_image_discard(image, BLOCK, BLOCK), 0);
	assert_int_equal(vhdx_image_commit(image), 0);
	/* Not punched: what is there is the old block. */
	while (vhdx_image_next_punch(image, &range))
		vhdx_image_punched(image, &range);
	forget();
	assert_int_equal(vhdx_image_prepare_write(image, 9), 0);
	expect_punch(place + 512, BLOCK);
	expect_write(place, 512);
	expect_end();
}

static void a_release(void **state)
{
	(void)state;
	start(3);
	assert_int_equal(vhdx_image_discard(image, BLOCK, BLOCK), 0);
	expect_end();
	assert_int_equal(vhdx_image_commit(image), 0);
	expect_flush();
	expect_write(VHD_BAT_AT, 512);
	expect_flush();
	expect_end();
}

static void a_commit_of_nothing(void **state)
{
	(void)state;
	start(3);
	assert_int_equal(vhdx_image_commit(image), 0);
	expect_flush();
	expect_end();
}

static void a_bitmap_that_fills(void **state)
{
	const u8 bits[2] = { 0x3F, 0xEF };
	u64 place;

	(void)state;
	start(1);
	vhdx_image_close(image);
	place = place_of(0);
	ram_poke(&ram, place, bits, 2);
	open_rw();
	assert_int_equal(vhdx_image_prepare_write(image, 0), 0);
	expect_punch(place + 512, 1024);
	expect_punch(place + 512 + 11 * 512, 512);
	expect_flush();
	expect_write(place, 512);
	expect_flush();
	expect_end();
}

static void a_shorter_file(void **state)
{
	u64 last;

	(void)state;
	start(3);
	last = place_of(0);
	assert_int_equal(vhdx_image_discard(image, 0, BLOCK), 0);
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_int_equal(vhdx_image_punch_all(image), 0);
	forget();
	assert_int_equal(vhdx_image_truncate(image), 0);
	expect_flush();
	expect_write(last, 512);
	expect_flush();
	expect_resize(last + 512);
	expect_flush();
	expect_end();
	forget();
	assert_int_equal(vhdx_image_finish(image), 0);
	expect_flush();
	expect_end();
}

static void a_session_that_mends(void **state)
{
	const u8 zeros[512] = { 0 };

	(void)state;
	start(2);
	vhdx_image_close(image);
	ram_poke(&ram, 0, zeros, 512);
	open_rw();
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
	expect_write(0, 512);
	expect_flush();
	expect_end();
	vhdx_image_close(image);
	ram_poke(&ram, end, zeros, 512);
	open_rw();
	forget();
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
	expect_resize(end + 512 + 4096);
	expect_write(end + 4096, 512);
	expect_flush();
	expect_end();
}

/* The rest of the sector is gone for good before the file gets longer. */
static void a_session_that_mends_a_cut_sector(void **state)
{
	u64 at;

	(void)state;
	start(1);
	vhdx_image_close(image);
	at = place_of(0) + 512 + 1024;
	ram.size = at + 100;
	open_rw();
	forget();
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
	expect_write(at, 100);
	expect_flush();
	expect_resize(end + 512);
	expect_write(end, 512);
	expect_flush();
	expect_end();
}

/*
 * Where a footer of 511 bytes would be are data, and before them what could be one
 * of 512: the file must never end there.
 */
static void a_footer_in_front_of_a_cut_sector(void **state)
{
	u8 footer[512];
	u64 at;

	(void)state;
	start(1);
	vhdx_image_close(image);
	at = place_of(0) + 512 + 1024;
	ram_peek(&ram, 0, footer, sizeof(footer));
	ram_poke(&ram, at - 512, footer, sizeof(footer));
	ram.size = at + 511;
	open_rw();
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_RESIZE));
	assert_int_equal(vhdx_image_begin_data_change(image), -EIO);
	vhdx_image_close(image);
	open_rw();
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
}

static void writing_to_a_full_block(void **state)
{
	(void)state;
	start(2);
	assert_int_equal(vhdx_image_write(image, 512, buf, 1024), 0);
	expect_write(place_of(0) + 1024, 1024);
	expect_end();
	assert_false(vhdx_image_is_dirty(image));
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_block),
		TEST(a_block_in_used_space),
		TEST(a_release),
		TEST(a_commit_of_nothing),
		TEST(a_bitmap_that_fills),
		TEST(a_shorter_file),
		TEST(a_session_that_mends),
		TEST(a_session_that_mends_a_cut_sector),
		TEST(a_footer_in_front_of_a_cut_sector),
		TEST(writing_to_a_full_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
