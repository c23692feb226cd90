/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every on-disk byte of VHD (version 1): structs, limits, magic numbers.
 *
 * All integers are big endian. A sector is 512 bytes, always. Checksums are the
 * complement of the sum of a structure's bytes, its own checksum field left
 * out: they notice a flipped bit, not two bytes swapped.
 *
 *   fixed:    data, footer
 *   dynamic:  footer copy, dynamic header, BAT, blocks ..., footer
 *
 * The footer ends the file, its copy starts it. Everything else is found by
 * offsets and may be anywhere in between. A block is its sector bitmap followed
 * by its data.
 */
#ifndef VHDX_VHD_FORMAT_H
#define VHDX_VHD_FORMAT_H

#include "platform.h"

#define VHD_SECTOR_SHIFT 9
#define VHD_SECTOR_BYTES 512

#define VHD_FOOTER_BYTES 512
/* Virtual PC before 2004 left the last reserved byte out. */
#define VHD_FOOTER_SHORT_BYTES 511
#define VHD_FOOTER_COOKIE "conectix"
/* What Xen writes over the cookie of an image it has disabled. */
#define VHD_FOOTER_COOKIE_POISON "v_poison"

/* Bit 1 is reserved and always set. */
#define VHD_FEATURES_RESERVED 0x00000002
#define VHD_FOOTER_VERSION 0x00010000
/* data_offset of an image without a dynamic header, next_offset of all. */
#define VHD_OFFSET_NONE 0xFFFFFFFFFFFFFFFFULL

#define VHD_DISK_FIXED 2
#define VHD_DISK_DYNAMIC 3
#define VHD_DISK_DIFFERENCING 4

/* creator_application; the fourth character may be a blank or a NUL. */
#define VHD_CREATOR_VIRTUAL_PC "vpc "
#define VHD_CREATOR_WINDOWS "win "
#define VHD_CREATOR_XEN "tap "
#define VHD_CREATOR_WINDOWS_VERSION 0x000A0000
#define VHD_CREATOR_HOST_WINDOWS "Wi2k"
/* Xen's first release numbered the bits of a bitmap the other way round ... */
#define VHD_CREATOR_XEN_LSB_VERSION 0x00000001
/* ... and from this one on every dynamic image has a batmap. */
#define VHD_CREATOR_XEN_BATMAP_VERSION 0x00010002

struct vhd_footer_disk {
	u8 cookie[8];
	__be32 features;
	__be32 format_version;
	__be64 data_offset;
	/* Seconds since 2000-01-01 00:00:00 UTC. */
	__be32 timestamp;
	u8 creator_application[4];
	__be32 creator_version;
	u8 creator_host_os[4];
	__be64 original_size;
	__be64 current_size;
	__be16 cylinders;
	u8 heads;
	u8 sectors_per_track;
	__be32 disk_type;
	__be32 checksum;
	u8 unique_id[16];
	u8 saved_state;
	/* Reserved; Xen hides an image by a one here. */
	u8 hidden;
	u8 reserved[426];
} __packed;

static_assert(sizeof(struct vhd_footer_disk) == VHD_FOOTER_BYTES);
static_assert(offsetof(struct vhd_footer_disk, data_offset) == 16);
static_assert(offsetof(struct vhd_footer_disk, creator_application) == 28);
static_assert(offsetof(struct vhd_footer_disk, current_size) == 48);
static_assert(offsetof(struct vhd_footer_disk, disk_type) == 60);
static_assert(offsetof(struct vhd_footer_disk, checksum) == 64);
static_assert(offsetof(struct vhd_footer_disk, saved_state) == 84);

#define VHD_HEADER_BYTES 1024
#define VHD_HEADER_COOKIE "cxsparse"
#define VHD_HEADER_VERSION 0x00010000
#define VHD_PARENT_LOCATORS 8

struct vhd_parent_locator_disk {
	u8 platform_code[4];
	__be32 data_space;
	__be32 data_length;
	__be32 reserved;
	__be64 data_offset;
} __packed;

static_assert(sizeof(struct vhd_parent_locator_disk) == 24);

struct vhd_header_disk {
	u8 cookie[8];
	__be64 next_offset;
	__be64 table_offset;
	__be32 header_version;
	__be32 max_table_entries;
	__be32 block_size;
	__be32 checksum;
	u8 parent_unique_id[16];
	__be32 parent_timestamp;
	__be32 reserved1;
	/* UTF-16, big endian. */
	u8 parent_name[512];
	struct vhd_parent_locator_disk parent_locator[VHD_PARENT_LOCATORS];
	u8 reserved2[256];
} __packed;

static_assert(sizeof(struct vhd_header_disk) == VHD_HEADER_BYTES);
static_assert(offsetof(struct vhd_header_disk, table_offset) == 16);
static_assert(offsetof(struct vhd_header_disk, block_size) == 32);
static_assert(offsetof(struct vhd_header_disk, parent_locator) == 576);

/* A BAT entry is the sector of the block's bitmap. */
#define VHD_ENTRY_NONE 0xFFFFFFFFU
#define VHD_ENTRIES_PER_SECTOR (VHD_SECTOR_BYTES / 4)

/* Xen's batmap: behind the BAT, at the next sector. */
#define VHD_BATMAP_COOKIE "tdbatmap"

struct vhd_batmap_disk {
	u8 cookie[8];
	__be64 map_offset;
	__be32 map_sectors;
	__be32 map_version;
	__be32 checksum;
	u8 marker;
	/* A key has been set: the payload is encrypted. */
	u8 key_hash_set;
	u8 key_nonce[32];
	u8 key_hash[32];
	u8 reserved[418];
} __packed;

static_assert(sizeof(struct vhd_batmap_disk) == VHD_SECTOR_BYTES);

/*
 * Limits. Entries are 32 bit sector numbers, so a dynamic image's file ends at
 * 2 TiB; the disk may have 2040 GiB. The format bounds neither the block size
 * nor the number of entries: what is here is far beyond what anybody writes.
 */
#define VHD_FILE_BYTES_MAX (1ULL << 41)
#define VHD_DYNAMIC_BYTES_MAX (2040ULL << 30)
#define VHD_FIXED_BYTES_MAX (64ULL << 40)
#define VHD_BLOCK_BYTES_MIN 512U
#define VHD_BLOCK_BYTES_MAX (256U << 20)
#define VHD_BLOCK_BYTES_DEFAULT (2U << 20)
#define VHD_BLOCKS_MAX (1U << 24)

/* Geometry: the most that cylinders, heads and sectors can express. */
#define VHD_CYLINDERS_MAX 65535
#define VHD_HEADS_MAX 16
#define VHD_SECTORS_PER_TRACK_MAX 255

#endif
