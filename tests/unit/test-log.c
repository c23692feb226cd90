// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the log ([MS-VHDX] 2.3): which entries exist, which sequence is
 * active, what a replay of it would write. The entries are made by hand.
 */
#include <time.h>

#include "alloc.h"
#include "log.h"
#include "unit.h"
#include "vhdx-build.h"

#define GUID 0x42
#define RING MIB
#define TARGET (4 * MIB)
/* Windows starts at numbers like this one. */
#define FIRST 80117443871106387ULL

static struct ram ram;
static struct vhdx_overlay overlay;
static struct vhdx_report report;

static int setup(void **state)
{
	(void)state;
	ram_init(&ram, 16 * MIB);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vhdx_overlay_destroy(&overlay);
	ram_destroy(&ram);
	return 0;
}

static int replay_ring(u32 len)
{
	u64 changes = ram_changes(&ram);
	vhdx_guid guid;
	int err;

	memset(&guid, GUID, sizeof(guid));
	memset(&report, 0, sizeof(report));
	vhdx_overlay_destroy(&overlay);
	err = vhdx_log_replay(&ram.container, VB_LOG, len, &guid, &overlay,
			      &report);
	assert_int_equal(ram_changes(&ram), changes);
	if (err)
		assert_int_equal(err, -vhdx_finding_errno(report.worst));
	return err;
}

static int replay(void)
{
	return replay_ring(RING);
}

static void assert_refused(enum vhdx_finding finding)
{
	assert_int_not_equal(replay(), 0);
	assert_string_equal(vhdx_finding_name(report.worst),
			    vhdx_finding_name(finding));
}

static u32 put(u32 pos, const struct vb_log_entry *entry)
{
	return vb_put_log_entry(&ram, VB_LOG, RING, pos % RING, entry);
}

/* An entry with one page; returns where the next one goes. */
static u32 put_page(u32 pos, u64 sequence, u32 tail, u8 fill)
{
	const struct vb_descriptor d = { .offset = TARGET, .fill = fill };
	const struct vb_log_entry e = {
		.guid = GUID,
		.sequence = sequence,
		.tail = tail,
		.count = 1,
		.descriptor = &d,
	};

	return (pos + put(pos, &e)) % RING;
}

/* The active sequence is these pages at TARGET, in this order. */
static void assert_pages(const u8 *fills, unsigned int count)
{
	u8 page[4096];
	unsigned int i;

	assert_int_equal(replay(), 0);
	assert_int_equal(overlay.count, count);
	for (i = 0; i < count; i++) {
		vb_page(page, fills[i]);
		assert_int_equal(overlay.patch[i].offset_bytes, TARGET);
		assert_int_equal(overlay.patch[i].len_bytes, 4096);
		assert_memory_equal(overlay.patch[i].page, page, 4096);
	}
}

#define assert_active(...) do { \
		const u8 fills[] = { __VA_ARGS__ }; \
		assert_pages(fills, sizeof(fills)); \
	} while (0)

/* ---- entries ------------------------------------------------------------ */

/* The normal state of a session before its first commit. */
static void an_empty_entry_is_a_sequence(void **state)
{
	const struct vb_log_entry e = {
		.guid = GUID,
		.sequence = FIRST,
		.flushed = 4 * MIB,
		.last = 36 * MIB,
	};

	(void)state;
	assert_int_equal(put(0, &e), 4096);
	assert_int_equal(replay(), 0);
	assert_int_equal(overlay.count, 0);
	assert_int_equal(overlay.file_bytes, 36 * MIB);
}

