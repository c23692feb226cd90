// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VHDX metadata region ([MS-VHDX] 2.6): a table of items. Nothing in it
 * has a checksum, so every number is checked here, once.
 */
#include "metadata.h"
#include "header.h"

enum vhdx_item {
	VHDX_ITEM_FILE_PARAMETERS,
	VHDX_ITEM_VIRTUAL_DISK_SIZE,
	VHDX_ITEM_VIRTUAL_DISK_ID,
	VHDX_ITEM_LOGICAL_SECTOR_SIZE,
	VHDX_ITEM_PHYSICAL_SECTOR_SIZE,
	VHDX_ITEM_PARENT_LOCATOR,
	VHDX_ITEM_INCOMPLETE_FILE,
	VHDX_ITEM_COUNT,
};

/* @bytes: exact length, 0: any */
static const struct {
	vhdx_guid guid;
	u32 bytes;
} vhdx_items[VHDX_ITEM_COUNT] = {
	[VHDX_ITEM_FILE_PARAMETERS] = { VHDX_ITEM_FILE_PARAMETERS_GUID, 8 },
	[VHDX_ITEM_VIRTUAL_DISK_SIZE] = { VHDX_ITEM_VIRTUAL_DISK_SIZE_GUID, 8 },
	[VHDX_ITEM_VIRTUAL_DISK_ID] = { VHDX_ITEM_VIRTUAL_DISK_ID_GUID, 16 },
	[VHDX_ITEM_LOGICAL_SECTOR_SIZE] = {
		VHDX_ITEM_LOGICAL_SECTOR_SIZE_GUID, 4 },
	[VHDX_ITEM_PHYSICAL_SECTOR_SIZE] = {
		VHDX_ITEM_PHYSICAL_SECTOR_SIZE_GUID, 4 },
	[VHDX_ITEM_PARENT_LOCATOR] = { VHDX_ITEM_PARENT_LOCATOR_GUID, 0 },
	[VHDX_ITEM_INCOMPLETE_FILE] = { VHDX_ITEM_INCOMPLETE_FILE_GUID, 0 },
};

/* Where each known item was found; length 0: nowhere. */
struct vhdx_item_places {
	struct {
		u64 offset_bytes;
		u32 len_bytes;
		bool found;
	} item[VHDX_ITEM_COUNT];
};

static int vhdx_item_find(const vhdx_guid *guid)
{
	int i;

	for (i = 0; i < VHDX_ITEM_COUNT; i++)
		if (vhdx_guid_equal(guid, &vhdx_items[i].guid))
			return i;
	return -1;
}

static bool vhdx_item_fits(const struct vhdx_metadata_entry_disk *entry,
			   const struct vhdx_region *region)
{
	u64 offset = le32_to_cpu(entry->offset);
	u64 len = le32_to_cpu(entry->length);

	if (!len)
		return !offset;
	return offset >= VHDX_METADATA_TABLE_BYTES &&
	       len <= VHDX_MAX_METADATA_ITEM_BYTES &&
	       offset + len <= region->len_bytes;
}

static bool
vhdx_item_is_duplicate(const struct vhdx_metadata_entry_disk *entries, u32 i)
{
	u32 user = le32_to_cpu(entries[i].flags) & VHDX_METADATA_IS_USER;
	u32 j;

	for (j = 0; j < i; j++)
		if (vhdx_guid_equal(&entries[j].item_id, &entries[i].item_id) &&
		    (le32_to_cpu(entries[j].flags) & VHDX_METADATA_IS_USER) ==
		    user)
			return true;
	return false;
}

/* Both fit. An empty one is nowhere. */
static bool
vhdx_item_overlaps(const struct vhdx_metadata_entry_disk *entries, u32 i)
{
	u32 start = le32_to_cpu(entries[i].offset);
	u32 end = start + le32_to_cpu(entries[i].length);
	u32 j;

	for (j = 0; j < i; j++) {
		u32 from = le32_to_cpu(entries[j].offset);

		if (start < from + le32_to_cpu(entries[j].length) && from < end)
			return true;
	}
	return false;
}

