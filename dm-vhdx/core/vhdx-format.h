/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every byte of a VHDX file that this project reads or writes, after
 * [MS-VHDX]. All integers are little-endian; signatures are stored as their
 * ASCII bytes in reading order.
 */
#ifndef VHDX_FORMAT_H
#define VHDX_FORMAT_H

#include "platform.h"

#define VHDX_MIB (1024ULL * 1024)
#define VHDX_PAGE_BYTES 4096

/* 2.2: the header section is the first MiB of the file */
#define VHDX_FILE_ID_OFFSET 0ULL
#define VHDX_HEADER1_OFFSET (64 * 1024ULL)
#define VHDX_HEADER2_OFFSET (128 * 1024ULL)
#define VHDX_REGION_TABLE1_OFFSET (192 * 1024ULL)
#define VHDX_REGION_TABLE2_OFFSET (256 * 1024ULL)
#define VHDX_REGION_TABLE_BYTES (64 * 1024)
#define VHDX_HEADER_SECTION_BYTES VHDX_MIB

/* Limits of the format, and our own bounds where it has none */
#define VHDX_MAX_VIRTUAL_BYTES (64ULL << 40)
#define VHDX_MIN_BLOCK_BYTES (1U << 20)
#define VHDX_MAX_BLOCK_BYTES (256U << 20)
#define VHDX_MAX_REGIONS 2047
#define VHDX_MAX_METADATA_ITEMS 2047
#define VHDX_MAX_USER_METADATA_ITEMS 1024
#define VHDX_MAX_METADATA_ITEM_BYTES (1U << 20)
#define VHDX_MAX_LOG_BYTES (64U << 20)	/* read whole when it is dirty */
#define VHDX_MAX_FILE_BYTES (128ULL << 40)
#define VHDX_CHUNK_SECTORS (1ULL << 23)

typedef struct {
	u8 b[16];
} vhdx_guid;

/* A GUID from its text form: the first three groups are little-endian. */
#define VHDX_GUID(a, b, c, d, e)                                            \
	{ { (a) & 0xff, (a) >> 8 & 0xff, (a) >> 16 & 0xff, (a) >> 24 & 0xff, \
	    (b) & 0xff, (b) >> 8 & 0xff, (c) & 0xff, (c) >> 8 & 0xff,       \
	    (d) >> 8 & 0xff, (d) & 0xff,                                     \
	    (e) >> 40 & 0xff, (e) >> 32 & 0xff, (e) >> 24 & 0xff,            \
	    (e) >> 16 & 0xff, (e) >> 8 & 0xff, (e) & 0xff } }

/* 2.2.1: file type identifier; never written again after creation */
struct vhdx_file_id_disk {
	u8 signature[8];
	__le16 creator[256];
} __packed;
static_assert(sizeof(struct vhdx_file_id_disk) == 520, "file identifier");

#define VHDX_FILE_ID_SIGNATURE "vhdxfile"

/* 2.2.2: header; the checksum covers all 4096 bytes */
struct vhdx_header_disk {
	u8 signature[4];
	__le32 checksum;
	__le64 sequence_number;
	vhdx_guid file_write_guid;
	vhdx_guid data_write_guid;
	vhdx_guid log_guid;
	__le16 log_version;
	__le16 version;
	__le32 log_length;
	__le64 log_offset;
	u8 reserved[4016];
} __packed;
static_assert(sizeof(struct vhdx_header_disk) == VHDX_PAGE_BYTES, "header");
static_assert(offsetof(struct vhdx_header_disk, log_offset) == 72, "header");

#define VHDX_HEADER_SIGNATURE "head"
#define VHDX_HEADER_VERSION 1
#define VHDX_LOG_VERSION 0

/* 2.2.3: region table; the checksum covers all 64 KiB */
struct vhdx_region_entry_disk {
	vhdx_guid guid;
	__le64 file_offset;
	__le32 length;
	__le32 required;
} __packed;

struct vhdx_region_table_disk {
	u8 signature[4];
	__le32 checksum;
	__le32 entry_count;
	__le32 reserved;
	struct vhdx_region_entry_disk entry[VHDX_MAX_REGIONS];
	u8 padding[16];
} __packed;
static_assert(sizeof(struct vhdx_region_entry_disk) == 32, "region entry");
static_assert(sizeof(struct vhdx_region_table_disk) == VHDX_REGION_TABLE_BYTES,
	      "region table");

#define VHDX_REGION_SIGNATURE "regi"
#define VHDX_REGION_REQUIRED 1U

#define VHDX_REGION_BAT_GUID \
	VHDX_GUID(0x2dc27766, 0xf623, 0x4200, 0x9d64, 0x115e9bfd4a08ULL)
#define VHDX_REGION_METADATA_GUID \
	VHDX_GUID(0x8b7ca206, 0x4790, 0x4b9a, 0xb8fe, 0x575f050f886eULL)

/* 2.3.1: log entry */
struct vhdx_log_header_disk {
	u8 signature[4];
	__le32 checksum;
	__le32 entry_length;
	__le32 tail;
	__le64 sequence_number;
	__le32 descriptor_count;
	__le32 reserved;
	vhdx_guid log_guid;
	__le64 flushed_file_offset;
	__le64 last_file_offset;
} __packed;
static_assert(sizeof(struct vhdx_log_header_disk) == 64, "log entry header");