static void pages_and_zeros_in_order(void **state)
{
	const struct vb_descriptor d[] = {
		{ .offset = TARGET, .fill = 1 },
		{ .offset = TARGET + 8192, .zeros = 3 * MIB },
		{ .offset = TARGET + 4096, .fill = 2 },
		{ .offset = 192 * 1024, .zeros = 4096 },
	};
	const struct vb_log_entry e = {
		.guid = GUID, .sequence = FIRST, .count = 4, .descriptor = d,
	};
	u8 page[4096];
	unsigned int i;

	(void)state;
	assert_int_equal(put(0, &e), 3 * 4096);
	assert_int_equal(replay(), 0);
	assert_int_equal(overlay.count, 4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(overlay.patch[i].offset_bytes, d[i].offset);
		assert_int_equal(overlay.patch[i].len_bytes,
				 d[i].zeros ? d[i].zeros : 4096);
		assert_int_equal(!overlay.patch[i].page, !!d[i].zeros);
		if (d[i].zeros)
			continue;
		/* The 12 displaced bytes are back in their place. */
		vb_page(page, d[i].fill);
		assert_memory_equal(overlay.patch[i].page, page, 4096);
	}
}

/* 126 descriptors in the first sector, 128 in each further one. */
static void descriptors_fill_several_sectors(void **state)
{
	static const unsigned int counts[] = { 125, 126, 127, 200, 254, 255 };
	static struct vb_descriptor d[255];
	struct vb_log_entry e = {
		.guid = GUID, .sequence = 5, .tail = 4096, .descriptor = d,
	};
	unsigned int i, n;
	u8 page[4096];

	(void)state;
	for (i = 0; i < ARRAY_SIZE(d); i++) {
		d[i].offset = TARGET + i * 4096;
		d[i].fill = i;
		d[i].zeros = i % 3 ? 4096 : 0;
	}
	for (n = 0; n < ARRAY_SIZE(counts); n++) {
		e.count = counts[n];
		put(4096, &e);
		assert_int_equal(replay(), 0);
		assert_int_equal(overlay.count, counts[n]);
		for (i = 0; i < e.count; i++) {
			assert_int_equal(overlay.patch[i].offset_bytes,
					 d[i].offset);
			vb_page(page, i);
			if (!d[i].zeros)
				assert_memory_equal(overlay.patch[i].page,
						    page, 4096);
		}
	}
}

/* Also between its descriptor sectors and inside its data. */
static void an_entry_may_wrap_anywhere(void **state)
{
	static struct vb_descriptor d[130];
	struct vb_log_entry e = {
		.guid = GUID, .sequence = 5, .count = 130, .descriptor = d,
	};
	unsigned int i, n, last;
	u8 page[4096];

	(void)state;
	for (i = 0; i < ARRAY_SIZE(d); i++) {
		d[i].offset = TARGET + i * 4096;
		d[i].fill = i;
		d[i].zeros = i % 40 ? 4096 : 0;
	}
	last = (2 + 4) * 4096;
	for (n = 4096; n < last; n += 4096) {
		e.tail = RING - n;
		e.sequence++;
		assert_int_equal(put(e.tail, &e), last);
		assert_int_equal(replay(), 0);
		assert_int_equal(overlay.count, 130);
		for (i = 0; i < e.count; i += 40) {
			vb_page(page, i);
			assert_memory_equal(overlay.patch[i].page, page, 4096);
		}
	}
}

