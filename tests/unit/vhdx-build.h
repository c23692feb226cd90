/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VHDX images made by hand, byte by byte, so that the tests do not believe what
 * the core writes. All numbers are offsets of the format; the only thing shared
 * with the core is CRC-32C.
 */
#ifndef TESTS_VHDX_BUILD_H
#define TESTS_VHDX_BUILD_H

#include "ram.h"

#define MIB (1024 * 1024ULL)

#define VB_HEADER1 0x10000
#define VB_HEADER2 0x20000
#define VB_REGIONS1 0x30000
#define VB_REGIONS2 0x40000
#define VB_LOG MIB

/* Fields of a header. */
#define VB_SEQUENCE 8
#define VB_FILE_WRITE_GUID 16
#define VB_DATA_WRITE_GUID 32
#define VB_LOG_GUID 48
#define VB_LOG_VERSION 64
#define VB_VERSION 66
#define VB_LOG_LENGTH 68
#define VB_LOG_OFFSET 72
#define VB_RESERVED 80

/* States of a block. */
#define VB_NOT_PRESENT 0
#define VB_UNDEFINED 1
#define VB_ZERO 2
#define VB_UNMAPPED 3
#define VB_PRESENT 6
#define VB_PARTIAL 7

/* GUIDs as they stand on the disk. */
#define VB_REGION_BAT \
	"\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08"
#define VB_REGION_METADATA \
	"\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e"
#define VB_ITEM_PARAMETERS \
	"\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b"
#define VB_ITEM_SIZE \
	"\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8"
#define VB_ITEM_ID \
	"\xab\x12\xca\xbe\xe6\xb2\x23\x45\x93\xef\xc3\x09\xe0\x00\xc7\x46"
#define VB_ITEM_LOGICAL \
	"\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f"
#define VB_ITEM_PHYSICAL \
	"\xc7\x48\xa3\xcd\x5d\x44\x71\x44\x9c\xc9\xe9\x88\x52\x51\xc5\x56"
#define VB_ITEM_PARENT \
	"\x2d\x5f\xd3\xa8\x0b\xb3\x4d\x45\xab\xf7\xd3\xd8\x48\x34\xab\x0c"
#define VB_ITEM_INCOMPLETE \
	"\xf0\x85\xcc\x71\x69\x1b\x28\x4e\x95\x58\xc3\xbf\x83\xae\x75\xd3"

/**
 * struct vhdx_build - an image without parent
 * @virtual_bytes: size of the disk
 * @block_bytes: size of its blocks
 * @sector_bytes: logical sector; 0: 512
 * @physical_bytes: physical sector; 0: 4096
 * @flags: of the file parameters: 1 fixed
 * @log_bytes: 0: 1 MiB
 * @present: this many blocks, from the first, are in the file, in order, each
 *	filled by vb_fill_block()
 * @metadata_at: result, and so are the rest: where the parts are
 * @bat_at: of the BAT region
 * @bat_bytes: its length
 * @blocks_at: of the first block
 * @end: length of the file
 * @ratio: chunk ratio
 */
struct vhdx_build {
	u64 virtual_bytes;
	u32 block_bytes;
	u32 sector_bytes;
	u32 physical_bytes;
	u32 flags;
	u32 log_bytes;
	u32 present;
	u64 metadata_at;
	u64 bat_at;
	u64 bat_bytes;
	u64 blocks_at;
	u64 end;
	u64 ratio;
};

/* Log at 1 MiB, then metadata, BAT, blocks; both headers, sequence 7 and 8. */
void vb_make(struct ram *ram, struct vhdx_build *vb);

void vb_put16(struct ram *ram, u64 offset, u16 value);
void vb_put32(struct ram *ram, u64 offset, u32 value);
void vb_put64(struct ram *ram, u64 offset, u64 value);
u16 vb_get16(const struct ram *ram, u64 offset);
u32 vb_get32(const struct ram *ram, u64 offset);
u64 vb_get64(const struct ram *ram, u64 offset);

/* The CRC of a structure into its field. */
void vb_sum(struct ram *ram, u64 offset, size_t len, size_t field);
bool vb_sum_is_good(const struct ram *ram, u64 offset, size_t len,
		    size_t field);

/* A header with its CRC; GUIDs are @seed, @seed + 1, zero. */
void vb_put_header(struct ram *ram, u64 at, u64 sequence, u8 seed,
		   u32 log_bytes, u64 log_at);
void vb_sum_header(struct ram *ram, u64 at);
/* The slot with the larger sequence number. */
u64 vb_current_header(const struct ram *ram);
/* Both headers name a log whose GUID consists of @guid. */
void vb_name_log(struct ram *ram, u8 guid);

void vb_put_region(struct ram *ram, u64 table, unsigned int i,
		   const char *guid, u64 offset, u32 len, u32 required);
void vb_sum_regions(struct ram *ram, u64 table, u32 count);

/* One more item behind the table; where its contents are. */
u64 vb_put_item(struct ram *ram, u64 metadata_at, const char *guid, u32 flags,
		const void *value, u32 bytes);

/* Where the entry of a payload block is in the file. */
u64 vb_entry_at(const struct vhdx_build *vb, u64 block);
void vb_set(struct ram *ram, const struct vhdx_build *vb, u64 block,
	    unsigned int state, u64 offset);
u64 vb_entry(const struct ram *ram, const struct vhdx_build *vb, u64 block);

/* Contents that tell a block from every other one, in its first and last page. */
void vb_fill_block(struct ram *ram, const struct vhdx_build *vb, u64 block,
		   u64 offset);
u8 vb_block_byte(u64 block);

/**
 * struct vb_descriptor - of a log entry
 * @zeros: length of a zero descriptor; 0: a data descriptor
 * @offset: where it goes
 * @fill: for vb_page()
 */
struct vb_descriptor {
	u64 zeros;
	u64 offset;
	u8 fill;
};

/**
 * struct vb_log_entry - one
 * @guid: all bytes of the GUID
 * @sequence: its number
 * @tail: where the oldest entry that counts is
 * @flushed: FlushedFileOffset
 * @last: LastFileOffset
 * @count: of descriptors
 * @descriptor: they
 */
struct vb_log_entry {
	u8 guid;
	u64 sequence;
	u32 tail;
	u64 flushed;
	u64 last;
	unsigned int count;
	const struct vb_descriptor *descriptor;
};

/* Contents of a page: no two places alike, none zero. */
void vb_page(u8 *page, u8 fill);
/* Write an entry at @pos of the ring; returns its length. */
u32 vb_put_log_entry(struct ram *ram, u64 log_at, u32 log_bytes, u32 pos,
		     const struct vb_log_entry *entry);
/* Its CRC again, after it has been tampered with. */
void vb_sum_log_entry(struct ram *ram, u64 log_at, u32 log_bytes, u32 pos,
		      u32 len);

#endif
