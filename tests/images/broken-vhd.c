// SPDX-License-Identifier: GPL-2.0-only
/*
 * Broken VHD images.
 */
#include "broken.h"

#define KIB 1024
#define MIB (1024 * KIB)
#define F(name) VHDX_F_##name

#define TAP 0x74617000

/* "tdbatmap" as AT_FILE puts numbers */
#define BATMAP_COOKIE 0x70616d7461626474
/* vhdx_create() puts the BAT at 1536; with 16 entries the next sector is */
#define BATMAP 2048

/* Unused space in front of the footer. */
static void slack(struct ram *ram)
{
	static const u8 zero[512];
	u64 old = ram->size - 512;
	u8 footer[512];

	ram_peek(ram, old, footer, sizeof(footer));
	ram_poke(ram, old, zero, sizeof(zero));
	ram_poke(ram, old + 4 * MIB, footer, sizeof(footer));
}

const struct broken broken_vhd[] = {
	/* footers */
	{ "vhd-signature-only", BASE_VHD, F(TOO_SHORT),
	  { { AT_SIZE, .value = 100 } } },
	{ "vhd-no-footer", BASE_VHD, F(VHD_NO_FOOTER),
	  { { AT_FOOTERS, 0, 1, 'C' } }, NULL, true },
	{ "vhd-no-footer-guessed", BASE_VHD, F(NOT_AN_IMAGE),
	  { { AT_FOOTERS, 0, 1, 'C' } } },
	{ "vhd-footers-checksum", BASE_VHD, F(VHD_FOOTER_CHECKSUM),
	  { { AT_FOOTERS, 64, 4, 0x1234, true } } },
	{ "vhd-footers-flipped", BASE_VHD, F(VHD_FOOTER_CHECKSUM),
	  { { AT_FOOTERS, 511, 1, 1, true } } },
	{ "vhd-footer-missing", BASE_VHD, F(VHD_FOOTER_MISSING),
	  { { AT_FOOTER, 0, 8, 0, true } } },
	{ "vhd-footer-checksum", BASE_VHD, F(VHD_FOOTER_MISSING),
	  { { AT_FOOTER, 300, 1, 1, true } } },
	{ "vhd-footer-cut-off", BASE_VHD, F(VHD_FOOTER_MISSING),
	  { { AT_GROWN, .value = -512ULL } } },
	{ "vhd-footer-cut-in-two", BASE_VHD, F(VHD_FOOTER_MISSING),
	  { { AT_GROWN, .value = -100ULL } } },
	{ "vhd-copy-bad", BASE_VHD, F(VHD_FOOTER_COPY_BAD),
	  { { AT_COPY, 200, 1, 1, true } } },
	{ "vhd-copy-missing", BASE_VHD, F(VHD_FOOTER_COPY_BAD),
	  { { AT_COPY, 0, 1, 'C' } } },
	{ "vhd-footers-differ-in-id", BASE_VHD, F(VHD_FOOTERS_DIFFER),
	  { { AT_COPY, 68, 8, 1 } } },
	{ "vhd-footers-differ-in-size", BASE_VHD, F(VHD_FOOTERS_DIFFER),
	  { { AT_COPY, 48, 8, 2 * MIB } } },
	{ "vhd-footer-short", BASE_VHD, F(VHD_FOOTER_SHORT),
	  { { AT_GROWN, .value = -1ULL } } },
	{ "vhd-version-2", BASE_VHD, F(VHD_VERSION),
	  { { AT_FOOTERS, 12, 4, 0x20000 } } },
	{ "vhd-type-0", BASE_VHD, F(VHD_TYPE), { { AT_FOOTERS, 60, 4, 0 } } },
	{ "vhd-type-1", BASE_VHD, F(VHD_TYPE), { { AT_FOOTERS, 60, 4, 1 } } },
	{ "vhd-type-6", BASE_VHD, F(VHD_TYPE), { { AT_FOOTERS, 60, 4, 6 } } },
	{ "vhd-type-huge", BASE_VHD, F(VHD_TYPE),
	  { { AT_FOOTERS, 60, 4, 0xffffffff } } },
	{ "vhd-differencing", BASE_VHD, F(DIFFERENCING),
	  { { AT_FOOTERS, 60, 4, 4 } } },
	{ "vhd-saved-state", BASE_VHD, F(VHD_SAVED_STATE),
	  { { AT_FOOTERS, 84, 1, 1 } } },
	{ "vhd-saved-state-in-copy", BASE_VHD, F(VHD_SAVED_STATE),
	  { { AT_COPY, 84, 1, 1 } } },
	{ "vhd-virtual-size-0", BASE_VHD, F(VIRTUAL_SIZE),
	  { { AT_FOOTERS, 48, 8, 0 } } },
	{ "vhd-virtual-size-odd", BASE_VHD, F(VIRTUAL_SIZE),
	  { { AT_FOOTERS, 48, 8, MIB - 1 } } },
	{ "vhd-virtual-size-2041-gib", BASE_VHD, F(VIRTUAL_SIZE),
	  { { AT_FOOTERS, 48, 8, 2041ULL << 30 } } },
	{ "vhd-virtual-size-max", BASE_VHD, F(VIRTUAL_SIZE),
	  { { AT_FOOTERS, 48, 8, U64_MAX - 511 } } },

	/* Xen */
	{ "vhd-disabled", BASE_VHD, F(VHD_DISABLED),
	  { { AT_FOOTERS, 0, 8, 0x765f706f69736f6e } } },
	{ "vhd-hidden", BASE_VHD, F(VHD_HIDDEN),
	  { { AT_FOOTERS, 28, 4, TAP }, { AT_FOOTERS, 85, 1, 1 } } },
	{ "vhd-lsb-bitmaps", BASE_VHD, F(VHD_LSB_BITMAPS),
	  { { AT_FOOTERS, 28, 4, TAP }, { AT_FOOTERS, 32, 4, 1 } } },
	{ "vhd-batmap-by-version", BASE_VHD, F(VHD_BATMAP),
	  { { AT_FOOTERS, 28, 4, TAP }, { AT_FOOTERS, 32, 4, 0x10003 } } },
	{ "vhd-batmap-by-cookie", BASE_VHD, F(VHD_BATMAP),
	  { { AT_FOOTERS, 28, 4, TAP }, { AT_FOOTERS, 32, 4, 0x10001 },
	    { AT_FILE, BATMAP, 8, BATMAP_COOKIE } } },
	{ "vhd-encrypted", BASE_VHD, F(VHD_ENCRYPTED),
	  { { AT_FOOTERS, 28, 4, TAP }, { AT_FOOTERS, 32, 4, 0x10003 },
	    { AT_FILE, BATMAP, 8, BATMAP_COOKIE },
	    { AT_FILE, BATMAP + 29, 1, 1 } } },

	/* dynamic header */
	{ "vhd-header-offset-0", BASE_VHD, F(VHD_HEADER_GEOMETRY),
	  { { AT_FOOTERS, 16, 8, 0 } } },
	{ "vhd-header-offset-odd", BASE_VHD, F(VHD_HEADER_GEOMETRY),
	  { { AT_FOOTERS, 16, 8, 513 } } },
	{ "vhd-header-offset-none", BASE_VHD, F(VHD_HEADER_GEOMETRY),
	  { { AT_FOOTERS, 16, 8, U64_MAX } } },
	{ "vhd-header-past-end", BASE_VHD, F(VHD_HEADER_GEOMETRY),
	  { { AT_FOOTERS, 16, 8, 1ULL << 40 } } },
	{ "vhd-header-elsewhere", BASE_VHD, F(VHD_HEADER_COOKIE),
	  { { AT_FOOTERS, 16, 8, 1024 } } },
	{ "vhd-header-cookie", BASE_VHD, F(VHD_HEADER_COOKIE),
	  { { AT_DYNAMIC, 0, 1, 'C' } } },
	{ "vhd-header-checksum", BASE_VHD, F(VHD_HEADER_CHECKSUM),
	  { { AT_DYNAMIC, 36, 4, 0, true } } },
	{ "vhd-header-flipped", BASE_VHD, F(VHD_HEADER_CHECKSUM),
	  { { AT_DYNAMIC, 1023, 1, 1, true } } },
	{ "vhd-header-version", BASE_VHD, F(VHD_HEADER_VERSION),
	  { { AT_DYNAMIC, 24, 4, 0x20000 } } },
	{ "vhd-block-size-0", BASE_VHD, F(BLOCK_SIZE),
	  { { AT_DYNAMIC, 32, 4, 0 } } },
	{ "vhd-block-size-3-mib", BASE_VHD, F(BLOCK_SIZE),
	  { { AT_DYNAMIC, 32, 4, 3 * MIB } } },
	{ "vhd-block-size-256", BASE_VHD, F(BLOCK_SIZE),
	  { { AT_DYNAMIC, 32, 4, 256 } } },
	{ "vhd-block-size-2-gib", BASE_VHD, F(BLOCK_SIZE),
	  { { AT_DYNAMIC, 32, 4, 0x80000000 } } },
	{ "vhd-bat-too-small", BASE_VHD, F(BAT_TOO_SMALL),
	  { { AT_DYNAMIC, 28, 4, 15 } } },
	{ "vhd-bat-entries-0", BASE_VHD, F(BAT_TOO_SMALL),
	  { { AT_DYNAMIC, 28, 4, 0 } } },
	{ "vhd-bat-entries-huge", BASE_VHD, F(VHD_BAT_GEOMETRY),
	  { { AT_DYNAMIC, 28, 4, 0xffffffff } } },
	{ "vhd-bat-offset-0", BASE_VHD, F(VHD_BAT_GEOMETRY),
	  { { AT_DYNAMIC, 16, 8, 0 } } },
	{ "vhd-bat-offset-odd", BASE_VHD, F(VHD_BAT_GEOMETRY),
	  { { AT_DYNAMIC, 16, 8, 1537 } } },
	{ "vhd-bat-over-header", BASE_VHD, F(VHD_BAT_GEOMETRY),
	  { { AT_DYNAMIC, 16, 8, 1024 } } },
	{ "vhd-bat-past-end", BASE_VHD, F(VHD_BAT_GEOMETRY),
	  { { AT_DYNAMIC, 16, 8, 1ULL << 40 } } },
	{ "vhd-bat-overflow", BASE_VHD, F(VHD_BAT_GEOMETRY),
	  { { AT_DYNAMIC, 16, 8, U64_MAX - 511 } } },

	/* BAT */
	{ "vhd-block-at-0", BASE_VHD, F(BLOCK_IN_HEADER),
	  { { AT_VHD_BAT, 8, 4, 0 } } },
	{ "vhd-block-over-header", BASE_VHD, F(BLOCK_IN_HEADER),
	  { { AT_VHD_BAT, 8, 4, 2 } } },
	{ "vhd-block-over-bat", BASE_VHD, F(BLOCK_OVERLAP),
	  { { AT_VHD_BAT, 8, 4, 3 } } },
	{ "vhd-block-past-end", BASE_VHD, F(BLOCK_PAST_END),
	  { { AT_VHD_BAT, 8, 4, 0x10000 } } },
	{ "vhd-block-far", BASE_VHD, F(BLOCK_PAST_END),
	  { { AT_VHD_BAT, 8, 4, 0xfffffffe } } },
	{ "vhd-block-over-block", BASE_VHD, F(BLOCK_OVERLAP),
	  { { AT_VHD_BAT, 8, 4, 16 } } },
	{ "vhd-block-cut", BASE_VHD, F(BLOCK_CUT),
	  { { AT_GROWN, .value = -16384ULL } } },
	{ "vhd-cut-to-headers", BASE_VHD, F(BLOCK_PAST_END),
	  { { AT_SIZE, .value = 2048 } } },
	{ "vhd-cut-in-bat", BASE_VHD, F(VHD_BAT_GEOMETRY),
	  { { AT_SIZE, .value = 1600 } } },
	{ "vhd-cut-in-header", BASE_VHD, F(VHD_HEADER_GEOMETRY),
	  { { AT_SIZE, .value = 1024 } } },
	{ "vhd-cut-to-copy", BASE_VHD, F(VHD_HEADER_GEOMETRY),
	  { { AT_SIZE, .value = 512 } } },
	{ "vhd-tail", BASE_VHD, F(TAIL_UNUSED), { { 0 } }, slack },

	/* fixed */
	{ "vhd-fixed-incomplete", BASE_VHD_FIXED, F(FIXED_INCOMPLETE),
	  { { AT_FOOTER, 48, 8, 2 * MIB } } },
	{ "vhd-fixed-cut", BASE_VHD_FIXED, F(VHD_NO_FOOTER),
	  { { AT_GROWN, .value = -4096ULL } }, NULL, true },
	{ "vhd-fixed-cut-guessed", BASE_VHD_FIXED, F(NOT_AN_IMAGE),
	  { { AT_GROWN, .value = -4096ULL } } },
	{ "vhd-fixed-checksum", BASE_VHD_FIXED, F(VHD_FOOTER_CHECKSUM),
	  { { AT_FOOTER, 100, 1, 1, true } } },
	{ "vhd-fixed-type-5", BASE_VHD_FIXED, F(VHD_TYPE),
	  { { AT_FOOTER, 60, 4, 5 } } },
	{ "vhd-fixed-virtual-size-0", BASE_VHD_FIXED, F(VIRTUAL_SIZE),
	  { { AT_FOOTER, 48, 8, 0 } } },
	{ "vhd-fixed-saved-state", BASE_VHD_FIXED, F(VHD_SAVED_STATE),
	  { { AT_FOOTER, 84, 1, 1 } } },
};

const size_t nr_broken_vhd = ARRAY_SIZE(broken_vhd);
