// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where things are in a VHDX, as far as the image at hand says so.
 */
#include "header.h"
#include "mutate.h"
#include "vhdx-format.h"

#define PAGE VHDX_PAGE_BYTES

static const vhdx_guid bat_guid = VHDX_REGION_BAT_GUID;
static const vhdx_guid metadata_guid = VHDX_REGION_METADATA_GUID;

#define FIELD(type, member) \
	{ offsetof(struct type, member), sizeof(((struct type *)0)->member) }

static const struct field header_fields[] = {
	FIELD(vhdx_header_disk, signature),
	FIELD(vhdx_header_disk, sequence_number),
	FIELD(vhdx_header_disk, log_guid),
	FIELD(vhdx_header_disk, log_version),
	FIELD(vhdx_header_disk, version),
	FIELD(vhdx_header_disk, log_length),
	FIELD(vhdx_header_disk, log_offset),
	FIELD(vhdx_header_disk, data_write_guid),
};

static const struct field region_fields[] = {
	FIELD(vhdx_region_entry_disk, guid),
	FIELD(vhdx_region_entry_disk, file_offset),
	FIELD(vhdx_region_entry_disk, length),
	FIELD(vhdx_region_entry_disk, required),
};

static const struct field item_fields[] = {
	FIELD(vhdx_metadata_entry_disk, item_id),
	FIELD(vhdx_metadata_entry_disk, offset),
	FIELD(vhdx_metadata_entry_disk, length),
	FIELD(vhdx_metadata_entry_disk, flags),
};

static const struct field entry_fields[] = {
	FIELD(vhdx_log_header_disk, signature),
	FIELD(vhdx_log_header_disk, entry_length),
	FIELD(vhdx_log_header_disk, tail),
	FIELD(vhdx_log_header_disk, sequence_number),
	FIELD(vhdx_log_header_disk, descriptor_count),
	FIELD(vhdx_log_header_disk, log_guid),
	FIELD(vhdx_log_header_disk, flushed_file_offset),
	FIELD(vhdx_log_header_disk, last_file_offset),
};

static const struct field descriptor_fields[] = {
	FIELD(vhdx_log_zero_descriptor_disk, signature),
	FIELD(vhdx_log_zero_descriptor_disk, reserved),
	FIELD(vhdx_log_zero_descriptor_disk, zero_length),
	FIELD(vhdx_log_zero_descriptor_disk, file_offset),
	FIELD(vhdx_log_zero_descriptor_disk, sequence_number),
};

/* ---- places ------------------------------------------------------------------ */

static bool has(const struct ram *ram, u64 at, const char *signature)
{
	char bytes[8];

	ram_peek(ram, at, bytes, strlen(signature));
	return !memcmp(bytes, signature, strlen(signature));
}

/* The header that counts, or the one there is. */
static u64 header_at(const struct ram *ram)
{
	u64 seq1 = mutate_get(ram, VHDX_HEADER1_OFFSET + 8, 8, false);
	u64 seq2 = mutate_get(ram, VHDX_HEADER2_OFFSET + 8, 8, false);

	if (!has(ram, VHDX_HEADER1_OFFSET, VHDX_HEADER_SIGNATURE))
		return VHDX_HEADER2_OFFSET;
	return seq2 > seq1 ? VHDX_HEADER2_OFFSET : VHDX_HEADER1_OFFSET;
}

static void find_log(const struct ram *ram, u64 *at, u64 *len)
{
	u64 header = header_at(ram);

	*len = mutate_get(ram, header + 68, 4, false) & ~(PAGE - 1ULL);
	*at = mutate_get(ram, header + 72, 8, false) & ~(PAGE - 1ULL);
	*len = min_t(u64, *len, VHDX_MAX_LOG_BYTES);
	if (*at >= ram->size || *len > ram->size - *at)
		*len = 0;
}

/* Offset and length of a region; 0 if it is not there. */
static u64 find_region(const struct ram *ram, const vhdx_guid *guid, u64 *len)
{
	u64 at = VHDX_REGION_TABLE1_OFFSET + 16;
	vhdx_guid is;
	int i;

	for (i = 0; i < 8; i++, at += 32) {
		ram_peek(ram, at, &is, sizeof(is));
		if (memcmp(&is, guid, sizeof(is)))
			continue;
		*len = mutate_get(ram, at + 24, 4, false);
		return mutate_get(ram, at + 16, 8, false);
	}
	return 0;
}

