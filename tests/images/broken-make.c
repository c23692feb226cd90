// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making broken images: the bases, the puts, and the checksums after them.
 */
#include <stdio.h>

#include "broken.h"
#include "create.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)

static struct ram bases[BASE_COUNT];
static bool have[BASE_COUNT];

bool base_is_vhd(enum base base)
{
	return base == BASE_VHD || base == BASE_VHD_FIXED;
}

const char *broken_extension(const struct broken *broken)
{
	if (broken->extension)
		return broken->extension;
	return base_is_vhd(broken->base) ? "vhd" : "vhdx";
}

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-err));
	exit(1);
}

/* ---- bases ------------------------------------------------------------- */

static const struct vhdx_create_options base_options[BASE_COUNT] = {
	[BASE_VHDX] = { VHDX_FORMAT_VHDX, VHDX_TYPE_DYNAMIC, 3 * MIB, MIB,
			512, 4096, MIB, 0 },
	[BASE_VHDX_FIXED] = { VHDX_FORMAT_VHDX, VHDX_TYPE_FIXED, 3 * MIB, MIB,
			      512, 4096, MIB, 0 },
	[BASE_VHDX_DIRTY] = { VHDX_FORMAT_VHDX, VHDX_TYPE_DYNAMIC, 3 * MIB,
			      MIB, 512, 4096, MIB, 0 },
	[BASE_VHDX_BIG_LOG] = { VHDX_FORMAT_VHDX, VHDX_TYPE_DYNAMIC, 3 * MIB,
				MIB, 512, 4096, 16 * MIB, 0 },
	[BASE_VHDX_CHUNKS] = { VHDX_FORMAT_VHDX, VHDX_TYPE_DYNAMIC, 4097 * MIB,
			       MIB, 512, 4096, MIB, 0 },
	[BASE_VHD] = { VHDX_FORMAT_VHD, VHDX_TYPE_DYNAMIC, MIB, 64 * KIB,
		       0, 0, 0, 1 },
	[BASE_VHD_FIXED] = { VHDX_FORMAT_VHD, VHDX_TYPE_FIXED, MIB, 0,
			     0, 0, 0, 1 },
};

static void write_blocks(struct ram *ram, enum base base)
{
	const struct vhdx_open_options options = {
		.format = base_options[base].format,
		.writable = true,
	};
	struct vhdx_report report = { 0 };
	struct vhdx_image *image;
	u8 data[4096];
	u32 block;

	memset(data, 0x55, sizeof(data));
	must(vhdx_image_open(&ram->container, &options, &report, &image),
	     "open a base");
	block = vhdx_image_geometry(image)->block_bytes;
	must(vhdx_image_write(image, 0, data, sizeof(data)), "write");
	if (base_options[base].block_bytes)
		must(vhdx_image_write(image, block, data, sizeof(data)),
		     "write");
	must(vhdx_image_commit(image), "commit");
	if (base != BASE_VHDX_DIRTY)
		must(vhdx_image_finish(image), "finish");
	vhdx_image_close(image);
}

static void make_base(enum base base, struct ram *ram)
{
	if (!have[base]) {
		ram_init(&bases[base], 0);
		if (base != BASE_NOTHING) {
			must(vhdx_create(&bases[base].container,
					 &base_options[base]), "create");
			write_blocks(&bases[base], base);
		}
		have[base] = true;
	}
	ram_clone(ram, &bases[base]);
}

/* ---- numbers ------------------------------------------------------------ */

static u64 get_le(const struct ram *ram, u64 at, unsigned int bytes)
{
	u64 value = 0;

	ram_peek(ram, at, &value, bytes);
	return le64_to_cpu(value);
}

static u64 get_be(const struct ram *ram, u64 at, unsigned int bytes)
{
	u64 value = 0;

	ram_peek(ram, at, (u8 *)&value + 8 - bytes, bytes);
	return be64_to_cpu(value);
}