static int vhdx_item_parse(struct vhdx_item_places *places,
			   const struct vhdx_metadata_entry_disk *entries,
			   u32 i, const struct vhdx_region *region,
			   struct vhdx_report *report)
{
	const struct vhdx_metadata_entry_disk *entry = &entries[i];
	u64 where = region->offset_bytes + 32 + i * sizeof(*entry);
	u32 flags = le32_to_cpu(entry->flags);
	int item = vhdx_item_find(&entry->item_id);

	if (vhdx_item_is_duplicate(entries, i))
		return vhdx_report(report, VHDX_F_METADATA_DUPLICATE, where, i);
	if (flags & ~(VHDX_METADATA_IS_USER | VHDX_METADATA_IS_VIRTUAL_DISK |
		      VHDX_METADATA_IS_REQUIRED))
		return vhdx_report(report, VHDX_F_METADATA_ITEM_FLAGS, where,
				   flags);
	if (!vhdx_item_fits(entry, region))
		return vhdx_report(report, VHDX_F_METADATA_GEOMETRY, where,
				   le32_to_cpu(entry->offset));
	if (vhdx_item_overlaps(entries, i))
		return vhdx_report(report, VHDX_F_METADATA_OVERLAP, where, i);
	if (item == VHDX_ITEM_INCOMPLETE_FILE)
		return vhdx_report(report, VHDX_F_METADATA_INCOMPLETE_FILE,
				   where, i);
	if (item < 0 || flags & VHDX_METADATA_IS_USER) {
		if (flags & VHDX_METADATA_IS_REQUIRED)
			return vhdx_report(report, VHDX_F_METADATA_UNKNOWN,
					   where, i);
		return 0;
	}
	places->item[item].found = true;
	places->item[item].offset_bytes =
		region->offset_bytes + le32_to_cpu(entry->offset);
	places->item[item].len_bytes = le32_to_cpu(entry->length);
	return 0;
}

static int vhdx_metadata_parse_table(struct vhdx_item_places *places,
				     const void *table,
				     const struct vhdx_region *region,
				     struct vhdx_report *report)
{
	const struct vhdx_metadata_header_disk *header = table;
	const struct vhdx_metadata_entry_disk *entries =
		(const void *)(header + 1);
	u32 count = le16_to_cpu(header->entry_count);
	u32 i, users = 0;
	int err;

	if (memcmp(header->signature, VHDX_METADATA_SIGNATURE, 8))
		return vhdx_report(report, VHDX_F_METADATA_SIGNATURE,
				   region->offset_bytes, 0);
	if (count > VHDX_MAX_METADATA_ITEMS)
		return vhdx_report(report, VHDX_F_METADATA_COUNT,
				   region->offset_bytes, count);
	for (i = 0; i < count; i++) {
		err = vhdx_item_parse(places, entries, i, region, report);
		if (err)
			return err;
		users += le32_to_cpu(entries[i].flags) & VHDX_METADATA_IS_USER;
	}
	if (users > VHDX_MAX_USER_METADATA_ITEMS)
		return vhdx_report(report, VHDX_F_METADATA_COUNT,
				   region->offset_bytes, users);
	return 0;
}

/* Read a mandatory item of exact length into @buf. */
static int vhdx_item_read(const struct vhdx_item_places *places,
			  enum vhdx_item item, void *buf,
			  struct vhdx_container *c,
			  const struct vhdx_overlay *overlay,
			  struct vhdx_report *report)
{
	u64 where = places->item[item].offset_bytes;
	int err;

	if (!places->item[item].found)
		return vhdx_report(report, VHDX_F_METADATA_MISSING, 0, item);
	if (places->item[item].len_bytes != vhdx_items[item].bytes)
		return vhdx_report(report, VHDX_F_METADATA_ITEM_LENGTH, where,
				   places->item[item].len_bytes);
	err = vhdx_overlay_read(overlay, c, where, buf,
				vhdx_items[item].bytes);
	return err ? vhdx_report_io(report, err, where) : 0;
}

