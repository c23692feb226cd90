// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making mutated images.
 *
 * A sound image is made by the core itself. Then a map of it is drawn: areas,
 * each with its checksum, and the fields in them. All changes go to places of
 * this map, so that what has been changed before leads nobody astray.
 */
#include <stdio.h>
#include <stdlib.h>

#include "create.h"
#include "mutate.h"
#include "vhd-format.h"
#include "vhdx-format.h"

#define MIB (1ULL << 20)
#define AREAS 64
#define FIELDS 1024

enum seal {
	SEAL_NONE,
	SEAL_CRC,	/* VHDX: CRC-32C, at offset 4 */
	SEAL_SUM,	/* VHD: complement of the sum of the bytes */
};

struct area {
	u64 at;
	u32 len;
	enum seal seal;
	u32 seal_offset;
	bool has_twin;	/* the area before this one is a copy of it */
	bool touched;
	unsigned int first, fields;
};

struct field {
	u64 at;
	u8 bytes;
};

struct atlas {
	struct ram *ram;
	struct chance *chance;
	bool big_endian;
	struct area area[AREAS];
	unsigned int areas;
	struct field field[FIELDS];
	unsigned int fields;
};

/* ---- chance -------------------------------------------------------------- */

u64 chance_next(struct chance *chance)
{
	u64 z = chance->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

void chance_init(struct chance *chance, u64 seed, u64 number)
{
	chance->state = seed;
	chance->state = chance_next(chance) ^ number;
	chance->state = chance_next(chance);
}

u64 chance_below(struct chance *chance, u64 below)
{
	return chance_next(chance) % below;
}

bool chance_one(struct chance *chance, u64 in)
{
	return !chance_below(chance, in);
}

/* ---- a sound image --------------------------------------------------------- */

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "mutate: %s: %s\n", what, strerror(-err));
	exit(2);
}

static void choose_kind(struct chance *chance, struct vhdx_create_options *o)
{
	bool vhd = chance_below(chance, 5) < 2;

	*o = (struct vhdx_create_options) {
		.format = vhd ? VHDX_FORMAT_VHD : VHDX_FORMAT_VHDX,
		.type = chance_one(chance, 5) ? VHDX_TYPE_FIXED :
						VHDX_TYPE_DYNAMIC,
		.virtual_bytes = (2 + chance_below(chance, 6)) * MIB,
		.timestamp = 1,
	};
	if (vhd && o->type == VHDX_TYPE_DYNAMIC)
		o->block_bytes = 65536U << chance_below(chance, 6);
	if (vhd)
		return;
	o->block_bytes = MIB << chance_below(chance, 2);
	o->sector_bytes = chance_one(chance, 4) ? 4096 : 512;
	o->log_bytes = MIB;
	/* More than a chunk: the BAT has an entry for a sector bitmap. */
	if (o->type == VHDX_TYPE_DYNAMIC && chance_one(chance, 8))
		o->virtual_bytes = 4098 * MIB;
}

/* One operation of a guest, anywhere in the first MiBs. */
static int operate(struct vhdx_image *image, struct chance *chance)
{
	static u8 data[8192];
	u64 span = min(vhdx_image_geometry(image)->virtual_bytes, 8 * MIB);
	u64 at = chance_below(chance, span / 8192) * 8192;
	u64 len = 4096 + 4096 * chance_below(chance, 2);

	switch (chance_below(chance, 8)) {
	case 0:
		return vhdx_image_discard(image, at, min(span - at, MIB));
	case 1:
		return vhdx_image_discard(image, at, len);
	case 2:
		return vhdx_image_write_zeroes(image, at, len,
					       chance_one(chance, 2));
	case 3:
		return vhdx_image_commit(image);
	default:
		memset(data, 1 + chance_below(chance, 255), sizeof(data));
		return vhdx_image_write(image, at, data, len);
	}
}

static void make_sound(struct ram *ram, struct chance *chance,
		       enum vhdx_format *format)
{
	struct vhdx_create_options options;
	struct vhdx_open_options open = { .writable = true };
	struct vhdx_report report = { 0 };
	struct vhdx_image *image;
	unsigned int i, operations = chance_below(chance, 16);

	choose_kind(chance, &options);
	ram_init(ram, 0);
	must(vhdx_create(&ram->container, &options), "create");
	open.format = options.format;
	*format = options.format;
	must(vhdx_image_open(&ram->container, &open, &report, &image), "open");
	for (i = 0; i < operations; i++)
		must(operate(image, chance), "operate");
	if (operations)
		must(vhdx_image_commit(image), "commit");
	/* Else as after a power cut: what is in the log waits for replay. */
	if (chance_below(chance, 3))
		must(vhdx_image_finish(image), "finish");
	vhdx_image_close(image);
}

/* ---- bytes ----------------------------------------------------------------- */