static void put_le(struct ram *ram, u64 at, u64 value, unsigned int bytes)
{
	value = cpu_to_le64(value);
	ram_poke(ram, at, &value, bytes);
}

static void put_be(struct ram *ram, u64 at, u64 value, unsigned int bytes)
{
	value = cpu_to_be64(value);
	ram_poke(ram, at, (u8 *)&value + 8 - bytes, bytes);
}

/* ---- checksums ----------------------------------------------------------- */

static void seal_crc(struct ram *ram, u64 at, u64 len)
{
	u8 *bytes = malloc(len);

	if (!bytes)
		abort();
	put_le(ram, at + 4, 0, 4);
	ram_peek(ram, at, bytes, len);
	put_le(ram, at + 4, vhdx_crc32c(0, bytes, len), 4);
	free(bytes);
}

static void seal_sum(struct ram *ram, u64 at, u64 len, u64 field)
{
	u32 sum = 0;
	u64 i;

	put_be(ram, at + field, 0, 4);
	for (i = 0; i < len; i++)
		sum += get_be(ram, at + i, 1);
	put_be(ram, at + field, (u32)~sum, 4);
}

/* ---- places ------------------------------------------------------------- */

#define HEADER1 (64 * KIB)
#define HEADER2 (128 * KIB)
#define REGIONS1 (192 * KIB)
#define REGIONS2 (256 * KIB)

/* Offset in a region table of the entry whose GUID starts with @id. */
static u32 region_entry(const struct ram *ram, u32 id)
{
	u32 at;

	for (at = 16; at < 16 + 2 * 32; at += 32)
		if (get_le(ram, REGIONS1 + at, 4) == id)
			return at;
	must(-ENOENT, "region");
	return 0;
}

#define REGION_BAT 0x2dc27766
#define REGION_METADATA 0x8b7ca206

static u64 region_at(const struct ram *ram, u32 id)
{
	return get_le(ram, REGIONS1 + region_entry(ram, id) + 16, 8);
}

/* Offset in the file of the metadata table's entry for an item. */
static u64 item_entry(const struct ram *ram, u32 id)
{
	u64 table = region_at(ram, REGION_METADATA), at;

	for (at = table + 32; at < table + 32 + 8 * 32; at += 32)
		if (get_le(ram, at, 4) == id)
			return at;
	must(-ENOENT, "metadata item");
	return 0;
}

static u32 item_id(enum place place)
{
	switch (place) {
	case AT_ENTRY_PARAMETERS:
	case AT_PARAMETERS:
		return 0xcaa16737;
	case AT_ENTRY_SIZE:
	case AT_VIRTUAL_SIZE:
		return 0x2fa54224;
	case AT_ENTRY_ID:
		return 0xbeca12ab;
	case AT_ENTRY_LOGICAL:
	case AT_LOGICAL:
		return 0x8141bf1d;
	default:
		return 0xcda348c7;
	}
}

/* The log entry with the largest sequence number. */
static u64 log_entry(const struct ram *ram)
{
	u64 log = get_le(ram, HEADER1 + 72, 8);
	u64 len = get_le(ram, HEADER1 + 68, 4);
	u64 best = 0, most = 0, at;

	for (at = log; at < log + len; at += 4096) {
		if (get_le(ram, at, 4) != 0x65676f6c ||
		    get_le(ram, at + 16, 8) <= most)
			continue;
		best = at;
		most = get_le(ram, at + 16, 8);
	}
	if (!best)
		must(-ENOENT, "log entry");
	return best;
}

static void put_and_crc(struct ram *ram, const struct put *put, u64 start,
			u64 offset, u64 len)
{
	put_le(ram, start + offset, put->value, put->bytes);
	if (!put->raw)
		seal_crc(ram, start, len);
}