/* What has to be right about an entry besides its CRC, which always is here. */
static const struct {
	const char *what;
	u32 at;
	u32 bytes;
	u64 value;
	u32 len;	/* 0: as it is */
} broken[] = {
	{ "signature", 0, 4, 0x65676F6B, 0 },
	{ "empty", 8, 4, 0, 8192 },
	{ "length unaligned", 8, 4, 8192 - 512, 8192 - 512 },
	{ "longer than its parts", 8, 4, 12288, 12288 },
	{ "shorter than its parts", 8, 4, 4096, 4096 },
	{ "longer than the ring", 8, 4, RING + 4096, 0 },
	{ "tail unaligned", 12, 4, 512, 0 },
	{ "tail past the ring", 12, 4, RING, 0 },
	{ "tail far away", 12, 4, 0xfffff000, 0 },
	{ "no sequence number", 16, 8, 0, 0 },
	{ "no descriptor", 24, 4, 0, 0 },
	{ "a descriptor too many", 24, 4, 2, 0 },
	{ "far too many", 24, 4, 0xffffffff, 0 },
	{ "overflowing", 24, 4, 0x08000001, 0 },
	{ "another log", 32, 8, 0x4242424242424243, 0 },
	{ "another log", 40, 8, 0, 0 },
	{ "descriptor signature", 64, 4, 0x63736563, 0 },
	{ "a zero descriptor with data", 64, 4, 0x6f72657a, 0 },
	{ "descriptor offset", 64 + 16, 8, TARGET + 512, 0 },
	{ "descriptor sequence", 64 + 24, 8, FIRST, 0 },
	{ "data signature", 4096, 4, 0x61746164 + 1, 0 },
	{ "sequence high", 4096 + 4, 4, (FIRST + 1) >> 32 ^ 1, 0 },
	{ "sequence low", 8192 - 4, 4, (u32)FIRST, 0 },
};

/* The one before it stays active then. */
static void all_of_an_entry_has_to_be_right(void **state)
{
	unsigned int i;
	u32 second;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(broken); i++) {
		__le64 value = cpu_to_le64(broken[i].value);

		second = put_page(0, FIRST, 0, 1);
		put_page(second, FIRST + 1, second, 2);
		assert_active(2);
		ram_poke(&ram, VB_LOG + second + broken[i].at, &value,
			 broken[i].bytes);
		vb_sum_log_entry(&ram, VB_LOG, RING, second,
				 broken[i].len ? broken[i].len : 8192);
		assert_active(1);
	}
}

static void zero_descriptors_have_whole_pages(void **state)
{
	static const u64 lens[] = { 512, 4095, 4097, MIB + 512 };
	struct vb_descriptor d = { .offset = TARGET, .zeros = 4096 };
	const struct vb_log_entry e = {
		.guid = GUID, .sequence = 2, .tail = 8192, .count = 1,
		.descriptor = &d,
	};
	unsigned int i;

	(void)state;
	put_page(0, 1, 0, 1);
	put(8192, &e);
	assert_int_equal(replay(), 0);
	assert_null(overlay.patch[0].page);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		d.zeros = lens[i];
		put(8192, &e);
		assert_active(1);
	}
}

static void the_crc_covers_every_byte(void **state)
{
	u32 second, at;
	u8 byte;

	(void)state;
	second = put_page(0, 1, 0, 1);
	put_page(second, 2, second, 2);
	for (at = 0; at < 8192; at += at < 128 ? 1 : 97) {
		ram_peek(&ram, VB_LOG + second + at, &byte, 1);
		byte ^= 0x40;
		ram_poke(&ram, VB_LOG + second + at, &byte, 1);
		assert_active(1);
		byte ^= 0x40;
		ram_poke(&ram, VB_LOG + second + at, &byte, 1);
	}
	assert_active(2);
}

/* What is left of the second entry, at the end of the ring and its start. */
static void put_torn(const u8 *torn, const u8 *whole, u32 second)
{
	ram_poke(&ram, VB_LOG + second, torn, 4096);
	ram_poke(&ram, VB_LOG, torn + 4096, 4096);
	if (memcmp(torn, whole, 8192))
		assert_active(1);
	else
		assert_active(2);
}

