/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VHD images made by hand, byte by byte, so that the tests do not believe what
 * the core writes. All numbers are offsets of the format.
 */
#ifndef TESTS_VHD_BUILD_H
#define TESTS_VHD_BUILD_H

#include "ram.h"

#define VHD_HEADER_AT 512
#define VHD_BAT_AT 1536

/**
 * struct vhd_build - a dynamic image
 * @virtual_bytes: size of the disk
 * @block_bytes: size of its blocks
 * @entries: length of the BAT; 0: as needed
 * @present: this many blocks, from the first, are in the file, last one first
 * @packed: as tight as possible; else data is aligned to 4096
 * @slack: empty bytes in front of the footer
 */
struct vhd_build {
	u64 virtual_bytes;
	u32 block_bytes;
	u32 entries;
	u32 present;
	bool packed;
	u32 slack;
};

static inline void vhd_put32(u8 *p, u32 value)
{
	__be32 disk = cpu_to_be32(value);

	memcpy(p, &disk, sizeof(disk));
}

static inline void vhd_put64(u8 *p, u64 value)
{
	__be64 disk = cpu_to_be64(value);

	memcpy(p, &disk, sizeof(disk));
}

static inline u32 vhd_get32(const u8 *p)
{
	return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static inline void vhd_sum(u8 *p, size_t len, size_t field)
{
	u32 sum = 0;
	size_t i;

	vhd_put32(p + field, 0);
	for (i = 0; i < len; i++)
		sum += p[i];
	vhd_put32(p + field, ~sum);
}

static inline void vhd_footer(u8 *p, u64 virtual_bytes, u32 type)
{
	memset(p, 0, 512);
	memcpy(p, "conectix", 8);
	vhd_put32(p + 8, 2);
	vhd_put32(p + 12, 0x10000);
	vhd_put64(p + 16, type == 2 ? U64_MAX : VHD_HEADER_AT);
	memcpy(p + 28, "test", 4);
	vhd_put64(p + 40, virtual_bytes);
	vhd_put64(p + 48, virtual_bytes);
	vhd_put32(p + 60, type);
	memset(p + 68, 0x5A, 16);
	vhd_sum(p, 512, 64);
}

static inline void vhd_header(u8 *p, u32 entries, u32 block_bytes)
{
	memset(p, 0, 1024);
	memcpy(p, "cxsparse", 8);
	vhd_put64(p + 8, U64_MAX);
	vhd_put64(p + 16, VHD_BAT_AT);
	vhd_put32(p + 24, 0x10000);
	vhd_put32(p + 28, entries);
	vhd_put32(p + 32, block_bytes);
	vhd_sum(p, 1024, 36);
}

static inline u32 vhd_build_bitmap_bytes(const struct vhd_build *b)
{
	u32 bytes = (b->block_bytes / 512 + 7) / 8;

	return (bytes + 511) / 512 * 512;
}

static inline u32 vhd_build_entries(const struct vhd_build *b)
{
	if (b->entries)
		return b->entries;
	return (b->virtual_bytes + b->block_bytes - 1) / b->block_bytes;
}

/* Byte @i of a block in the file. */
static inline u8 vhd_build_byte(u64 block, u32 i)
{
	return (u8)(block * 31 + i / 512 * 7 + i + 1);
}

static inline void vhd_build_block(struct ram *ram, const struct vhd_build *b,
				   u64 block, u64 at)
{
	u32 bitmap_bytes = vhd_build_bitmap_bytes(b);
	u8 *buf = malloc(bitmap_bytes + b->block_bytes);
	u32 i;

	memset(buf, 0xFF, bitmap_bytes);
	for (i = 0; i < b->block_bytes; i++)
		buf[bitmap_bytes + i] = vhd_build_byte(block, i);
	ram_poke(ram, at, buf, bitmap_bytes + b->block_bytes);
	free(buf);
}

/* Returns where the footer is. */
static inline u64 vhd_build(struct ram *ram, const struct vhd_build *b)
{
	u32 entries = vhd_build_entries(b);
	u64 at = VHD_BAT_AT + (entries * 4 + 511) / 512 * 512;
	u32 bitmap_bytes = vhd_build_bitmap_bytes(b);
	u8 *bat = malloc(at - VHD_BAT_AT);
	u8 footer[512], header[1024];
	u32 i;

	memset(bat, 0xFF, at - VHD_BAT_AT);
	for (i = b->present; i-- > 0;) {
		if (!b->packed)
			at = ALIGN(at + bitmap_bytes, 4096) - bitmap_bytes;
		vhd_put32(bat + i * 4, at / 512);
		vhd_build_block(ram, b, i, at);
		at += bitmap_bytes + b->block_bytes;
	}
	at += b->slack;
	if (!b->packed)
		at = ALIGN(at + 512, 4096) - 512;
	vhd_footer(footer, b->virtual_bytes, 3);
	vhd_header(header, entries, b->block_bytes);
	ram_poke(ram, 0, footer, 512);
	ram_poke(ram, VHD_HEADER_AT, header, 1024);
	ram_poke(ram, VHD_BAT_AT, bat,
		 (entries * 4 + 511) / 512 * 512);
	ram_poke(ram, at, footer, 512);
	free(bat);
	return at;
}

/* Returns where the footer is. */
static inline u64 vhd_build_fixed(struct ram *ram, u64 virtual_bytes)
{
	u8 footer[512];

	vhd_footer(footer, virtual_bytes, 2);
	ram_poke(ram, virtual_bytes, footer, 512);
	return virtual_bytes;
}

/* Change bytes of a footer or header and make its checksum right again. */
static inline void vhd_patch(struct ram *ram, u64 at, size_t len, size_t field,
			     size_t offset, const void *bytes, size_t count)
{
	u8 buf[1024];

	ram_peek(ram, at, buf, len);
	memcpy(buf + offset, bytes, count);
	vhd_sum(buf, len, field);
	ram_poke(ram, at, buf, len);
}

static inline void vhd_patch_footer(struct ram *ram, u64 at, size_t offset,
				    const void *bytes, size_t count)
{
	vhd_patch(ram, at, 512, 64, offset, bytes, count);
}

static inline void vhd_patch_header(struct ram *ram, size_t offset,
				    const void *bytes, size_t count)
{
	vhd_patch(ram, VHD_HEADER_AT, 1024, 36, offset, bytes, count);
}

static inline void vhd_patch_entry(struct ram *ram, u32 block, u32 entry)
{
	u8 buf[4];

	vhd_put32(buf, entry);
	ram_poke(ram, VHD_BAT_AT + block * 4, buf, 4);
}

#endif