/* ---- checksums --------------------------------------------------------------- */

static void seal(struct ram *ram, u64 at, size_t len, const char *signature)
{
	u8 *bytes;
	u32 sum;

	if (!has(ram, at, signature))
		return;
	bytes = malloc(len);
	if (!bytes)
		abort();
	ram_peek(ram, at, bytes, len);
	sum = vhdx_checksum(bytes, len, 4);
	if (mutate_get(ram, at + 4, 4, false) != sum)
		mutate_put(ram, at + 4, sum, 4, false);
	free(bytes);
}

/* An entry may go round the end of the ring. */
static void seal_entry(struct ram *ram, u64 log, u64 log_len, u64 pos)
{
	u64 len = mutate_get(ram, log + pos + 8, 4, false);
	u64 first = min(len, log_len - pos);
	u8 *bytes;

	if (len < sizeof(struct vhdx_log_header_disk) || len > log_len)
		return;
	bytes = malloc(len);
	if (!bytes)
		abort();
	ram_peek(ram, log + pos, bytes, first);
	ram_peek(ram, log, bytes + first, len - first);
	mutate_put(ram, log + pos + 4, vhdx_checksum(bytes, len, 4), 4, false);
	free(bytes);
}

/* The next log entry at or after @pos; @len if there is none. */
static u64 next_entry(const struct ram *ram, u64 log, u64 len, u64 pos)
{
	for (; pos < len; pos += PAGE) {
		pos = ALIGN_DOWN(store_next_data(&ram->store, log + pos,
						 log + len) - log, PAGE);
		if (pos < len && has(ram, log + pos, VHDX_LOG_ENTRY_SIGNATURE))
			return pos;
	}
	return len;
}

void mutate_vhdx_seal(struct ram *ram)
{
	u64 log, len, pos;

	find_log(ram, &log, &len);
	for (pos = next_entry(ram, log, len, 0); pos < len;
	     pos = next_entry(ram, log, len, pos + PAGE))
		seal_entry(ram, log, len, pos);
	seal(ram, VHDX_HEADER1_OFFSET, PAGE, VHDX_HEADER_SIGNATURE);
	seal(ram, VHDX_HEADER2_OFFSET, PAGE, VHDX_HEADER_SIGNATURE);
	seal(ram, VHDX_REGION_TABLE1_OFFSET, VHDX_REGION_TABLE_BYTES,
	     VHDX_REGION_SIGNATURE);
	seal(ram, VHDX_REGION_TABLE2_OFFSET, VHDX_REGION_TABLE_BYTES,
	     VHDX_REGION_SIGNATURE);
}

/* ---- headers, regions -------------------------------------------------------- */

static void mutate_header(struct mutator *m)
{
	u64 at = mutate_chance(m, 2) ? VHDX_HEADER1_OFFSET :
				       VHDX_HEADER2_OFFSET;
	u64 other = at ^ VHDX_HEADER1_OFFSET ^ VHDX_HEADER2_OFFSET;

	switch (mutate_random(m, 8)) {
	case 0:
		mutate_swap(m, at, other, PAGE);
		return;
	case 1:
		mutate_copy(m, at, other, PAGE);
		return;
	default:
		mutate_one_of(m, at, header_fields, ARRAY_SIZE(header_fields),
			      false);
		if (mutate_chance(m, 2))
			mutate_copy(m, at + 16, other + 16, 64);
	}
}

static void mutate_regions(struct mutator *m)
{
	u64 table = mutate_chance(m, 4) ? VHDX_REGION_TABLE2_OFFSET :
					  VHDX_REGION_TABLE1_OFFSET;
	u64 other = VHDX_REGION_TABLE1_OFFSET ^ VHDX_REGION_TABLE2_OFFSET ^
		    table;
	u64 count = mutate_get(m->ram, table + 8, 4, false);
	u64 entry = table + 16 + 32 * mutate_random(m, min(count + 1, 6ULL));

	if (mutate_chance(m, 6))
		mutate_field(m, table + 8, 4, false);
	else if (mutate_chance(m, 8))
		mutate_copy(m, table + 16 + 32 * mutate_random(m, 2), entry,
			    32);
	else
		mutate_one_of(m, entry, region_fields,
			      ARRAY_SIZE(region_fields), false);
	if (!mutate_chance(m, 4))
		mutate_copy(m, table, other, 16 + 32 * 8);
}