static u64 get(const struct atlas *a, u64 at, unsigned int bytes)
{
	u8 raw[8];
	u64 value = 0;
	unsigned int i;

	ram_peek(a->ram, at, raw, bytes);
	for (i = 0; i < bytes; i++)
		value = value << 8 | raw[a->big_endian ? i : bytes - 1 - i];
	return value;
}

static void put(struct atlas *a, u64 at, unsigned int bytes, u64 value)
{
	u8 raw[8];
	unsigned int i;

	for (i = 0; i < bytes; i++, value >>= 8)
		raw[a->big_endian ? bytes - 1 - i : i] = value;
	ram_poke(a->ram, at, raw, bytes);
}

/* ---- the map ----------------------------------------------------------------- */

static struct area *add_area(struct atlas *a, u64 at, u32 len, enum seal seal,
			     u32 seal_offset)
{
	struct area *area = &a->area[a->areas];

	if (a->areas == AREAS)
		must(-E2BIG, "too many areas");
	a->areas++;
	*area = (struct area) { .at = at, .len = len, .seal = seal,
				.seal_offset = seal_offset,
				.first = a->fields };
	return area;
}

/* @list: pairs of offset and bytes, up to bytes of 0 */
static void add_fields(struct atlas *a, struct area *area, u64 at,
		       const u32 (*list)[2])
{
	for (; (*list)[1]; list++) {
		if (a->fields == FIELDS)
			must(-E2BIG, "too many fields");
		a->field[a->fields].at = at + (*list)[0];
		a->field[a->fields++].bytes = (*list)[1];
		area->fields++;
	}
}

static void add_array(struct atlas *a, u64 at, u32 len, u32 entry,
		      unsigned int most)
{
	struct area *area = add_area(a, at, len, SEAL_NONE, 0);
	const u32 list[][2] = { { 0, entry }, { 0, 0 } };
	unsigned int i;

	for (i = 0; i < most && (i + 1) * entry <= len; i++)
		add_fields(a, area, at + i * entry, list);
}

static void map_headers(struct atlas *a)
{
	static const u32 fields[][2] = {
		{ 0, 4 }, { 4, 4 }, { 8, 8 }, { 16, 8 }, { 32, 8 }, { 48, 8 },
		{ 56, 8 }, { 64, 2 }, { 66, 2 }, { 68, 4 }, { 72, 8 },
		{ 68, 4 }, { 72, 8 }, { 0, 0 }
	};
	struct area *area;

	area = add_area(a, VHDX_HEADER1_OFFSET, VHDX_PAGE_BYTES, SEAL_CRC, 4);
	add_fields(a, area, area->at, fields);
	area = add_area(a, VHDX_HEADER2_OFFSET, VHDX_PAGE_BYTES, SEAL_CRC, 4);
	add_fields(a, area, area->at, fields);
	area->has_twin = true;
}

static void map_region_table(struct atlas *a, u64 at, bool has_twin)
{
	static const u32 head[][2] = { { 0, 4 }, { 4, 4 }, { 8, 4 }, { 0, 0 } };
	static const u32 entry[][2] = {
		{ 0, 8 }, { 16, 8 }, { 24, 4 }, { 28, 4 }, { 16, 8 }, { 24, 4 },
		{ 0, 0 }
	};
	struct area *area = add_area(a, at, VHDX_REGION_TABLE_BYTES, SEAL_CRC,
				     4);
	unsigned int i;

	area->has_twin = has_twin;
	add_fields(a, area, at, head);
	for (i = 0; i < 3; i++)
		add_fields(a, area, at + 16 + 32 * i, entry);
}

static void map_metadata(struct atlas *a, u64 region)
{
	static const u32 head[][2] = { { 0, 8 }, { 10, 2 }, { 0, 0 } };
	static const u32 entry[][2] = {
		{ 0, 8 }, { 16, 4 }, { 20, 4 }, { 24, 4 }, { 0, 0 }
	};
	static const u32 item[][2] = {
		{ 0, 8 }, { 0, 4 }, { 4, 4 }, { 0, 0 }
	};
	struct area *area = add_area(a, region, VHDX_METADATA_TABLE_BYTES,
				     SEAL_NONE, 0);
	unsigned int i, items = get(a, region + 10, 2);

	add_fields(a, area, region, head);
	for (i = 0; i < items + 1; i++)
		add_fields(a, area, region + 32 + 32 * i, entry);
	area = add_area(a, region + VHDX_METADATA_TABLE_BYTES, VHDX_PAGE_BYTES,
			SEAL_NONE, 0);
	for (i = 0; i < items; i++)
		add_fields(a, area, region + get(a, region + 48 + 32 * i, 4),
			   item);
}