/* A power cut may leave any sectors of an entry behind. */
static void a_torn_entry_does_not_exist(void **state)
{
	u32 pos = RING - 3 * 4096;	/* the second one wraps */
	u8 whole[8192], old[8192], torn[8192];
	u32 second, cut;

	(void)state;
	second = put_page(pos, FIRST, pos, 1);
	ram_peek(&ram, VB_LOG + second, old, 4096);
	ram_peek(&ram, VB_LOG, old + 4096, 4096);
	put_page(second, FIRST + 1, second, 2);
	assert_active(2);
	ram_peek(&ram, VB_LOG + second, whole, 4096);
	ram_peek(&ram, VB_LOG, whole + 4096, 4096);
	for (cut = 512; cut < 8192; cut += 512) {
		/* The first sectors of it, */
		memcpy(torn, old, sizeof(torn));
		memcpy(torn, whole, cut);
		assert_memory_not_equal(torn, whole, 8192);
		put_torn(torn, whole, second);
		/* the last ones, */
		memcpy(torn, whole, sizeof(torn));
		memcpy(torn, old, cut);
		assert_memory_not_equal(torn, whole, 8192);
		put_torn(torn, whole, second);
		/* all but one. */
		memcpy(torn, whole, sizeof(torn));
		memcpy(torn + cut - 512, old + cut - 512, 512);
		put_torn(torn, whole, second);
	}
}

/* ---- sequences ----------------------------------------------------------- */

/* As in a real image: five in a row, the tail says that two still count. */
static void only_from_tail_to_head(void **state)
{
	u32 pos = 0, at[5], i;

	(void)state;
	for (i = 0; i < 5; i++) {
		at[i] = pos;
		pos = put_page(pos, FIRST + i, i < 3 ? 0 : at[3], 1 + i);
	}
	assert_active(4, 5);
	put_page(at[4], FIRST + 4, at[4], 5);
	assert_active(5);
	put_page(at[4], FIRST + 4, at[0], 5);
	assert_active(1, 2, 3, 4, 5);
}

static void a_tail_outside_makes_it_incomplete(void **state)
{
	static const u32 tails[] = {
		0, 4096, 3 * 8192 + 4096, 4 * 8192, RING - 4096,
	};
	unsigned int i;

	(void)state;
	/* Two entries at 16384 and 24576; 20480 is inside the first of them. */
	put_page(2 * 8192, 7, 2 * 8192, 1);
	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		put_page(3 * 8192, 8, tails[i], 2);
		assert_refused(VHDX_F_LOG_NO_SEQUENCE);
	}
	put_page(3 * 8192, 8, 2 * 8192 + 4096, 2);
	assert_refused(VHDX_F_LOG_NO_SEQUENCE);
	put_page(3 * 8192, 8, 2 * 8192, 2);
	assert_active(1, 2);
}

static void the_highest_complete_head_wins(void **state)
{
	(void)state;
	put_page(0, 10, 0, 1);
	put_page(65536, 20, 65536, 2);
	assert_active(2);
	put_page(0, 30, 0, 3);
	assert_active(3);
	/* Higher still, but its tail is gone. */
	put_page(131072, 40, 0, 4);
	assert_active(3);
}

/* Overwritten from the front: what is left of the old ones has no tail. */
static void numbers_that_do_not_rise_by_one_end_a_run(void **state)
{
	u32 pos = 0, i;

	(void)state;
	for (i = 0; i < 6; i++)
		pos = put_page(pos, 100 + i, 0, 1 + i);
	pos = put_page(0, 106, 0, 7);
	put_page(pos, 107, 0, 8);
	assert_active(7, 8);
	put_page(pos, 106, 0, 8);
	assert_active(7);
	put_page(pos, 108, 0, 8);
	assert_active(7);
	put_page(pos, 105, 0, 8);
	assert_active(7);
}

static void other_sessions_do_not_count(void **state)
{
	const struct vb_log_entry other = {
		.guid = GUID + 1, .sequence = FIRST + 1000, .tail = 8192,
	};
	const struct vb_log_entry none = { .guid = 0, .sequence = 2 };

	(void)state;
	put(8192, &other);
	put(0, &none);
	assert_refused(VHDX_F_LOG_NO_SEQUENCE);
	put_page(16384, 3, 16384, 1);
	assert_active(1);
	put_page(24576, 4, 16384, 2);
	assert_active(1, 2);
}