/* ---- metadata, BAT ----------------------------------------------------------- */

static void mutate_metadata(struct mutator *m)
{
	u64 len, table = find_region(m->ram, &metadata_guid, &len);
	u64 count = mutate_get(m->ram, table + 10, 2, false);
	u64 i = mutate_random(m, min(count + 1, 10ULL));
	u64 entry = table + 32 + 32 * i;
	u64 item = table + mutate_get(m->ram, entry + 16, 4, false);

	switch (mutate_random(m, 8)) {
	case 0:
		mutate_field(m, table + 10, 2, false);
		break;
	case 1:
		mutate_copy(m, table + 32 + 32 * mutate_random(m, 5), entry,
			    32);
		break;
	case 2:
	case 3:
		mutate_one_of(m, entry, item_fields, ARRAY_SIZE(item_fields),
			      false);
		break;
	case 4:
		mutate_put(m->ram, item, 1ULL << (18 + mutate_random(m, 12)),
			   4, false);
		break;
	case 5:
		mutate_field(m, item + 4, 4, false);
		break;
	default:
		mutate_field(m, item, mutate_chance(m, 2) ? 8 : 4, false);
	}
}

static void mutate_bat(struct mutator *m)
{
	u64 len, bat = find_region(m->ram, &bat_guid, &len);
	u64 span = mutate_chance(m, 4) ? min_t(u64, len / 8, 5000) : 8;
	u64 at = bat + 8 * mutate_random(m, span);
	u64 mib = m->ram->size >> 20;

	if (mutate_chance(m, 6))
		mutate_field(m, at, 8, false);
	else if (mutate_chance(m, 6))
		mutate_copy(m, bat + 8 * mutate_random(m, 8), at, 8);
	else
		mutate_put(m->ram, at,
			   mutate_random(m, min_t(u64, mib, 64) + 2) << 20 |
			   (mutate_chance(m, 2) ? 6 : mutate_random(m, 8)), 8,
			   false);
}

/* ---- log --------------------------------------------------------------------- */

/* A page that may be logged, mostly. */
static u64 log_target(struct mutator *m)
{
	u64 len = 1 << 20, at;

	switch (mutate_random(m, 8)) {
	case 0:
		return mutate_random(m, m->ram->size / PAGE + 2) * PAGE;
	case 1:
		return VHDX_REGION_TABLE1_OFFSET + mutate_random(m, 40) * PAGE;
	case 2:
	case 3:
		at = find_region(m->ram, &metadata_guid, &len);
		return at + mutate_random(m, 20) * PAGE;
	default:
		at = find_region(m->ram, &bat_guid, &len);
		return at + mutate_random(m, 3) * PAGE;
	}
}

static void put_descriptor(struct mutator *m, u64 at, u64 data, u64 target,
			   u64 sequence, bool zero)
{
	struct ram *ram = m->ram;

	mutate_put(ram, at, zero ? 0x6f72657a : 0x63736564, 4, false);
	mutate_put(ram, at + 16, target, 8, false);
	mutate_put(ram, at + 24, sequence, 8, false);
	if (zero) {
		mutate_put(ram, at + 8, PAGE * (1 + mutate_random(m, 3)), 8,
			   false);
		return;
	}
	/* What is there now: the replay changes nothing yet. */
	mutate_copy(m, target, data, PAGE);
	mutate_copy(m, target, at + 8, 8);
	mutate_copy(m, target + PAGE - 4, at + 4, 4);
	mutate_put(ram, data, 0x61746164, 4, false);
	mutate_put(ram, data + 4, sequence >> 32, 4, false);
	mutate_put(ram, data + PAGE - 4, (u32)sequence, 4, false);
}

