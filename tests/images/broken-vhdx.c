// SPDX-License-Identifier: GPL-2.0-only
/*
 * Broken VHDX images. [MS-VHDX] is where the offsets are from.
 */
#include "broken.h"

#define KIB 1024
#define MIB (1024 * KIB)
#define F(name) VHDX_F_##name

/* Where vhdx_create() puts the parts of the base. */
#define LOG (1ULL * MIB)
#define METADATA (2ULL * MIB)
#define BAT (3ULL * MIB)
#define BLOCKS (4ULL * MIB)

/* In the base with a log of 16 MiB. */
#define METADATA_BIG_LOG (17ULL * MIB)

/* The empty entry that every session starts with is not there either. */
#define NO_FIRST { AT_FILE, LOG, 1, 'L' }

#define PRESENT(offset) ((offset) | 6)

/* Both headers with one number, but not the same contents. */
static void equal_sequences(struct ram *ram)
{
	u8 header[4096];
	u32 crc;

	ram_peek(ram, 64 * KIB, header, sizeof(header));
	header[16] ^= 1;
	memset(header + 4, 0, 4);
	crc = cpu_to_le32(vhdx_crc32c(0, header, sizeof(header)));
	memcpy(header + 4, &crc, 4);
	ram_poke(ram, 128 * KIB, header, sizeof(header));
}

static void all_garbage(struct ram *ram)
{
	u8 bytes[4096];
	u64 at, seed = 1;
	size_t i;

	for (at = 0; at < 4 * MIB; at += sizeof(bytes)) {
		for (i = 0; i < sizeof(bytes); i++) {
			seed = seed * 6364136223846793005ULL + 1;
			bytes[i] = seed >> 56;
		}
		ram_poke(ram, at, bytes, sizeof(bytes));
	}
}

/* One entry of more zero descriptors than any log is believed to need. */
static void many_descriptors(struct ram *ram)
{
	u32 count = (1 << 18) + 1, i;
	u32 len = (64 + 32 * count + 4095) / 4096 * 4096;
	__le64 *entry = calloc(1, len), *d;

	if (!entry)
		abort();
	memcpy(entry, "loge", 4);
	entry[1] = cpu_to_le64(len);
	entry[2] = cpu_to_le64(1);
	entry[3] = cpu_to_le64(count);
	entry[4] = cpu_to_le64(0x1122334455667788);
	for (i = 0; i < count; i++) {
		d = entry + 8 + 4 * i;
		memcpy(d, "zero", 4);
		d[1] = cpu_to_le64(4096);
		d[2] = cpu_to_le64(METADATA_BIG_LOG);
		d[3] = cpu_to_le64(1);
	}
	((__le32 *)entry)[1] = cpu_to_le32(vhdx_crc32c(0, entry, len));
	ram_poke(ram, LOG, entry, len);
	free(entry);
}