static void map_log_entry(struct atlas *a, u64 at)
{
	static const u32 head[][2] = {
		{ 0, 4 }, { 4, 4 }, { 8, 4 }, { 12, 4 }, { 16, 8 }, { 24, 4 },
		{ 32, 8 }, { 48, 8 }, { 56, 8 }, { 0, 0 }
	};
	static const u32 descriptor[][2] = {
		{ 0, 4 }, { 4, 4 }, { 8, 8 }, { 16, 8 }, { 16, 8 }, { 24, 8 },
		{ 0, 0 }
	};
	static const u32 sector[][2] = {
		{ 0, 4 }, { 4, 4 }, { 8, 8 }, { 2048, 8 }, { 4092, 4 }, { 0, 0 }
	};
	u32 len = get(a, at + 8, 4), descriptors = get(a, at + 24, 4);
	struct area *area = add_area(a, at, len, SEAL_CRC, 4);
	unsigned int i;

	add_fields(a, area, at, head);
	for (i = 0; i < descriptors && i < 4; i++)
		add_fields(a, area, at + 64 + 32 * i, descriptor);
	for (i = 1; i < len / VHDX_PAGE_BYTES && i < 4; i++)
		add_fields(a, area, at + VHDX_PAGE_BYTES * i, sector);
}

/* Only a dirty log counts, and of a long one the last entries. */
static void map_log(struct atlas *a)
{
	u64 log = get(a, VHDX_HEADER1_OFFSET + 72, 8), at[8];
	u64 end = log + get(a, VHDX_HEADER1_OFFSET + 68, 4);
	unsigned int i, found = 0;

	for (; log < end; log += VHDX_PAGE_BYTES) {
		u8 signature[4];

		ram_peek(a->ram, log, signature, 4);
		if (!memcmp(signature, VHDX_LOG_ENTRY_SIGNATURE, 4))
			at[found++ % 8] = log;
	}
	for (i = 0; i < found && i < 8; i++)
		map_log_entry(a, at[i]);
}

static void map_vhdx(struct atlas *a)
{
	u64 table = VHDX_REGION_TABLE1_OFFSET;
	unsigned int i;

	map_headers(a);
	map_region_table(a, table, false);
	map_region_table(a, VHDX_REGION_TABLE2_OFFSET, true);
	for (i = 0; i < 2; i++) {
		u64 entry = table + 16 + 32 * i, region = get(a, entry + 16, 8);

		/* The first four bytes of the GUID tell which it is. */
		if (get(a, entry, 4) == 0x2dc27766)
			add_array(a, region, get(a, entry + 24, 4), 8, 12);
		else
			map_metadata(a, region);
	}
	map_log(a);
}

static void map_footer(struct atlas *a, u64 at, bool has_twin)
{
	static const u32 fields[][2] = {
		{ 0, 8 }, { 8, 4 }, { 12, 4 }, { 16, 8 }, { 28, 4 }, { 32, 4 },
		{ 36, 4 }, { 40, 8 }, { 48, 8 }, { 48, 8 }, { 56, 2 },
		{ 58, 1 }, { 59, 1 }, { 60, 4 }, { 64, 4 }, { 84, 1 },
		{ 85, 1 }, { 511, 1 }, { 0, 0 }
	};
	struct area *area = add_area(a, at, VHD_FOOTER_BYTES, SEAL_SUM, 64);

	area->has_twin = has_twin;
	add_fields(a, area, at, fields);
}

static void map_vhd(struct atlas *a)
{
	static const u32 fields[][2] = {
		{ 0, 8 }, { 8, 8 }, { 16, 8 }, { 24, 4 }, { 28, 4 }, { 32, 4 },
		{ 36, 4 }, { 16, 8 }, { 28, 4 }, { 32, 4 }, { 576, 4 },
		{ 592, 8 }, { 0, 0 }
	};
	u64 header = get(a, 16, 8), bat, block;
	struct area *area;
	u32 i, blocks;

	map_footer(a, a->ram->size - VHD_FOOTER_BYTES, false);
	if (get(a, 0, 8) != 0x636f6e6563746978ULL)
		return; /* fixed */
	map_footer(a, 0, true);
	area = add_area(a, header, VHD_HEADER_BYTES, SEAL_SUM, 36);
	add_fields(a, area, header, fields);
	bat = get(a, header + 16, 8);
	blocks = get(a, header + 28, 4);
	add_array(a, bat, blocks * 4, 4, 16);
	for (i = 0; i < blocks && i < 8; i++) {
		block = get(a, bat + 4 * i, 4);
		if (block != VHD_ENTRY_NONE)
			add_array(a, block * VHD_SECTOR_BYTES, VHD_SECTOR_BYTES,
				  8, 2);
	}
}

/* ---- mutations ------------------------------------------------------------------ */