struct vhdx_log_data_descriptor_disk {
	u8 signature[4];
	u8 trailing_bytes[4];
	u8 leading_bytes[8];
	__le64 file_offset;
	__le64 sequence_number;
} __packed;

struct vhdx_log_zero_descriptor_disk {
	u8 signature[4];
	__le32 reserved;
	__le64 zero_length;
	__le64 file_offset;
	__le64 sequence_number;
} __packed;
static_assert(sizeof(struct vhdx_log_data_descriptor_disk) == 32, "descriptor");
static_assert(sizeof(struct vhdx_log_zero_descriptor_disk) == 32, "descriptor");

struct vhdx_log_data_sector_disk {
	u8 signature[4];
	__le32 sequence_high;
	u8 data[4084];
	__le32 sequence_low;
} __packed;
static_assert(sizeof(struct vhdx_log_data_sector_disk) == VHDX_PAGE_BYTES,
	      "log data sector");

#define VHDX_LOG_ENTRY_SIGNATURE "loge"
#define VHDX_LOG_DATA_DESCRIPTOR "desc"
#define VHDX_LOG_ZERO_DESCRIPTOR "zero"
#define VHDX_LOG_DATA_SECTOR "data"
#define VHDX_LOG_DESCRIPTOR_BYTES 32

/* 2.5: BAT entry: state in bits 0-2, offset in MiB in bits 20-63 */
#define VHDX_BAT_STATE_MASK 7ULL
#define VHDX_BAT_RESERVED_MASK 0xffff8ULL
#define VHDX_BAT_OFFSET_MASK (~0xfffffULL)
#define VHDX_BAT_ENTRIES_PER_PAGE (VHDX_PAGE_BYTES / 8)

enum vhdx_block_state {
	VHDX_BLOCK_NOT_PRESENT = 0,
	VHDX_BLOCK_UNDEFINED = 1,
	VHDX_BLOCK_ZERO = 2,
	VHDX_BLOCK_UNMAPPED = 3,
	VHDX_BLOCK_FULLY_PRESENT = 6,
	VHDX_BLOCK_PARTIALLY_PRESENT = 7,
};

#define VHDX_BITMAP_NOT_PRESENT 0
#define VHDX_BITMAP_PRESENT 6

/* 2.6.1: metadata table, the first 64 KiB of the metadata region */
struct vhdx_metadata_header_disk {
	u8 signature[8];
	__le16 reserved;
	__le16 entry_count;
	__le32 reserved2[5];
} __packed;

struct vhdx_metadata_entry_disk {
	vhdx_guid item_id;
	__le32 offset;
	__le32 length;
	__le32 flags;
	__le32 reserved;
} __packed;
static_assert(sizeof(struct vhdx_metadata_header_disk) == 32, "metadata table");
static_assert(sizeof(struct vhdx_metadata_entry_disk) == 32, "metadata entry");

#define VHDX_METADATA_SIGNATURE "metadata"
#define VHDX_METADATA_TABLE_BYTES (64 * 1024)
#define VHDX_METADATA_IS_USER 1U
#define VHDX_METADATA_IS_VIRTUAL_DISK 2U
#define VHDX_METADATA_IS_REQUIRED 4U

/* 2.6.2: known items */
#define VHDX_ITEM_FILE_PARAMETERS_GUID \
	VHDX_GUID(0xcaa16737, 0xfa36, 0x4d43, 0xb3b6, 0x33f0aa44e76bULL)
#define VHDX_ITEM_VIRTUAL_DISK_SIZE_GUID \
	VHDX_GUID(0x2fa54224, 0xcd1b, 0x4876, 0xb211, 0x5dbed83bf4b8ULL)
#define VHDX_ITEM_VIRTUAL_DISK_ID_GUID \
	VHDX_GUID(0xbeca12ab, 0xb2e6, 0x4523, 0x93ef, 0xc309e000c746ULL)
#define VHDX_ITEM_LOGICAL_SECTOR_SIZE_GUID \
	VHDX_GUID(0x8141bf1d, 0xa96f, 0x4709, 0xba47, 0xf233a8faab5fULL)
#define VHDX_ITEM_PHYSICAL_SECTOR_SIZE_GUID \
	VHDX_GUID(0xcda348c7, 0x445d, 0x4471, 0x9cc9, 0xe9885251c556ULL)
#define VHDX_ITEM_PARENT_LOCATOR_GUID \
	VHDX_GUID(0xa8d35f2d, 0xb30b, 0x454d, 0xabf7, 0xd3d84834ab0cULL)
/* Not in the specification; marks a file whose creation has not finished */
#define VHDX_ITEM_INCOMPLETE_FILE_GUID \
	VHDX_GUID(0x71cc85f0, 0x1b69, 0x4e28, 0x9558, 0xc3bf83ae75d3ULL)

struct vhdx_file_parameters_disk {
	__le32 block_size;
	__le32 flags;
} __packed;

#define VHDX_LEAVE_BLOCK_ALLOCATED 1U
#define VHDX_HAS_PARENT 2U

#endif
