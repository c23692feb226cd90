// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where things are in a VHD, as far as the image at hand says so.
 */
#include "mutate.h"
#include "vhd.h"

#define FIELD(type, member) \
	{ offsetof(struct type, member), sizeof(((struct type *)0)->member) }

static const struct field footer_fields[] = {
	FIELD(vhd_footer_disk, cookie),
	FIELD(vhd_footer_disk, format_version),
	FIELD(vhd_footer_disk, data_offset),
	FIELD(vhd_footer_disk, data_offset),
	FIELD(vhd_footer_disk, creator_application),
	FIELD(vhd_footer_disk, creator_version),
	FIELD(vhd_footer_disk, original_size),
	FIELD(vhd_footer_disk, current_size),
	FIELD(vhd_footer_disk, current_size),
	FIELD(vhd_footer_disk, cylinders),
	FIELD(vhd_footer_disk, disk_type),
	FIELD(vhd_footer_disk, unique_id),
	FIELD(vhd_footer_disk, saved_state),
	FIELD(vhd_footer_disk, hidden),
};

static const struct field header_fields[] = {
	FIELD(vhd_header_disk, cookie),
	FIELD(vhd_header_disk, next_offset),
	FIELD(vhd_header_disk, table_offset),
	FIELD(vhd_header_disk, header_version),
	FIELD(vhd_header_disk, max_table_entries),
	FIELD(vhd_header_disk, block_size),
};

static const char creators[][5] = { "vpc ", "win ", "tap ", "tap", "qemu" };

static u64 footer_at(const struct ram *ram)
{
	return ram->size % 512 == 511 ? ram->size - 511 :
	       ALIGN_DOWN(ram->size, 512) - 512;
}

static u64 header_at(const struct ram *ram)
{
	return mutate_get(ram, 16, 8, true);
}

static u64 bat_at(const struct ram *ram)
{
	return mutate_get(ram, header_at(ram) + 16, 8, true);
}

static void seal(struct ram *ram, u64 at, size_t len, size_t field,
		 const char *cookie)
{
	u8 bytes[VHD_HEADER_BYTES];
	u32 sum;

	ram_peek(ram, at, bytes, len);
	if (memcmp(bytes, cookie, 8))
		return;
	sum = vhd_checksum(bytes, len, field);
	if (mutate_get(ram, at + field, 4, true) != sum)
		mutate_put(ram, at + field, sum, 4, true);
}

void mutate_vhd_seal(struct ram *ram)
{
	seal(ram, header_at(ram), VHD_HEADER_BYTES, 36, VHD_HEADER_COOKIE);
	seal(ram, 0, VHD_FOOTER_BYTES, 64, VHD_FOOTER_COOKIE);
	if (ram->size >= VHD_FOOTER_BYTES)
		seal(ram, footer_at(ram), VHD_FOOTER_BYTES, 64,
		     VHD_FOOTER_COOKIE);
}

static void mutate_footer(struct mutator *m)
{
	u64 end = footer_at(m->ram);
	u64 at = mutate_chance(m, 3) ? end : 0;
	u64 other = at ? 0 : end;
	const char *creator = creators[mutate_random(m, ARRAY_SIZE(creators))];
	unsigned int i;

	switch (mutate_random(m, 10)) {
	case 0:
		mutate_copy(m, at, other, VHD_FOOTER_BYTES);
		return;
	case 1:
		for (i = 0; i < 4; i++)
			mutate_put(m->ram, at + 28 + i, creator[i], 1, true);
		mutate_put(m->ram, at + 32, mutate_random(m, 4) << 16 |
			   mutate_random(m, 4), 4, true);
		break;
	case 2:
		mutate_put(m->ram, at + 60, 2 + mutate_random(m, 3), 4, true);
		break;
	case 3:
		mutate_put(m->ram, at + 48, mutate_random(m, 1 << 14) << 9, 8,
			   true);
		break;
	default:
		mutate_one_of(m, at, footer_fields, ARRAY_SIZE(footer_fields),
			      true);
	}
	if (!mutate_chance(m, 4))
		mutate_copy(m, at, other, VHD_FOOTER_BYTES);
}

static void mutate_header(struct mutator *m)
{
	u64 at = header_at(m->ram);

	switch (mutate_random(m, 6)) {
	case 0:
		mutate_put(m->ram, at + 32, 1ULL << (9 + mutate_random(m, 14)),
			   4, true);
		return;
	case 1:
		mutate_put(m->ram, at + 16, mutate_random(m, 40) << 9, 8,
			   true);
		return;
	default:
		mutate_one_of(m, at, header_fields, ARRAY_SIZE(header_fields),
			      true);
	}
}

/* A sector where a block could be: near the blocks that there are. */
static u64 block_place(struct mutator *m)
{
	u64 sectors = min_t(u64, m->ram->size >> 9, 1 << 16);
	u64 old = mutate_get(m->ram, bat_at(m->ram) + 4 * mutate_random(m, 4),
			     4, true);

	switch (mutate_random(m, 4)) {
	case 0:
		return mutate_random(m, sectors + 8);
	case 1:
		return sectors - 1 - mutate_random(m, 300);
	case 2:
		return old + 1 + mutate_random(m, 600);
	default:
		return old + (1 + mutate_random(m, 16)) *
		       ((mutate_get(m->ram, header_at(m->ram) + 32, 4, true) >>
			 9) + 1);
	}
}

static void mutate_bat(struct mutator *m)
{
	u64 bat = bat_at(m->ram);
	u64 at = bat + 4 * mutate_random(m, mutate_chance(m, 4) ? 300 : 8);

	switch (mutate_random(m, 6)) {
	case 0:
		mutate_put(m->ram, at, VHD_ENTRY_NONE, 4, true);
		break;
	case 1:
		mutate_field(m, at, 4, true);
		break;
	case 2:
		mutate_copy(m, bat + 4 * mutate_random(m, 8), at, 4);
		break;
	default:
		mutate_put(m->ram, at, block_place(m), 4, true);
	}
}

static void mutate_bitmap(struct mutator *m)
{
	u64 entry = bat_at(m->ram) + 4 * mutate_random(m, 4);
	u64 at = mutate_get(m->ram, entry, 4, true) << 9;

	mutate_field(m, at + mutate_random(m, mutate_chance(m, 2) ? 16 : 512),
		     1 + mutate_random(m, 8), true);
}

static void mutate_batmap(struct mutator *m)
{
	u64 header = header_at(m->ram);
	u64 at = bat_at(m->ram) +
		 ALIGN(mutate_get(m->ram, header + 28, 4, true) * 4, 512);

	mutate_put(m->ram, at, 0x74646261746d6170, 8, true);
	mutate_put(m->ram, at + offsetof(struct vhd_batmap_disk, key_hash_set),
		   mutate_random(m, 2), 1, true);
}

void mutate_vhd(struct mutator *m)
{
	if (m->ram->size < VHD_FOOTER_BYTES)
		return;
	switch (mutate_random(m, 10)) {
	case 0:
	case 1:
	case 2:
		mutate_footer(m);
		break;
	case 3:
	case 4:
		mutate_header(m);
		break;
	case 5:
		mutate_bitmap(m);
		break;
	case 6:
		if (mutate_chance(m, 4))
			mutate_batmap(m);
		break;
	default:
		mutate_bat(m);
	}
}