static void put_header(struct ram *ram, const struct put *put)
{
	if (put->place != AT_HEADER2)
		put_and_crc(ram, put, HEADER1, put->offset, 4 * KIB);
	if (put->place != AT_HEADER1)
		put_and_crc(ram, put, HEADER2, put->offset, 4 * KIB);
}

static void put_regions(struct ram *ram, const struct put *put)
{
	u32 offset = put->offset;

	if (put->place == AT_REGION_BAT)
		offset += region_entry(ram, REGION_BAT);
	if (put->place == AT_REGION_METADATA)
		offset += region_entry(ram, REGION_METADATA);
	if (put->place != AT_REGIONS2)
		put_and_crc(ram, put, REGIONS1, offset, 64 * KIB);
	if (put->place != AT_REGIONS1)
		put_and_crc(ram, put, REGIONS2, offset, 64 * KIB);
}

static void put_item(struct ram *ram, const struct put *put)
{
	u64 at = item_entry(ram, item_id(put->place));

	if (put->place >= AT_PARAMETERS)
		at = region_at(ram, REGION_METADATA) +
		     get_le(ram, at + 16, 4);
	put_le(ram, at + put->offset, put->value, put->bytes);
}

static void put_footer(struct ram *ram, const struct put *put, u64 at)
{
	put_be(ram, at + put->offset, put->value, put->bytes);
	if (!put->raw)
		seal_sum(ram, at, 512, 64);
}

static void put_vhd(struct ram *ram, const struct put *put)
{
	u64 dynamic = get_be(ram, 16, 8);

	switch (put->place) {
	case AT_COPY:
	case AT_FOOTER:
	case AT_FOOTERS:
		if (put->place != AT_COPY)
			put_footer(ram, put, ram->size - 512);
		if (put->place != AT_FOOTER)
			put_footer(ram, put, 0);
		break;
	case AT_DYNAMIC:
		put_be(ram, dynamic + put->offset, put->value, put->bytes);
		if (!put->raw)
			seal_sum(ram, dynamic, 1024, 36);
		break;
	default:
		put_be(ram, get_be(ram, dynamic + 16, 8) + put->offset,
		       put->value, put->bytes);
	}
}

static void set_size(struct ram *ram, u64 size)
{
	must(ram->container.ops->resize(&ram->container, size), "resize");
}

static void apply(struct ram *ram, const struct put *put)
{
	u64 entry;

	switch (put->place) {
	case AT_SIZE:
		set_size(ram, put->value);
		break;
	case AT_GROWN:
		set_size(ram, ram->size + put->value);
		break;
	case AT_FILE:
		put_le(ram, put->offset, put->value, put->bytes);
		break;
	case AT_HEADER1:
	case AT_HEADER2:
	case AT_HEADERS:
		put_header(ram, put);
		break;
	case AT_REGIONS1:
	case AT_REGIONS2:
	case AT_REGIONS:
	case AT_REGION_BAT:
	case AT_REGION_METADATA:
		put_regions(ram, put);
		break;
	case AT_METADATA:
		put_le(ram, region_at(ram, REGION_METADATA) + put->offset,
		       put->value, put->bytes);
		break;
	case AT_BAT:
		put_le(ram, region_at(ram, REGION_BAT) + put->offset,
		       put->value, put->bytes);
		break;
	case AT_LOG:
		entry = log_entry(ram);
		put_and_crc(ram, put, entry, put->offset,
			    get_le(ram, entry + 8, 4));
		break;
	default:
		if (put->place >= AT_FOOTER)
			put_vhd(ram, put);
		else
			put_item(ram, put);
	}
}

void broken_make(const struct broken *broken, struct ram *ram)
{
	size_t i;

	make_base(broken->base, ram);
	for (i = 0; i < BROKEN_PUTS && broken->put[i].place; i++)
		apply(ram, &broken->put[i]);
	if (broken->more)
		broken->more(ram);
	ram->container.fixed_size = broken->on_device;
}