/* 128 entries of two sectors, the first of them anywhere in the ring. */
static void a_full_ring_is_scanned_once(void **state)
{
	u32 start, i;

	(void)state;
	for (start = 0; start < 128; start += 9) {
		u8 fills[128];

		for (i = 0; i < 128; i++) {
			put_page((start + i) * 8192, FIRST + i, start * 8192,
				 i);
			fills[i] = i;
		}
		assert_pages(fills, 128);
	}
}

/* More than the first guess at how many there are. */
static void entries_add_up(void **state)
{
	static struct vb_descriptor d[100];
	struct vb_log_entry e = {
		.guid = GUID, .count = 100, .descriptor = d,
	};
	unsigned int i;
	u32 pos = 0;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(d); i++)
		d[i].zeros = 4096;
	for (e.sequence = 1; e.sequence <= 9; e.sequence++) {
		for (i = 0; i < ARRAY_SIZE(d); i++)
			d[i].offset = TARGET + (e.sequence * 100 + i) * 4096;
		pos += put(pos, &e);
	}
	assert_int_equal(replay(), 0);
	assert_int_equal(overlay.count, 900);
	for (i = 0; i < 900; i++)
		assert_int_equal(overlay.patch[i].offset_bytes,
				 TARGET + (100 + i) * 4096);
}

static void one_entry_may_fill_the_ring(void **state)
{
	static struct vb_descriptor d[253];
	struct vb_log_entry e = {
		.guid = GUID, .sequence = 1, .count = 253, .descriptor = d,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(d); i++)
		d[i].offset = TARGET + i * 4096;
	/* 2 descriptor sectors and 253 pages leave one sector of 256. */
	assert_int_equal(put(0, &e), 255 * 4096);
	assert_int_equal(replay(), 0);
	e.tail = 77 * 4096;
	put(e.tail, &e);
	assert_int_equal(replay(), 0);
	assert_int_equal(overlay.count, 253);
}

static void no_sequence_is_an_error(void **state)
{
	u8 page[4096];
	u32 pos;

	(void)state;
	assert_refused(VHDX_F_LOG_NO_SEQUENCE);
	for (pos = 0; pos < RING; pos += 4096) {
		vb_page(page, pos >> 12);
		ram_poke(&ram, VB_LOG + pos, page, 4096);
	}
	assert_refused(VHDX_F_LOG_NO_SEQUENCE);
}

/* ---- sizes and targets ---------------------------------------------------- */

static void put_sizes(u32 pos, u64 sequence, u32 tail, u64 flushed, u64 last)
{
	const struct vb_log_entry e = {
		.guid = GUID, .sequence = sequence, .tail = tail,
		.flushed = flushed, .last = last,
	};

	put(pos, &e);
}

static void a_file_that_lost_its_end_is_refused(void **state)
{
	(void)state;
	put_sizes(0, 1, 0, 16 * MIB, 16 * MIB);
	assert_int_equal(replay(), 0);
	put_sizes(0, 1, 0, 16 * MIB + 1, 16 * MIB);
	assert_refused(VHDX_F_LOG_FILE_TRUNCATED);
	assert_int_equal(report.value, 16 * MIB + 1);
	ram.size = 17 * MIB;
	assert_int_equal(replay(), 0);
	ram.size = 8 * MIB;
	assert_refused(VHDX_F_LOG_FILE_TRUNCATED);
}

/* The file may have been shortened since: only the head's sizes count. */
static void only_the_head_speaks_of_sizes(void **state)
{
	(void)state;
	put_sizes(0, 1, 0, 100 * MIB, 200 * MIB);
	put_sizes(4096, 2, 0, 16 * MIB, 16 * MIB);
	assert_int_equal(replay(), 0);
	assert_int_equal(overlay.file_bytes, 16 * MIB);
	put_sizes(8192, 3, 0, 17 * MIB, 16 * MIB);
	assert_refused(VHDX_F_LOG_FILE_TRUNCATED);
}