/* One more entry behind the one at @pos (@len: the first one of all). */
static void add_entry(struct mutator *m, u64 log, u64 len, u64 pos)
{
	u64 header = header_at(m->ram), sequence = 1, tail, at, used = PAGE;
	unsigned int i, count = mutate_random(m, 4);

	at = log;
	if (pos < len) {
		sequence += mutate_get(m->ram, log + pos + 16, 8, false);
		at += (pos + mutate_get(m->ram, log + pos + 8, 4, false)) % len;
	}
	tail = mutate_chance(m, 2) ? at - log : pos % len;
	if (len < PAGE || at - log > len - 6 * PAGE)
		return;
	for (i = 0; i < count; i++) {
		bool zero = mutate_chance(m, 3);

		put_descriptor(m, at + 64 + 32 * i, at + used, log_target(m),
			       sequence, zero);
		used += zero ? 0 : PAGE;
	}
	mutate_put(m->ram, at, 0x65676f6c, 4, false);
	mutate_put(m->ram, at + 8, used, 4, false);
	mutate_put(m->ram, at + 12, tail, 4, false);
	mutate_put(m->ram, at + 16, sequence, 8, false);
	mutate_put(m->ram, at + 24, count, 4, false);
	mutate_put(m->ram, at + 28, 0, 4, false);
	mutate_put(m->ram, at + 48, m->ram->size, 8, false);
	mutate_put(m->ram, at + 56, m->ram->size, 8, false);
	/* The session's GUID; a clean image becomes one that needs a replay. */
	if (!mutate_get(m->ram, header + 48, 8, false))
		mutate_put(m->ram, header + 48, 1, 8, false);
	mutate_copy(m, header + 48, at + 32, 16);
}

/* What a replay would write: an entry of the BAT, an item, anything. */
static void mutate_data(struct mutator *m, u64 entry)
{
	u64 at = entry + PAGE * (1 + mutate_random(m, 3));
	u64 offset = 8 + 8 * mutate_random(m, mutate_chance(m, 2) ? 8 : 510);

	if (!has(m->ram, at, VHDX_LOG_DATA_SECTOR))
		return;
	if (mutate_chance(m, 3))
		mutate_field(m, at + offset, 8, false);
	else
		mutate_put(m->ram, at + offset,
			   mutate_random(m, 12) << 20 | mutate_random(m, 8), 8,
			   false);
}

static void mutate_entry(struct mutator *m, u64 log, u64 len, u64 pos)
{
	u64 entry = log + pos;
	u64 count = mutate_get(m->ram, entry + 24, 4, false);
	u64 descriptor = entry + 64 + 32 * mutate_random(m, min(count, 4ULL));

	switch (mutate_random(m, 9)) {
	case 0:
		add_entry(m, log, len, pos);
		break;
	case 1:
		mutate_copy(m, entry, log + mutate_random(m, len / PAGE) * PAGE,
			    PAGE);
		break;
	case 2:
		mutate_swap(m, entry, log + mutate_random(m, 8) * PAGE % len,
			    PAGE);
		break;
	case 3:
	case 4:
		mutate_one_of(m, entry, entry_fields, ARRAY_SIZE(entry_fields),
			      false);
		break;
	case 5:
		mutate_one_of(m, descriptor, descriptor_fields,
			      ARRAY_SIZE(descriptor_fields), false);
		break;
	case 6:
		mutate_put(m->ram, descriptor + 16, log_target(m), 8, false);
		break;
	default:
		mutate_data(m, entry);
	}
}

void mutate_vhdx_log(struct mutator *m)
{
	u64 log, len, pos, seen = 0, chosen;

	find_log(m->ram, &log, &len);
	if (!len)
		return;
	chosen = len;
	for (pos = next_entry(m->ram, log, len, 0); pos < len;
	     pos = next_entry(m->ram, log, len, pos + PAGE))
		if (mutate_chance(m, ++seen))
			chosen = pos;
	if (chosen == len)
		add_entry(m, log, len, len);
	else
		mutate_entry(m, log, len, chosen);
}

void mutate_vhdx(struct mutator *m)
{
	switch (mutate_random(m, 10)) {
	case 0:
		mutate_header(m);
		break;
	case 1:
		mutate_regions(m);
		break;
	case 2:
	case 3:
		mutate_metadata(m);
		break;
	case 4:
	case 5:
		mutate_vhdx_log(m);
		break;
	default:
		mutate_bat(m);
	}
}