static int vhdx_metadata_check(const struct vhdx_metadata *m,
			       u64 where, struct vhdx_report *report)
{
	if (!is_power_of_2(m->block_bytes) ||
	    m->block_bytes < VHDX_MIN_BLOCK_BYTES ||
	    m->block_bytes > VHDX_MAX_BLOCK_BYTES)
		return vhdx_report(report, VHDX_F_BLOCK_SIZE, where,
				   m->block_bytes);
	if (m->sector_bytes != 512 && m->sector_bytes != 4096)
		return vhdx_report(report, VHDX_F_SECTOR_SIZE, where,
				   m->sector_bytes);
	if (m->physical_bytes != 512 && m->physical_bytes != 4096)
		return vhdx_report(report, VHDX_F_SECTOR_SIZE, where,
				   m->physical_bytes);
	if (!m->virtual_bytes || m->virtual_bytes > VHDX_MAX_VIRTUAL_BYTES ||
	    !IS_ALIGNED(m->virtual_bytes, m->sector_bytes))
		return vhdx_report(report, VHDX_F_VIRTUAL_SIZE, where,
				   m->virtual_bytes);
	return 0;
}

static int vhdx_metadata_read_items(struct vhdx_metadata *m,
				    const struct vhdx_item_places *places,
				    struct vhdx_container *c,
				    const struct vhdx_overlay *overlay,
				    struct vhdx_report *report)
{
	struct vhdx_file_parameters_disk parameters;
	__le64 size;
	__le32 sector, physical;
	int err;

	err = vhdx_item_read(places, VHDX_ITEM_FILE_PARAMETERS, &parameters, c,
			     overlay, report);
	if (!err)
		err = vhdx_item_read(places, VHDX_ITEM_VIRTUAL_DISK_SIZE, &size,
				     c, overlay, report);
	if (!err)
		err = vhdx_item_read(places, VHDX_ITEM_VIRTUAL_DISK_ID,
				     &m->disk_id, c, overlay, report);
	if (!err)
		err = vhdx_item_read(places, VHDX_ITEM_LOGICAL_SECTOR_SIZE,
				     &sector, c, overlay, report);
	if (!err)
		err = vhdx_item_read(places, VHDX_ITEM_PHYSICAL_SECTOR_SIZE,
				     &physical, c, overlay, report);
	if (err)
		return err;
	m->block_bytes = le32_to_cpu(parameters.block_size);
	m->leave_blocks_allocated = le32_to_cpu(parameters.flags) &
				    VHDX_LEAVE_BLOCK_ALLOCATED;
	m->virtual_bytes = le64_to_cpu(size);
	m->sector_bytes = le32_to_cpu(sector);
	m->physical_bytes = le32_to_cpu(physical);
	if (le32_to_cpu(parameters.flags) & VHDX_HAS_PARENT)
		return vhdx_report(report, VHDX_F_DIFFERENCING,
			places->item[VHDX_ITEM_FILE_PARAMETERS].offset_bytes,
			0);
	return 0;
}

/**
 * vhdx_metadata_read() - read and check the metadata region
 * @metadata: result
 * @c: container
 * @overlay: what the log holds
 * @region: the metadata region, inside the file
 * @report: for findings
 *
 * May sleep. Return: 0 or the errno of the finding.
 */
int vhdx_metadata_read(struct vhdx_metadata *metadata,
		       struct vhdx_container *c,
		       const struct vhdx_overlay *overlay,
		       const struct vhdx_region *region,
		       struct vhdx_report *report)
{
	struct vhdx_item_places places = { };
	void *table = vhdx_alloc(VHDX_METADATA_TABLE_BYTES);
	u64 parent;
	int err;

	if (!table)
		return vhdx_report_io(report, -ENOMEM, region->offset_bytes);
	err = vhdx_overlay_read(overlay, c, region->offset_bytes, table,
				VHDX_METADATA_TABLE_BYTES);
	if (err)
		vhdx_report_io(report, err, region->offset_bytes);
	else
		err = vhdx_metadata_parse_table(&places, table, region, report);
	vhdx_free(table);
	if (!err)
		err = vhdx_metadata_read_items(metadata, &places, c, overlay,
					       report);
	if (!err)
		err = vhdx_metadata_check(metadata, region->offset_bytes,
					  report);
	parent = places.item[VHDX_ITEM_PARENT_LOCATOR].offset_bytes;
	if (!err && places.item[VHDX_ITEM_PARENT_LOCATOR].found)
		err = vhdx_report(report, VHDX_F_PARENT_LOCATOR_UNEXPECTED,
				  parent, 0);
	return err;
}