static void the_last_file_offset_has_a_bound(void **state)
{
	(void)state;
	put_sizes(0, 1, 0, 0, 128ULL << 40);
	assert_int_equal(replay(), 0);
	assert_int_equal(overlay.file_bytes, 128ULL << 40);
	put_sizes(0, 1, 0, 0, (128ULL << 40) + MIB);
	assert_refused(VHDX_F_LOG_TOO_FAR);
	put_sizes(0, 1, 0, 0, U64_MAX);
	assert_refused(VHDX_F_LOG_TOO_FAR);
}

static void targets_are_checked(void **state)
{
	static const struct {
		u64 offset, zeros, last;
		enum vhdx_finding finding;
	} t[] = {
		{ 192 * 1024, 0, 0, 0 },
		{ MIB - 4096, 0, 0, 0 },
		{ 2 * MIB, 0, 0, 0 },
		{ 16 * MIB - 4096, 0, 0, 0 },
		{ 2 * MIB, 14 * MIB, 0, 0 },
		{ 0, 0, 0, VHDX_F_LOG_TARGET },
		{ 64 * 1024, 0, 0, VHDX_F_LOG_TARGET },
		{ 128 * 1024, 4096, 0, VHDX_F_LOG_TARGET },
		{ 192 * 1024 - 4096, 8192, 0, VHDX_F_LOG_TARGET },
		{ MIB, 0, 0, VHDX_F_LOG_TARGET },
		{ 2 * MIB - 4096, 0, 0, VHDX_F_LOG_TARGET },
		{ MIB - 4096, 8192, 0, VHDX_F_LOG_TARGET },
		{ 2 * MIB - 4096, 8192, 0, VHDX_F_LOG_TARGET },
		{ 512 * 1024, 8 * MIB, 0, VHDX_F_LOG_TARGET },
		{ 16 * MIB, 0, 0, VHDX_F_LOG_TOO_FAR },
		{ 15 * MIB, MIB + 4096, 0, VHDX_F_LOG_TOO_FAR },
		{ 16 * MIB, 0, 17 * MIB, 0 },
		{ 17 * MIB, 0, 17 * MIB, VHDX_F_LOG_TOO_FAR },
		{ 2 * MIB, 15 * MIB, 17 * MIB, 0 },
		{ ALIGN_DOWN(U64_MAX, 4096), 0, 0, VHDX_F_LOG_TOO_FAR },
		{ 2 * MIB, ALIGN_DOWN(U64_MAX, 4096), 0, VHDX_F_LOG_TOO_FAR },
		{ 1ULL << 63, 1ULL << 63, 0, VHDX_F_LOG_TOO_FAR },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		const struct vb_descriptor d = {
			.offset = t[i].offset, .zeros = t[i].zeros,
		};
		const struct vb_log_entry e = {
			.guid = GUID, .sequence = 1, .last = t[i].last,
			.count = 1, .descriptor = &d,
		};

		put(0, &e);
		if (t[i].finding)
			assert_refused(t[i].finding);
		else
			assert_int_equal(replay(), 0);
	}
}

/* ---- hostile logs ---------------------------------------------------------- */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Summing each of these up would take 32 GiB of CRC. */
static void many_fake_entries_end_quickly(void **state)
{
	const u32 ring = 16 * MIB;
	double start;
	u32 pos;

	(void)state;
	ram.size = 32 * MIB;
	for (pos = 0; pos < ring; pos += 4096) {
		u64 at = VB_LOG + pos;
		u8 guid[16];

		memset(guid, GUID, sizeof(guid));
		ram_poke(&ram, at, "loge", 4);
		vb_put32(&ram, at + 8, ring);
		vb_put64(&ram, at + 16, 1);
		ram_poke(&ram, at + 32, guid, sizeof(guid));
	}
	start = seconds();
	assert_int_equal(replay_ring(ring), -EUCLEAN);
	assert_int_equal(report.worst, VHDX_F_LOG_NO_SEQUENCE);
	assert_true(seconds() - start < 3);
}