static u64 new_value(struct atlas *a, u64 old, unsigned int bytes)
{
	static const u64 steps[] = { 1, 2, 7, 8, 512, 4096, 65536, MIB };
	struct chance *c = a->chance;
	u64 step = steps[chance_below(c, ARRAY_SIZE(steps))];
	const struct field *other;

	switch (chance_below(c, 12)) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return chance_below(c, 16);
	case 3:
		return 1ULL << chance_below(c, bytes * 8);
	case 4:
		return old ^ 1ULL << chance_below(c, bytes * 8);
	case 5:
	case 6:
		return old + step;
	case 7:
	case 8:
		return old - step;
	case 9:
		return chance_next(c);
	case 10: /* somewhere about the end of the file */
		return a->ram->size + step - steps[chance_below(c, 8)];
	default:
		other = &a->field[chance_below(c, a->fields)];
		return get(a, other->at, other->bytes);
	}
}

static void change_field(struct atlas *a, struct area *area)
{
	const struct field *field;
	u64 value;

	if (!area->fields)
		return;
	field = &a->field[area->first + chance_below(a->chance, area->fields)];
	value = new_value(a, get(a, field->at, field->bytes), field->bytes);
	put(a, field->at, field->bytes, value);
	/* A copy must say the same, or the other one is believed. */
	if (area->has_twin && chance_below(a->chance, 3)) {
		put(a, area[-1].at + (field->at - area->at), field->bytes,
		    value);
		area[-1].touched = true;
	}
}

static void change_bytes(struct atlas *a, struct area *area)
{
	u8 noise[16];
	u32 i, len = 1 + chance_below(a->chance, sizeof(noise));
	u64 at = area->at;

	for (i = 0; i < len; i++)
		noise[i] = chance_next(a->chance);
	if (area->len > len)
		at += chance_below(a->chance, area->len - len);
	ram_poke(a->ram, at, noise, min(len, area->len));
}

/* A part of one area over a part of another one. */
static void change_places(struct atlas *a, struct area *area)
{
	static u8 page[VHDX_PAGE_BYTES];
	const struct area *from = &a->area[chance_below(a->chance, a->areas)];
	u32 len = min_t(u32, min(from->len, area->len), sizeof(page));

	ram_peek(a->ram, from->at, page, len);
	ram_poke(a->ram, area->at, page, len);
}

static void change_length(struct atlas *a)
{
	struct chance *c = a->chance;
	u64 size = a->ram->size;

	switch (chance_below(c, 5)) {
	case 0:
		size = chance_below(c, size);
		break;
	case 1:
		size -= min(size - 1, 1 + chance_below(c, 4096));
		break;
	case 2:
		size -= min(size - 1, MIB * (1 + chance_below(c, 3)));
		break;
	case 3:
		size += 1 + chance_below(c, 4 * MIB);
		break;
	case 4:
		size += MIB << chance_below(c, 12);
		break;
	}
	must(a->ram->container.ops->resize(&a->ram->container, size), "resize");
}

static void seal(struct atlas *a, const struct area *area)
{
	u8 *bytes = malloc(area->len);
	u32 i, sum = 0;

	if (!bytes)
		must(-ENOMEM, "seal");
	put(a, area->at + area->seal_offset, 4, 0);
	ram_peek(a->ram, area->at, bytes, area->len);
	for (i = 0; i < area->len; i++)
		sum += bytes[i];
	if (area->seal == SEAL_CRC)
		sum = ~vhdx_crc32c(0, bytes, area->len);
	put(a, area->at + area->seal_offset, 4, ~sum);
	free(bytes);
}

static void change(struct atlas *a)
{
	struct area *area = &a->area[chance_below(a->chance, a->areas)];

	area->touched = true;
	switch (chance_below(a->chance, 12)) {
	case 0:
		change_bytes(a, area);
		break;
	case 1:
		change_places(a, area);
		break;
	default:
		change_field(a, area);
	}
}

static void change_some(struct atlas *a, enum vhdx_format format)
{
	struct chance *chance = a->chance;
	unsigned int i, changes;

	a->big_endian = format == VHDX_FORMAT_VHD;
	if (format == VHDX_FORMAT_VHD)
		map_vhd(a);
	else
		map_vhdx(a);

	changes = 1 + (chance_one(chance, 2) ? chance_below(chance, 5) : 0);
	for (i = 0; i < changes; i++)
		change(a);
	for (i = 0; i < a->areas; i++)
		if (a->area[i].touched && a->area[i].seal &&
		    chance_below(chance, 10))
			seal(a, &a->area[i]);
	if (chance_one(chance, 8))
		change_length(a);
}

const char *mutate(struct ram *ram, struct chance *chance, bool sound)
{
	struct atlas a = { .ram = ram, .chance = chance };
	enum vhdx_format format;

	make_sound(ram, chance, &format);
	if (!sound)
		change_some(&a, format);
	return format == VHDX_FORMAT_VHD ? "vhd" : "vhdx";
}
