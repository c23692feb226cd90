/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that can be wrong with an image, by name.
 *
 * The kernel log, the tool's check, its JSON and the tests print the same name
 * and the same sentence. Severity: FATAL refuses the image, WRITE refuses only
 * writing, UNTIDY is sound but worth tidying up.
 */
#ifndef VHDX_FINDING_H
#define VHDX_FINDING_H

#include "platform.h"

/* X(name, errno, severity, sentence) */
#define VHDX_FINDINGS(X) \
	X(IO_ERROR, EIO, FATAL, "the image file could not be read") \
	X(NO_MEMORY, ENOMEM, FATAL, "not enough memory") \
	X(NOT_AN_IMAGE, EMEDIUMTYPE, FATAL, "neither a VHDX nor a VHD image") \
	X(TOO_SHORT, EUCLEAN, FATAL, "the file is too short for an image") \
	X(TOO_LONG, EFBIG, FATAL, "the file is longer than any image of its format can be") \
	/* VHDX headers, [MS-VHDX] 2.2.2 */ \
	X(NO_VALID_HEADER, EBADMSG, FATAL, "neither header has a valid signature and checksum") \
	X(HEADERS_AMBIGUOUS, EUCLEAN, FATAL, "two different headers have the same sequence number") \
	X(HEADER_VERSION, EOPNOTSUPP, FATAL, "unknown header version") \
	X(HEADER_ONE_INVALID, EBADMSG, UNTIDY, "one of the two headers is invalid") \
	X(LOG_VERSION, EOPNOTSUPP, FATAL, "unknown log version") \
	X(LOG_GEOMETRY, EUCLEAN, FATAL, "the log is misplaced, unaligned, too large or past the end of the file") \
	/* VHDX log, [MS-VHDX] 2.3 */ \
	X(LOG_NO_SEQUENCE, EUCLEAN, FATAL, "the header names a log but the log holds no valid sequence") \
	X(LOG_FILE_TRUNCATED, EUCLEAN, FATAL, "the file is shorter than its log says it was") \
	X(LOG_TARGET, EUCLEAN, FATAL, "a log entry would overwrite something that is not logged metadata") \
	X(LOG_TOO_FAR, EUCLEAN, FATAL, "a log entry would extend the file beyond reason") \
	X(LOG_TOO_MANY, EUCLEAN, FATAL, "the log holds more than any writer leaves in one") \
	X(LOG_DIRTY, 0, UNTIDY, "the log holds changes that wait for replay") \
	/* VHDX region tables, [MS-VHDX] 2.2.3 */ \
	X(NO_VALID_REGION_TABLE, EBADMSG, FATAL, "neither region table has a valid signature and checksum") \
	X(REGION_TABLE_ONE_INVALID, EBADMSG, UNTIDY, "one of the two region tables is invalid") \
	X(REGION_TABLES_DIFFER, EUCLEAN, UNTIDY, "the two region tables differ") \
	X(REGION_COUNT, EUCLEAN, FATAL, "a region table has too many entries") \
	X(REGION_UNKNOWN, EOPNOTSUPP, FATAL, "an unknown region is marked as required") \
	X(REGION_DUPLICATE, EUCLEAN, FATAL, "a region appears twice in the region table") \
	X(REGION_GEOMETRY, EUCLEAN, FATAL, "a region is unaligned, empty, in the header section or past the end of the file") \
	X(REGION_OVERLAP, EUCLEAN, FATAL, "a region overlaps the log or another region") \
	X(REGION_NO_BAT, EUCLEAN, FATAL, "there is no BAT region") \
	X(REGION_NO_METADATA, EUCLEAN, FATAL, "there is no metadata region") \
	/* VHDX metadata, [MS-VHDX] 2.6 */ \
	X(METADATA_SIGNATURE, EUCLEAN, FATAL, "the metadata table has no valid signature") \
	X(METADATA_COUNT, EUCLEAN, FATAL, "the metadata table has too many entries") \
	X(METADATA_DUPLICATE, EUCLEAN, FATAL, "a metadata item appears twice") \
	X(METADATA_GEOMETRY, EUCLEAN, FATAL, "a metadata item lies outside the metadata region or is too long") \
	X(METADATA_OVERLAP, EUCLEAN, FATAL, "two metadata items overlap") \
	X(METADATA_UNKNOWN, EOPNOTSUPP, FATAL, "an unknown metadata item is marked as required") \
	X(METADATA_INCOMPLETE_FILE, EOPNOTSUPP, FATAL, "the image is marked as incomplete by whoever wrote it") \
	X(METADATA_MISSING, EUCLEAN, FATAL, "a mandatory metadata item is missing") \
	X(METADATA_ITEM_LENGTH, EUCLEAN, FATAL, "a metadata item has the wrong length") \
	X(METADATA_ITEM_FLAGS, EUCLEAN, FATAL, "a metadata item has the wrong flags") \
	X(BLOCK_SIZE, EUCLEAN, FATAL, "the block size is not a power of two within the format's bounds") \
	X(SECTOR_SIZE, EUCLEAN, FATAL, "a sector size is neither 512 nor 4096") \
	X(VIRTUAL_SIZE, EUCLEAN, FATAL, "the virtual size is zero, too large or no multiple of the sector size") \
	X(PARENT_LOCATOR_UNEXPECTED, EUCLEAN, FATAL, "the image has a parent locator but is not differencing") \
	X(DIFFERENCING, EOPNOTSUPP, FATAL, "differencing images are not supported by this version") \
	X(RESILIENT_SET, EOPNOTSUPP, FATAL, "a VHD Set (.vhds) is not an image but a list of images") \
	/* BAT of both formats, [MS-VHDX] 2.5 */ \
	X(BAT_TOO_SMALL, EUCLEAN, FATAL, "the BAT is too small for the virtual size") \
	X(BAT_STATE, EUCLEAN, FATAL, "a BAT entry has a state that is reserved or illegal for the disk type") \
	X(BAT_RESERVED_BITS, EUCLEAN, FATAL, "a BAT entry has reserved bits set") \
	X(BAT_BITMAP_UNEXPECTED, EUCLEAN, UNTIDY, "a sector bitmap is present although there is no parent") \
	X(BLOCK_IN_HEADER, EUCLEAN, FATAL, "a block lies in the header section") \
	X(BLOCK_PAST_END, EUCLEAN, FATAL, "a block lies past the end of the file") \
	X(BLOCK_CUT, EUCLEAN, UNTIDY, "the last block is cut off at the end of the file") \
	X(BLOCK_CUT_ON_DEVICE, ENOSPC, WRITE, "the block device ends inside the last block, so nothing can be written") \
	X(BLOCK_OVERLAP, EUCLEAN, FATAL, "a block overlaps another block or a structure of the image") \
	X(BLOCK_ANCHOR, 0, UNTIDY, "an unmapped block still owns its former space") \
	X(ENTRY_OFFSET_UNUSED, 0, UNTIDY, "a BAT entry without space carries a file offset") \
	X(FIXED_INCOMPLETE, EUCLEAN, FATAL, "a fixed image is shorter than it claims") \
	X(TAIL_UNUSED, 0, UNTIDY, "there is unused space at the end of the file") \
	/* VHD */ \
	X(VHD_NO_FOOTER, EBADMSG, FATAL, "no valid footer, neither at the end nor at the start of the file") \
	X(VHD_FOOTER_CHECKSUM, EBADMSG, FATAL, "the checksum of the footer is wrong") \
	X(VHD_FOOTER_MISSING, EUCLEAN, UNTIDY, "the footer at the end is missing or invalid, its copy is good") \
	X(VHD_FOOTER_COPY_BAD, EUCLEAN, UNTIDY, "the copy of the footer at the start is missing or invalid") \
	X(VHD_FOOTERS_DIFFER, EUCLEAN, WRITE, "the footer and its copy differ") \
	X(VHD_FOOTER_SHORT, 0, UNTIDY, "the footer is one of the old 511 byte ones") \
	X(VHD_VERSION, EOPNOTSUPP, FATAL, "unknown VHD version") \
	X(VHD_TYPE, EOPNOTSUPP, FATAL, "unknown or deprecated disk type") \
	X(VHD_DISABLED, EOPNOTSUPP, FATAL, "the image has been disabled by Xen") \
	X(VHD_HIDDEN, EOPNOTSUPP, FATAL, "the image is hidden by Xen") \
	X(VHD_ENCRYPTED, EOPNOTSUPP, FATAL, "the image is encrypted by Xen") \
	X(VHD_BATMAP, EOPNOTSUPP, FATAL, "the image has a Xen batmap, which is not supported") \
	X(VHD_LSB_BITMAPS, EOPNOTSUPP, FATAL, "the image has the reversed bitmaps of an early Xen release") \
	X(VHD_SAVED_STATE, EOPNOTSUPP, WRITE, "a suspended guest uses the image") \
	X(VHD_HEADER_GEOMETRY, EUCLEAN, FATAL, "the dynamic header lies outside the file or is unaligned") \
	X(VHD_HEADER_COOKIE, EUCLEAN, FATAL, "the dynamic header has no valid signature") \
	X(VHD_HEADER_CHECKSUM, EBADMSG, FATAL, "the checksum of the dynamic header is wrong") \
	X(VHD_HEADER_VERSION, EOPNOTSUPP, FATAL, "unknown version of the dynamic header") \
	X(VHD_BAT_GEOMETRY, EUCLEAN, FATAL, "the BAT lies outside the file, is unaligned or overlaps a header")