const struct broken broken_vhdx[] = {
	/* no image at all */
	{ "empty", BASE_NOTHING, F(TOO_SHORT), { { 0 } } },
	{ "one-byte", BASE_NOTHING, F(TOO_SHORT), { { AT_SIZE, .value = 1 } } },
	{ "511-bytes", BASE_NOTHING, F(TOO_SHORT),
	  { { AT_SIZE, .value = 511 } } },
	{ "one-sector-of-zeros", BASE_NOTHING, F(NOT_AN_IMAGE),
	  { { AT_SIZE, .value = 512 } } },
	{ "zeros", BASE_NOTHING, F(NOT_AN_IMAGE),
	  { { AT_SIZE, .value = 8 * MIB } } },
	{ "garbage", BASE_NOTHING, F(NOT_AN_IMAGE), { { 0 } }, all_garbage },
	{ "vhd-set", BASE_VHDX, F(RESILIENT_SET), { { 0 } }, NULL, false,
	  "vhds" },
	{ "vhd-set-upper-case", BASE_NOTHING, F(RESILIENT_SET), { { 0 } }, NULL,
	  false, "VHDS" },
	{ "vhdx-129-tib", BASE_VHDX, F(TOO_LONG),
	  { { AT_SIZE, .value = 129ULL << 40 } } },
	{ "vhdx-signature-only", BASE_VHDX, F(TOO_SHORT),
	  { { AT_SIZE, .value = 8 } } },
	{ "vhdx-cut-before-header", BASE_VHDX, F(TOO_SHORT),
	  { { AT_SIZE, .value = 64 * KIB } } },
	{ "vhdx-cut-in-header", BASE_VHDX, F(TOO_SHORT),
	  { { AT_SIZE, .value = 64 * KIB + 1 } } },
	{ "vhdx-cut-in-regions", BASE_VHDX, F(TOO_SHORT),
	  { { AT_SIZE, .value = 200 * KIB } } },
	{ "vhdx-cut-before-1-mib", BASE_VHDX, F(TOO_SHORT),
	  { { AT_SIZE, .value = MIB - 1 } } },
	{ "vhdx-cut-before-log", BASE_VHDX, F(LOG_GEOMETRY),
	  { { AT_SIZE, .value = LOG } } },
	{ "vhdx-cut-in-log", BASE_VHDX, F(LOG_GEOMETRY),
	  { { AT_SIZE, .value = METADATA - 1 } } },
	{ "vhdx-cut-before-metadata", BASE_VHDX, F(REGION_GEOMETRY),
	  { { AT_SIZE, .value = METADATA } } },
	{ "vhdx-cut-in-bat", BASE_VHDX, F(REGION_GEOMETRY),
	  { { AT_SIZE, .value = BAT + 4096 } } },
	{ "vhdx-cut-before-blocks", BASE_VHDX, F(BLOCK_PAST_END),
	  { { AT_SIZE, .value = BLOCKS } } },
	{ "vhdx-cut-in-block", BASE_VHDX, F(BLOCK_PAST_END),
	  { { AT_SIZE, .value = BLOCKS + MIB + 513 } } },
	{ "vhdx-signature", BASE_VHDX, F(NOT_AN_IMAGE),
	  { { AT_FILE, 0, 1, 'V' } } },
	{ "vhdx-signature-named", BASE_VHDX, F(NOT_AN_IMAGE),
	  { { AT_FILE, 7, 1, 0 } }, NULL, true },

	/* headers */
	{ "vhdx-headers-checksum", BASE_VHDX, F(NO_VALID_HEADER),
	  { { AT_HEADERS, 4095, 1, 1, true } } },
	{ "vhdx-headers-signature", BASE_VHDX, F(NO_VALID_HEADER),
	  { { AT_HEADERS, 0, 1, 'H' } } },
	{ "vhdx-headers-zeroed", BASE_VHDX, F(NO_VALID_HEADER),
	  { { AT_HEADER1, 0, 4, 0 }, { AT_HEADER2, 4, 4, 0, true } } },
	{ "vhdx-headers-ambiguous", BASE_VHDX, F(HEADERS_AMBIGUOUS),
	  { { 0 } }, equal_sequences },
	{ "vhdx-header-version-0", BASE_VHDX, F(HEADER_VERSION),
	  { { AT_HEADERS, 66, 2, 0 } } },
	{ "vhdx-header-version-2", BASE_VHDX, F(HEADER_VERSION),
	  { { AT_HEADERS, 66, 2, 2 } } },
	{ "vhdx-header-1-invalid", BASE_VHDX, F(HEADER_ONE_INVALID),
	  { { AT_HEADER1, 100, 1, 1, true } } },
	{ "vhdx-header-2-invalid", BASE_VHDX, F(HEADER_ONE_INVALID),
	  { { AT_HEADER2, 0, 4, 0 } } },
	{ "vhdx-log-version", BASE_VHDX_DIRTY, F(LOG_VERSION),
	  { { AT_HEADERS, 64, 2, 1 } } },
	{ "vhdx-log-length-0", BASE_VHDX_DIRTY, F(LOG_GEOMETRY),
	  { { AT_HEADERS, 68, 4, 0 } } },
	{ "vhdx-log-length-odd", BASE_VHDX, F(LOG_GEOMETRY),
	  { { AT_HEADERS, 68, 4, MIB + 4096 } } },
	{ "vhdx-log-length-huge", BASE_VHDX, F(LOG_GEOMETRY),
	  { { AT_HEADERS, 68, 4, 0xfff00000 } } },
	{ "vhdx-log-offset-0", BASE_VHDX, F(LOG_GEOMETRY),
	  { { AT_HEADERS, 72, 8, 0 } } },
	{ "vhdx-log-offset-odd", BASE_VHDX, F(LOG_GEOMETRY),
	  { { AT_HEADERS, 72, 8, MIB + 512 } } },
	{ "vhdx-log-offset-huge", BASE_VHDX, F(LOG_GEOMETRY),
	  { { AT_HEADERS, 72, 8, U64_MAX - MIB + 1 } } },
	{ "vhdx-log-past-end", BASE_VHDX, F(LOG_GEOMETRY),
	  { { AT_HEADERS, 72, 8, 64 * MIB } } },
	{ "vhdx-log-over-bat", BASE_VHDX, F(REGION_OVERLAP),
	  { { AT_HEADERS, 72, 8, BAT } } },
	{ "vhdx-log-over-block", BASE_VHDX, F(BLOCK_OVERLAP),
	  { { AT_HEADERS, 72, 8, BLOCKS } } },

	/* log */
	{ "vhdx-log-guid-without-log", BASE_VHDX, F(LOG_NO_SEQUENCE),
	  { { AT_HEADERS, 48, 8, 0x1122334455667788 } } },
	{ "vhdx-log-entry-checksum", BASE_VHDX_DIRTY, F(LOG_NO_SEQUENCE),
	  { { AT_LOG, 200, 1, 1, true }, NO_FIRST } },
	{ "vhdx-log-entry-signature", BASE_VHDX_DIRTY, F(LOG_NO_SEQUENCE),
	  { { AT_LOG, 0, 1, 'L' }, NO_FIRST } },
	{ "vhdx-log-entry-length-0", BASE_VHDX_DIRTY, F(LOG_NO_SEQUENCE),
	  { { AT_LOG, 8, 4, 0, true }, NO_FIRST } },
	{ "vhdx-log-entry-length-huge", BASE_VHDX_DIRTY, F(LOG_NO_SEQUENCE),
	  { { AT_LOG, 8, 4, 0xfffff000, true }, NO_FIRST } },
	{ "vhdx-log-entry-tail", BASE_VHDX_DIRTY, F(LOG_NO_SEQUENCE),
	  { { AT_LOG, 12, 4, 512 * KIB } } },
	{ "vhdx-log-entry-tail-outside", BASE_VHDX_DIRTY, F(LOG_NO_SEQUENCE),
	  { { AT_LOG, 12, 4, 16 * MIB }, NO_FIRST } },
	{ "vhdx-log-sequence-0", BASE_VHDX_DIRTY, F(LOG_NO_SEQUENCE),
	  { { AT_LOG, 16, 8, 0 }, NO_FIRST } },
	{ "vhdx-log-descriptor-count", BASE_VHDX_DIRTY, F(LOG_NO_SEQUENCE),
	  { { AT_LOG, 24, 4, 3 }, NO_FIRST } },
	{ "vhdx-log-descriptor-count-huge", BASE_VHDX_DIRTY,
	  F(LOG_NO_SEQUENCE), { { AT_LOG, 24, 4, 0xffffffff }, NO_FIRST } },
	{ "vhdx-log-descriptor-signature", BASE_VHDX_DIRTY,
	  F(LOG_NO_SEQUENCE), { { AT_LOG, 64, 1, 'D' }, NO_FIRST } },
	{ "vhdx-log-descriptor-sequence", BASE_VHDX_DIRTY, F(LOG_NO_SEQUENCE),
	  { { AT_LOG, 88, 8, 77 }, NO_FIRST } },
	{ "vhdx-log-descriptor-odd", BASE_VHDX_DIRTY, F(LOG_NO_SEQUENCE),
	  { { AT_LOG, 80, 8, BAT + 512 }, NO_FIRST } },
	{ "vhdx-log-data-signature", BASE_VHDX_DIRTY, F(LOG_NO_SEQUENCE),
	  { { AT_LOG, 4096, 1, 'D' }, NO_FIRST } },
	{ "vhdx-log-data-torn", BASE_VHDX_DIRTY, F(LOG_NO_SEQUENCE),
	  { { AT_LOG, 8188, 4, 12345 }, NO_FIRST } },
	{ "vhdx-log-file-truncated", BASE_VHDX_DIRTY, F(LOG_FILE_TRUNCATED),
	  { { AT_LOG, 48, 8, 64ULL * MIB } } },
	{ "vhdx-log-file-cut", BASE_VHDX_DIRTY, F(LOG_FILE_TRUNCATED),
	  { { AT_SIZE, .value = BLOCKS + MIB } } },
	{ "vhdx-log-target-signature", BASE_VHDX_DIRTY, F(LOG_TARGET),
	  { { AT_LOG, 80, 8, 0 } } },
	{ "vhdx-log-target-header", BASE_VHDX_DIRTY, F(LOG_TARGET),
	  { { AT_LOG, 80, 8, 64 * KIB } } },
	{ "vhdx-log-target-log", BASE_VHDX_DIRTY, F(LOG_TARGET),
	  { { AT_LOG, 80, 8, LOG + 4096 } } },
	{ "vhdx-log-target-payload", BASE_VHDX_DIRTY, F(LOG_TARGET),
	  { { AT_LOG, 80, 8, BLOCKS } } },
	{ "vhdx-log-target-far", BASE_VHDX_DIRTY, F(LOG_TOO_FAR),
	  { { AT_LOG, 80, 8, 1ULL << 50 } } },
	{ "vhdx-log-target-overflow", BASE_VHDX_DIRTY, F(LOG_TOO_FAR),
	  { { AT_LOG, 80, 8, U64_MAX - 4095 } } },
	{ "vhdx-log-last-offset-far", BASE_VHDX_DIRTY, F(LOG_TOO_FAR),
	  { { AT_LOG, 56, 8, 1ULL << 62 } } },
	{ "vhdx-log-too-many", BASE_VHDX_BIG_LOG, F(LOG_TOO_MANY),
	  { { AT_HEADERS, 48, 8, 0x1122334455667788 } }, many_descriptors },
	{ "vhdx-log-dirty", BASE_VHDX_DIRTY, F(LOG_DIRTY), { { 0 } } },

	/* region tables */
	{ "vhdx-regions-checksum", BASE_VHDX, F(NO_VALID_REGION_TABLE),
	  { { AT_REGIONS, 65535, 1, 1, true } } },
	{ "vhdx-regions-signature", BASE_VHDX, F(NO_VALID_REGION_TABLE),
	  { { AT_REGIONS, 0, 1, 'R' } } },
	{ "vhdx-regions-1-invalid", BASE_VHDX, F(REGION_TABLE_ONE_INVALID),
	  { { AT_REGIONS1, 500, 1, 1, true } } },
	{ "vhdx-regions-2-invalid", BASE_VHDX, F(REGION_TABLE_ONE_INVALID),
	  { { AT_REGIONS2, 0, 4, 0 } } },
	{ "vhdx-regions-differ", BASE_VHDX, F(REGION_TABLES_DIFFER),
	  { { AT_REGIONS2, 12, 4, 1 } } },
	{ "vhdx-regions-count", BASE_VHDX, F(REGION_COUNT),
	  { { AT_REGIONS, 8, 4, 2048 } } },
	{ "vhdx-regions-count-huge", BASE_VHDX, F(REGION_COUNT),
	  { { AT_REGIONS, 8, 4, 0xffffffff } } },
	{ "vhdx-region-unknown", BASE_VHDX, F(REGION_UNKNOWN),
	  { { AT_REGIONS, 8, 4, 3 }, { AT_REGIONS, 80, 8, 0x1234 },
	    { AT_REGIONS, 96, 8, BLOCKS + 2 * MIB },
	    { AT_REGIONS, 104, 4, MIB }, { AT_REGIONS, 108, 4, 1 },
	    { AT_GROWN, .value = MIB } } },
	{ "vhdx-region-unknown-over-block", BASE_VHDX, F(BLOCK_OVERLAP),
	  { { AT_REGIONS, 8, 4, 3 }, { AT_REGIONS, 80, 8, 0x1234 },
	    { AT_REGIONS, 96, 8, BLOCKS }, { AT_REGIONS, 104, 4, MIB } } },
	{ "vhdx-region-empty", BASE_VHDX, F(REGION_GEOMETRY),
	  { { AT_REGIONS, 8, 4, 3 }, { AT_REGIONS, 80, 8, 0x1234 } } },
	{ "vhdx-region-duplicate", BASE_VHDX, F(REGION_DUPLICATE),
	  { { AT_REGION_METADATA, 0, 8, 0x4200f6232dc27766 },
	    { AT_REGIONS, 16 + 8, 8, 0x084afd9b5e11649d },
	    { AT_REGIONS, 48 + 8, 8, 0x084afd9b5e11649d } } },
	{ "vhdx-region-bat-odd", BASE_VHDX, F(REGION_GEOMETRY),
	  { { AT_REGION_BAT, 16, 8, BAT + 4096 } } },
	{ "vhdx-region-bat-in-header", BASE_VHDX, F(REGION_GEOMETRY),
	  { { AT_REGION_BAT, 16, 8, 0 } } },
	{ "vhdx-region-bat-past-end", BASE_VHDX, F(REGION_GEOMETRY),
	  { { AT_REGION_BAT, 16, 8, 1ULL << 40 } } },
	{ "vhdx-region-bat-overflow", BASE_VHDX, F(REGION_GEOMETRY),
	  { { AT_REGION_BAT, 16, 8, U64_MAX - MIB + 1 } } },
	{ "vhdx-region-bat-length-0", BASE_VHDX, F(REGION_GEOMETRY),
	  { { AT_REGION_BAT, 24, 4, 0 } } },
	{ "vhdx-region-metadata-length-odd", BASE_VHDX, F(REGION_GEOMETRY),
	  { { AT_REGION_METADATA, 24, 4, 65536 } } },
	{ "vhdx-region-bat-over-log", BASE_VHDX, F(REGION_OVERLAP),
	  { { AT_REGION_BAT, 16, 8, LOG } } },
	{ "vhdx-region-bat-over-metadata", BASE_VHDX, F(REGION_OVERLAP),
	  { { AT_REGION_BAT, 16, 8, METADATA } } },
	{ "vhdx-region-no-bat", BASE_VHDX, F(REGION_NO_BAT),
	  { { AT_REGION_BAT, 28, 4, 0 }, { AT_REGION_BAT, 0, 4, 1 } } },
	{ "vhdx-region-no-metadata", BASE_VHDX, F(REGION_NO_METADATA),
	  { { AT_REGION_METADATA, 28, 4, 0 },
	    { AT_REGION_METADATA, 8, 4, 1 } } },
	{ "vhdx-regions-none", BASE_VHDX, F(REGION_NO_BAT),
	  { { AT_REGIONS, 8, 4, 0 } } },

	/* metadata */
	{ "vhdx-metadata-signature", BASE_VHDX, F(METADATA_SIGNATURE),
	  { { AT_METADATA, 0, 1, 'M' } } },
	{ "vhdx-metadata-count", BASE_VHDX, F(METADATA_COUNT),
	  { { AT_METADATA, 10, 2, 2048 } } },
	{ "vhdx-metadata-count-huge", BASE_VHDX, F(METADATA_COUNT),
	  { { AT_METADATA, 10, 2, 65535 } } },
	{ "vhdx-metadata-empty", BASE_VHDX, F(METADATA_MISSING),
	  { { AT_METADATA, 10, 2, 0 } } },
	{ "vhdx-metadata-duplicate", BASE_VHDX, F(METADATA_DUPLICATE),
	  { { AT_ENTRY_PHYSICAL, 8, 8, 0x5fabfaa833f247ba },
	    { AT_ENTRY_PHYSICAL, 0, 8, 0x4709a96f8141bf1d } } },
	{ "vhdx-metadata-item-in-table", BASE_VHDX, F(METADATA_GEOMETRY),
	  { { AT_ENTRY_SIZE, 16, 4, 4096 } } },
	{ "vhdx-metadata-item-outside", BASE_VHDX, F(METADATA_GEOMETRY),
	  { { AT_ENTRY_SIZE, 16, 4, MIB - 4 } } },
	{ "vhdx-metadata-item-overflow", BASE_VHDX, F(METADATA_GEOMETRY),
	  { { AT_ENTRY_SIZE, 16, 4, 0xfffffffc } } },
	{ "vhdx-metadata-item-long", BASE_VHDX, F(METADATA_GEOMETRY),
	  { { AT_ENTRY_ID, 20, 4, 2 * MIB } } },
	{ "vhdx-metadata-item-empty", BASE_VHDX, F(METADATA_GEOMETRY),
	  { { AT_ENTRY_ID, 20, 4, 0 } } },
	{ "vhdx-metadata-items-overlap", BASE_VHDX, F(METADATA_OVERLAP),
	  { { AT_ENTRY_SIZE, 16, 4, 64 * KIB + 4 } } },
	{ "vhdx-metadata-unknown", BASE_VHDX, F(METADATA_UNKNOWN),
	  { { AT_ENTRY_PHYSICAL, 0, 4, 1 } } },
	{ "vhdx-metadata-incomplete-file", BASE_VHDX,
	  F(METADATA_INCOMPLETE_FILE),
	  { { AT_ENTRY_PHYSICAL, 8, 8, 0xd375ae83bfc35895 },
	    { AT_ENTRY_PHYSICAL, 0, 8, 0x4e281b6971cc85f0 } } },
	{ "vhdx-metadata-missing-size", BASE_VHDX, F(METADATA_MISSING),
	  { { AT_ENTRY_SIZE, 24, 4, 0 }, { AT_ENTRY_SIZE, 0, 4, 1 } } },
	{ "vhdx-metadata-missing-id", BASE_VHDX, F(METADATA_MISSING),
	  { { AT_ENTRY_ID, 24, 4, 0 }, { AT_ENTRY_ID, 0, 4, 1 } } },
	{ "vhdx-metadata-item-length", BASE_VHDX, F(METADATA_ITEM_LENGTH),
	  { { AT_ENTRY_SIZE, 20, 4, 4 } } },
	{ "vhdx-metadata-id-length", BASE_VHDX, F(METADATA_ITEM_LENGTH),
	  { { AT_ENTRY_ID, 20, 4, 17 } } },
	{ "vhdx-metadata-item-flags", BASE_VHDX, F(METADATA_ITEM_FLAGS),
	  { { AT_ENTRY_SIZE, 24, 4, 0x80000006 } } },
	{ "vhdx-block-size-0", BASE_VHDX, F(BLOCK_SIZE),
	  { { AT_PARAMETERS, 0, 4, 0 } } },
	{ "vhdx-block-size-512-kib", BASE_VHDX, F(BLOCK_SIZE),
	  { { AT_PARAMETERS, 0, 4, 512 * KIB } } },
	{ "vhdx-block-size-3-mib", BASE_VHDX, F(BLOCK_SIZE),
	  { { AT_PARAMETERS, 0, 4, 3 * MIB } } },
	{ "vhdx-block-size-512-mib", BASE_VHDX, F(BLOCK_SIZE),
	  { { AT_PARAMETERS, 0, 4, 512 * MIB } } },
	{ "vhdx-sector-size-0", BASE_VHDX, F(SECTOR_SIZE),
	  { { AT_LOGICAL, 0, 4, 0 } } },
	{ "vhdx-sector-size-1024", BASE_VHDX, F(SECTOR_SIZE),
	  { { AT_LOGICAL, 0, 4, 1024 } } },
	{ "vhdx-physical-sector-size", BASE_VHDX, F(SECTOR_SIZE),
	  { { AT_PHYSICAL, 0, 4, 8192 } } },
	{ "vhdx-virtual-size-0", BASE_VHDX, F(VIRTUAL_SIZE),
	  { { AT_VIRTUAL_SIZE, 0, 8, 0 } } },
	{ "vhdx-virtual-size-odd", BASE_VHDX, F(VIRTUAL_SIZE),
	  { { AT_VIRTUAL_SIZE, 0, 8, 3 * MIB - 1 } } },
	{ "vhdx-virtual-size-65-tib", BASE_VHDX, F(VIRTUAL_SIZE),
	  { { AT_VIRTUAL_SIZE, 0, 8, 65ULL << 40 } } },
	{ "vhdx-virtual-size-max", BASE_VHDX, F(VIRTUAL_SIZE),
	  { { AT_VIRTUAL_SIZE, 0, 8, U64_MAX - 511 } } },
	{ "vhdx-parent-locator", BASE_VHDX, F(PARENT_LOCATOR_UNEXPECTED),
	  { { AT_METADATA, 10, 2, 6 },
	    { AT_METADATA, 192, 8, 0x454db30ba8d35f2d },
	    { AT_METADATA, 200, 8, 0x0cab3448d8d3f7ab },
	    { AT_METADATA, 208, 4, 128 * KIB }, { AT_METADATA, 212, 4, 64 },
	    { AT_METADATA, 216, 4, 4 } } },
	{ "vhdx-differencing", BASE_VHDX, F(DIFFERENCING),
	  { { AT_PARAMETERS, 4, 4, 2 } } },

	/* BAT */
	{ "vhdx-bat-too-small", BASE_VHDX, F(BAT_TOO_SMALL),
	  { { AT_VIRTUAL_SIZE, 0, 8, 1ULL << 40 } } },
	{ "vhdx-bat-state-4", BASE_VHDX, F(BAT_STATE), { { AT_BAT, 16, 8, 4 } } },
	{ "vhdx-bat-state-5", BASE_VHDX, F(BAT_STATE), { { AT_BAT, 16, 8, 5 } } },
	{ "vhdx-bat-state-7", BASE_VHDX, F(BAT_STATE),
	  { { AT_BAT, 0, 8, BLOCKS | 7 } } },
	{ "vhdx-bat-reserved-bits", BASE_VHDX, F(BAT_RESERVED_BITS),
	  { { AT_BAT, 0, 8, BLOCKS | 0x1006 } } },
	{ "vhdx-bat-reserved-bits-absent", BASE_VHDX, F(BAT_RESERVED_BITS),
	  { { AT_BAT, 16, 8, 0x80000 } } },
	{ "vhdx-bat-bitmap", BASE_VHDX_CHUNKS, F(BAT_BITMAP_UNEXPECTED),
	  { { AT_GROWN, .value = MIB }, { AT_BAT, 4096 * 8, 8, 6 | 6 * MIB } } },
	{ "vhdx-block-in-header", BASE_VHDX, F(BLOCK_IN_HEADER),
	  { { AT_BAT, 0, 8, 6 } } },
	{ "vhdx-block-past-end", BASE_VHDX, F(BLOCK_PAST_END),
	  { { AT_BAT, 0, 8, PRESENT(64ULL * MIB) } } },
	{ "vhdx-block-far", BASE_VHDX, F(BLOCK_PAST_END),
	  { { AT_BAT, 0, 8, PRESENT(U64_MAX << 20) } } },
	{ "vhdx-block-cut", BASE_VHDX, F(BLOCK_CUT),
	  { { AT_VIRTUAL_SIZE, 0, 8, 2 * MIB - 512 * KIB },
	    { AT_SIZE, .value = BLOCKS + MIB + 512 * KIB } } },
	{ "vhdx-block-cut-on-device", BASE_VHDX, F(BLOCK_CUT_ON_DEVICE),
	  { { AT_VIRTUAL_SIZE, 0, 8, 2 * MIB - 512 * KIB },
	    { AT_SIZE, .value = BLOCKS + MIB + 512 * KIB } },
	  .on_device = true },
	{ "vhdx-block-overlap", BASE_VHDX, F(BLOCK_OVERLAP),
	  { { AT_BAT, 16, 8, PRESENT(BLOCKS) } } },
	{ "vhdx-block-over-log", BASE_VHDX, F(BLOCK_OVERLAP),
	  { { AT_BAT, 0, 8, PRESENT(LOG) } } },
	{ "vhdx-block-over-bat", BASE_VHDX, F(BLOCK_OVERLAP),
	  { { AT_BAT, 0, 8, PRESENT(BAT) } } },
	{ "vhdx-block-over-metadata", BASE_VHDX, F(BLOCK_OVERLAP),
	  { { AT_BAT, 0, 8, PRESENT(METADATA) } } },
	{ "vhdx-anchor", BASE_VHDX, F(BLOCK_ANCHOR),
	  { { AT_BAT, 0, 8, BLOCKS | 3 } } },
	{ "vhdx-anchor-undefined", BASE_VHDX, F(BLOCK_ANCHOR),
	  { { AT_BAT, 0, 8, BLOCKS | 1 } } },
	{ "vhdx-anchor-overlap", BASE_VHDX, F(BLOCK_OVERLAP),
	  { { AT_BAT, 16, 8, BLOCKS | 3 } } },
	{ "vhdx-zero-with-offset", BASE_VHDX, F(ENTRY_OFFSET_UNUSED),
	  { { AT_BAT, 16, 8, BLOCKS | 2 } } },
	{ "vhdx-absent-with-offset", BASE_VHDX, F(ENTRY_OFFSET_UNUSED),
	  { { AT_BAT, 16, 8, 77ULL << 20 } } },
	{ "vhdx-fixed-cut", BASE_VHDX_FIXED, F(FIXED_INCOMPLETE),
	  { { AT_SIZE, .value = BLOCKS + 2 * MIB } } },
	{ "vhdx-fixed-cut-in-block", BASE_VHDX_FIXED, F(FIXED_INCOMPLETE),
	  { { AT_SIZE, .value = BLOCKS + 3 * MIB - 512 } } },
	{ "vhdx-tail", BASE_VHDX, F(TAIL_UNUSED),
	  { { AT_GROWN, .value = 4 * MIB } } },
};

const size_t nr_broken_vhdx = ARRAY_SIZE(broken_vhdx);
