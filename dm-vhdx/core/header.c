// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two VHDX headers ([MS-VHDX] 2.2.2).
 *
 * A header is replaced by writing the next one over the slot that is not
 * current. It becomes current by its sequence number once it is durable, so
 * one of the two is whole at any time. Doing it twice leaves the same facts in
 * both slots, and losing one of them later loses nothing. It also lets
 * the last sequence number be followed by 0: the header that has it becomes
 * current when the other one, which has the old facts or the same, is overwritten.
 */
#include "header.h"

static const u64 vhdx_header_offsets[2] = {
	VHDX_HEADER1_OFFSET, VHDX_HEADER2_OFFSET
};

/**
 * vhdx_checksum() - CRC-32C of a structure with its own field taken as zero
 * @data: the structure
 * @bytes: its length
 * @field_offset: where its 4 byte checksum is
 */
u32 vhdx_checksum(const void *data, size_t bytes, size_t field_offset)
{
	static const u8 zero[4];
	const u8 *p = data;
	u32 crc = vhdx_crc32c(0, p, field_offset);

	crc = vhdx_crc32c(crc, zero, sizeof(zero));
	return vhdx_crc32c(crc, p + field_offset + sizeof(zero),
			   bytes - field_offset - sizeof(zero));
}

bool vhdx_guid_is_zero(const vhdx_guid *guid)
{
	return vhdx_is_zero(guid, sizeof(*guid));
}

/* A new random (version 4) GUID, never zero. */
void vhdx_guid_new(vhdx_guid *guid)
{
	vhdx_random_bytes(guid, sizeof(*guid));
	guid->b[7] = (guid->b[7] & 0x0f) | 0x40;
	guid->b[8] = (guid->b[8] & 0x3f) | 0x80;
}

static u32 vhdx_header_checksum(const struct vhdx_header_disk *header)
{
	return vhdx_checksum(header, sizeof(*header),
			     offsetof(struct vhdx_header_disk, checksum));
}

static bool vhdx_header_is_valid(const struct vhdx_header_disk *header)
{
	return !memcmp(header->signature, VHDX_HEADER_SIGNATURE, 4) &&
	       le32_to_cpu(header->checksum) == vhdx_header_checksum(header);
}

/* The current one of two, or a fatal finding. */
static int vhdx_headers_choose(struct vhdx_headers *headers,
			       const struct vhdx_header_disk *pair,
			       struct vhdx_report *report)
{
	bool valid[2] = { vhdx_header_is_valid(&pair[0]),
			  vhdx_header_is_valid(&pair[1]) };
	u64 seq[2] = { le64_to_cpu(pair[0].sequence_number),
		       le64_to_cpu(pair[1].sequence_number) };

	if (!valid[0] && !valid[1])
		return vhdx_report(report, VHDX_F_NO_VALID_HEADER,
				   VHDX_HEADER1_OFFSET, 0);
	headers->other_invalid = !valid[0] || !valid[1];
	if (!headers->other_invalid && seq[0] == seq[1] &&
	    memcmp(&pair[0], &pair[1], sizeof(pair[0])))
		return vhdx_report(report, VHDX_F_HEADERS_AMBIGUOUS,
				   VHDX_HEADER1_OFFSET, seq[0]);
	headers->slot = !valid[0] || (valid[1] && seq[1] > seq[0]);
	return 0;
}

static int vhdx_header_check_versions(const struct vhdx_header_disk *header,
				      u64 where, struct vhdx_report *report)
{
	u16 version = le16_to_cpu(header->version);
	u16 log_version = le16_to_cpu(header->log_version);

	if (version != VHDX_HEADER_VERSION)
		return vhdx_report(report, VHDX_F_HEADER_VERSION, where,
				   version);
	if (log_version != VHDX_LOG_VERSION &&
	    !vhdx_guid_is_zero(&header->log_guid))
		return vhdx_report(report, VHDX_F_LOG_VERSION, where,
				   log_version);
	return 0;
}

/**
 * vhdx_headers_read() - find the current header
 * @headers: result; destroy it also after an error
 * @c: container, at least as long as the header section
 * @report: for findings
 *
 * The one with a valid signature and checksum and the larger sequence number
 * is current, also when its version then refuses the file: the older one is
 * out of date. Two that differ under one number have no current one. May sleep.
 *
 * Return: 0 or the errno of the finding.
 */
int vhdx_headers_read(struct vhdx_headers *headers, struct vhdx_container *c,
		      struct vhdx_report *report)
{
	struct vhdx_header_disk *pair = vhdx_alloc(2 * sizeof(*pair));
	int err, i;

	if (!pair)
		return vhdx_report_io(report, -ENOMEM, VHDX_HEADER1_OFFSET);
	for (i = 0; i < 2; i++) {
		err = vhdx_read(c, vhdx_header_offsets[i], &pair[i],
				sizeof(*pair));
		if (err) {
			vhdx_report_io(report, err, vhdx_header_offsets[i]);
			goto out_with_pair;
		}
	}
	err = vhdx_headers_choose(headers, pair, report);
	if (err)
		goto out_with_pair;
	if (headers->slot)
		pair[0] = pair[1];
	headers->page = pair;
	return vhdx_header_check_versions(pair,
					  vhdx_header_offsets[headers->slot],
					  report);

out_with_pair:
	vhdx_free(pair);
	return err;
}

void vhdx_headers_destroy(struct vhdx_headers *headers)
{
	vhdx_free(headers->page);
	headers->page = NULL;
}

static int vhdx_header_write_next(struct vhdx_headers *headers,
				  struct vhdx_container *c)
{
	struct vhdx_header_disk *page = headers->page;
	int err;

	page->sequence_number =
		cpu_to_le64(le64_to_cpu(page->sequence_number) + 1);
	page->checksum = cpu_to_le32(vhdx_header_checksum(page));
	err = vhdx_write(c, vhdx_header_offsets[!headers->slot], page,
			 sizeof(*page));
	if (!err)
		err = vhdx_flush(c);
	if (!err)
		headers->slot = !headers->slot;
	return err;
}

/**
 * vhdx_headers_write() - make the changed header current
 * @headers: its page has been edited in memory
 * @c: container
 *
 * Writes it into both slots, the older one first, each flushed. Everything
 * completed before is durable on return too. May sleep.
 *
 * Return: 0 or -errno: either the old or the new header is current then.
 */
int vhdx_headers_write(struct vhdx_headers *headers, struct vhdx_container *c)
{
	int err = vhdx_header_write_next(headers, c);

	if (!err)
		err = vhdx_header_write_next(headers, c);
	if (!err)
		headers->other_invalid = false;
	return err;
}