enum vhdx_severity {
	VHDX_SEVERITY_FATAL,
	VHDX_SEVERITY_WRITE,
	VHDX_SEVERITY_UNTIDY,
};

enum vhdx_finding {
	VHDX_F_NONE,
#define VHDX_FINDING_ENUM(name, err, severity, sentence) VHDX_F_##name,
	VHDX_FINDINGS(VHDX_FINDING_ENUM)
#undef VHDX_FINDING_ENUM
	VHDX_F_COUNT,
};

/**
 * struct vhdx_report - where findings go
 * @found: called for each finding; may be NULL
 * @keep_going: report and go on where that is safe (check), instead of
 *	stopping at the first fatal one (open)
 * @worst: the first finding of the gravest severity, VHDX_F_NONE if none
 * @where: its offset in the file in bytes
 * @value: the offending number
 * @count: findings by severity
 */
struct vhdx_report {
	void (*found)(struct vhdx_report *report, enum vhdx_finding finding,
		      u64 where, u64 value);
	bool keep_going;
	enum vhdx_finding worst;
	u64 where;
	u64 value;
	unsigned int count[VHDX_SEVERITY_UNTIDY + 1];
};

int vhdx_report(struct vhdx_report *report, enum vhdx_finding finding,
		u64 where, u64 value);
int vhdx_report_io(struct vhdx_report *report, int err, u64 where);
const char *vhdx_finding_name(enum vhdx_finding finding);
const char *vhdx_finding_sentence(enum vhdx_finding finding);
enum vhdx_severity vhdx_finding_severity(enum vhdx_finding finding);
int vhdx_finding_errno(enum vhdx_finding finding);

#endif