static void put_zeros(u32 ring, unsigned int count, u64 zeros)
{
	struct vb_descriptor *d = calloc(count, sizeof(*d));
	struct vb_log_entry e = {
		.guid = GUID, .sequence = 1, .count = count, .descriptor = d,
	};
	unsigned int i;

	for (i = 0; i < count; i++) {
		d[i].offset = 32 * MIB;
		d[i].zeros = zeros;
	}
	vb_put_log_entry(&ram, VB_LOG, ring, 0, &e);
	free(d);
}

static void there_is_a_bound_for_descriptors(void **state)
{
	const u32 ring = 16 * MIB;

	(void)state;
	ram.size = 64 * MIB;
	put_zeros(ring, VHDX_LOG_MAX_PATCHES, 4096);
	assert_int_equal(replay_ring(ring), 0);
	assert_int_equal(overlay.count, VHDX_LOG_MAX_PATCHES);
	put_zeros(ring, VHDX_LOG_MAX_PATCHES + 1, 4096);
	assert_int_equal(replay_ring(ring), -EUCLEAN);
	assert_int_equal(report.worst, VHDX_F_LOG_TOO_MANY);
}

/* Zeros cost 32 bytes in the log, but each byte of them in every reader. */
static void there_is_a_bound_for_what_they_say(void **state)
{
	const u32 ring = 16 * MIB;

	(void)state;
	ram.size = 32 * MIB + VHDX_LOG_MAX_PATCH_BYTES;
	put_zeros(ring, 1, VHDX_LOG_MAX_PATCH_BYTES);
	assert_int_equal(replay_ring(ring), 0);
	put_zeros(ring, 2, VHDX_LOG_MAX_PATCH_BYTES / 2 + 4096);
	assert_int_equal(replay_ring(ring), -EUCLEAN);
	assert_int_equal(report.worst, VHDX_F_LOG_TOO_MANY);
	put_zeros(ring, VHDX_LOG_MAX_PATCHES, MIB);
	assert_int_equal(replay_ring(ring), -EUCLEAN);
	assert_int_equal(report.worst, VHDX_F_LOG_TOO_MANY);
}

static void reading_can_fail(void **state)
{
	(void)state;
	put_page(0, 1, 0, 1);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_READ));
	assert_refused(VHDX_F_IO_ERROR);
	alloc_fail(1);
	assert_refused(VHDX_F_NO_MEMORY);
	assert_true(alloc_has_failed());
	alloc_fail(2);
	assert_refused(VHDX_F_NO_MEMORY);
	assert_true(alloc_has_failed());
	assert_active(1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_entry_is_a_sequence),
		TEST(pages_and_zeros_in_order),
		TEST(descriptors_fill_several_sectors),
		TEST(an_entry_may_wrap_anywhere),
		TEST(all_of_an_entry_has_to_be_right),
		TEST(zero_descriptors_have_whole_pages),
		TEST(the_crc_covers_every_byte),
		TEST(a_torn_entry_does_not_exist),
		TEST(only_from_tail_to_head),
		TEST(a_tail_outside_makes_it_incomplete),
		TEST(the_highest_complete_head_wins),
		TEST(numbers_that_do_not_rise_by_one_end_a_run),
		TEST(other_sessions_do_not_count),
		TEST(a_full_ring_is_scanned_once),
		TEST(entries_add_up),
		TEST(one_entry_may_fill_the_ring),
		TEST(no_sequence_is_an_error),
		TEST(a_file_that_lost_its_end_is_refused),
		TEST(only_the_head_speaks_of_sizes),
		TEST(the_last_file_offset_has_a_bound),
		TEST(targets_are_checked),
		TEST(many_fake_entries_end_quickly),
		TEST(there_is_a_bound_for_descriptors),
		TEST(there_is_a_bound_for_what_they_say),
		TEST(reading_can_fail),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
