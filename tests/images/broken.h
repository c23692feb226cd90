/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Named broken images: a sound image, a few numbers changed, checksums
 * repaired, and what must be found. The offsets are those of the format, on
 * purpose not taken from the core's headers.
 */
#ifndef TESTS_IMAGES_BROKEN_H
#define TESTS_IMAGES_BROKEN_H

#include "finding.h"
#include "ram.h"

enum base {
	BASE_NOTHING,		/* an empty file */
	/* VHDX, 1 MiB blocks, 512 byte sectors, blocks 0 and 1 present */
	BASE_VHDX,
	BASE_VHDX_FIXED,	/* the same, fixed, 3 blocks */
	BASE_VHDX_DIRTY,	/* the same as BASE_VHDX, not closed */
	BASE_VHDX_BIG_LOG,	/* with a log of 16 MiB */
	BASE_VHDX_CHUNKS,	/* two chunks, so that there is a bitmap entry */
	BASE_VHD,		/* VHD, 64 KiB blocks, blocks 0 and 1 present */
	BASE_VHD_FIXED,
	BASE_COUNT,
};

/* What a put is relative to, and whose checksum is repaired after it. */
enum place {
	AT_NONE,
	AT_FILE,		/* the start of the file, nothing repaired */
	AT_SIZE,		/* not a put: the size of the file */
	AT_GROWN,		/* not a put: the size grows by this much */
	AT_HEADER1, AT_HEADER2, AT_HEADERS,
	AT_REGIONS1, AT_REGIONS2, AT_REGIONS,
	AT_REGION_BAT,		/* the entry of the BAT in both tables */
	AT_REGION_METADATA,
	AT_METADATA,		/* the metadata table */
	AT_ENTRY_PARAMETERS,	/* the table's entry of an item */
	AT_ENTRY_SIZE, AT_ENTRY_ID, AT_ENTRY_LOGICAL, AT_ENTRY_PHYSICAL,
	AT_PARAMETERS,		/* the item itself */
	AT_VIRTUAL_SIZE, AT_LOGICAL, AT_PHYSICAL,
	AT_BAT,
	AT_LOG,			/* the last log entry */
	AT_FOOTER,		/* VHD: at the end */
	AT_COPY,		/* VHD: at the start */
	AT_FOOTERS,		/* both */
	AT_DYNAMIC,		/* VHD: the dynamic header */
	AT_VHD_BAT,
};

/**
 * struct put - one number
 * @place: see above
 * @offset: from there
 * @bytes: how long: 1, 2, 4, 8; in the byte order of the format
 * @value: what
 * @raw: leave the checksum wrong
 */
struct put {
	enum place place;
	u32 offset;
	u8 bytes;
	u64 value;
	bool raw;
};

#define BROKEN_PUTS 8

/**
 * struct broken - one image
 * @name: for files and messages
 * @base: what it is made from
 * @finding: what must be found
 * @put: changes, up to the first AT_NONE
 * @more: changes that no put can express, after them
 * @format_named: opened as what it is, without guessing
 * @extension: of the file's name, if not that of its format
 * @on_device: not in a file but on a block device
 */
struct broken {
	const char *name;
	enum base base;
	enum vhdx_finding finding;
	struct put put[BROKEN_PUTS];
	void (*more)(struct ram *ram);
	bool format_named;
	const char *extension;
	bool on_device;
};

extern const struct broken broken_vhdx[];
extern const size_t nr_broken_vhdx;
extern const struct broken broken_vhd[];
extern const size_t nr_broken_vhd;

/* Make the image; destroy it afterwards. */
void broken_make(const struct broken *broken, struct ram *ram);
bool base_is_vhd(enum base base);
const char *broken_extension(const struct broken *broken);

#endif
