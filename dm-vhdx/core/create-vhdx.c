// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing a new VHDX image, laid out as Windows does: log at 1 MiB, metadata
 * behind it, then the BAT, then the blocks.
 */
#include "bat.h"
#include "create.h"
#include "header.h"
#include "vhdx-format.h"

#define VHDX_DEFAULT_BLOCK_BYTES (32U << 20)
#define VHDX_METADATA_REGION_BYTES VHDX_MIB
#define VHDX_ITEMS_OFFSET VHDX_METADATA_TABLE_BYTES

/* Everything that follows from the options. */
struct vhdx_layout {
	struct vhdx_container *c;
	u64 virtual_bytes;
	u32 block_bytes;
	u32 sector_bytes;
	u32 physical_bytes;
	bool fixed;
	u64 blocks;
	u32 ratio_shift;
	u64 log_offset;
	u32 log_bytes;
	u64 metadata_offset;
	u64 bat_offset;
	u64 bat_bytes;
	u64 blocks_offset;
	u64 file_bytes;
};

static int vhdx_layout_init(struct vhdx_layout *l,
			    const struct vhdx_create_options *o)
{
	l->block_bytes = o->block_bytes ? o->block_bytes :
					  VHDX_DEFAULT_BLOCK_BYTES;
	l->sector_bytes = o->sector_bytes ? o->sector_bytes : 512;
	l->physical_bytes = o->physical_bytes ? o->physical_bytes : 4096;
	l->log_bytes = o->log_bytes ? o->log_bytes : VHDX_MIB;
	l->virtual_bytes = o->virtual_bytes;
	l->fixed = o->type == VHDX_TYPE_FIXED;
	if (o->type == VHDX_TYPE_DIFFERENCING ||
	    (l->sector_bytes != 512 && l->sector_bytes != 4096) ||
	    (l->physical_bytes != 512 && l->physical_bytes != 4096) ||
	    !is_power_of_2(l->block_bytes) ||
	    l->block_bytes < VHDX_MIN_BLOCK_BYTES ||
	    l->block_bytes > VHDX_MAX_BLOCK_BYTES ||
	    !l->virtual_bytes || l->virtual_bytes > VHDX_MAX_VIRTUAL_BYTES ||
	    !IS_ALIGNED(l->virtual_bytes, l->sector_bytes) ||
	    !IS_ALIGNED(l->log_bytes, VHDX_MIB) ||
	    l->log_bytes > VHDX_MAX_LOG_BYTES)
		return -EINVAL;
	l->blocks = DIV_ROUND_UP_ULL(l->virtual_bytes, l->block_bytes);
	l->ratio_shift = ilog2(VHDX_CHUNK_SECTORS * l->sector_bytes) -
			 ilog2(l->block_bytes);
	l->log_offset = VHDX_HEADER_SECTION_BYTES;
	l->metadata_offset = l->log_offset + l->log_bytes;
	l->bat_offset = l->metadata_offset + VHDX_METADATA_REGION_BYTES;
	/* Room for the bitmap entries of all chunks, were it differencing. */
	l->bat_bytes = ALIGN((((l->blocks - 1) >> l->ratio_shift) + 1) *
			     ((1ULL << l->ratio_shift) + 1) * 8, VHDX_MIB);
	l->blocks_offset = l->bat_offset + l->bat_bytes;
	l->file_bytes = l->blocks_offset;
	if (l->fixed)
		l->file_bytes += l->blocks * l->block_bytes;
	return 0;
}

/*
 * Log and BAT get their space on the host now: when it is full later, a guest's
 * write into a new block may fail, a commit must not.
 */
static int vhdx_write_zeros(const struct vhdx_layout *l, u64 offset, u64 bytes)
{
	u8 *zeros = vhdx_alloc(VHDX_MIB);
	int err = zeros ? 0 : -ENOMEM;

	for (; bytes && !err; bytes -= VHDX_MIB, offset += VHDX_MIB)
		err = vhdx_write(l->c, offset, zeros, VHDX_MIB);
	vhdx_free(zeros);
	return err;
}

static int vhdx_write_file_id(const struct vhdx_layout *l)
{
	static const char creator[] = "dm-vhdx";
	struct vhdx_file_id_disk *id = vhdx_alloc(sizeof(*id));
	unsigned int i;
	int err;

	if (!id)
		return -ENOMEM;
	memcpy(id->signature, VHDX_FILE_ID_SIGNATURE, 8);
	for (i = 0; creator[i]; i++)
		id->creator[i] = cpu_to_le16(creator[i]);
	err = vhdx_write(l->c, VHDX_FILE_ID_OFFSET, id, sizeof(*id));
	vhdx_free(id);
	return err;
}

static int vhdx_write_headers(const struct vhdx_layout *l)
{
	struct vhdx_headers headers = { .slot = 1 };
	struct vhdx_header_disk *page = vhdx_alloc(sizeof(*page));
	int err;

	if (!page)
		return -ENOMEM;
	memcpy(page->signature, VHDX_HEADER_SIGNATURE, 4);
	vhdx_guid_new(&page->file_write_guid);
	vhdx_guid_new(&page->data_write_guid);
	page->version = cpu_to_le16(VHDX_HEADER_VERSION);
	page->log_version = cpu_to_le16(VHDX_LOG_VERSION);
	page->log_length = cpu_to_le32(l->log_bytes);
	page->log_offset = cpu_to_le64(l->log_offset);
	headers.page = page;
	err = vhdx_headers_write(&headers, l->c);
	vhdx_headers_destroy(&headers);
	return err;
}

static void vhdx_put_region(struct vhdx_region_entry_disk *entry,
			    vhdx_guid guid, u64 offset, u64 len)
{
	entry->guid = guid;
	entry->file_offset = cpu_to_le64(offset);
	entry->length = cpu_to_le32(len);
	entry->required = cpu_to_le32(VHDX_REGION_REQUIRED);
}

static int vhdx_write_region_tables(const struct vhdx_layout *l)
{
	struct vhdx_region_table_disk *table = vhdx_alloc(sizeof(*table));
	int err;

	if (!table)
		return -ENOMEM;
	memcpy(table->signature, VHDX_REGION_SIGNATURE, 4);
	table->entry_count = cpu_to_le32(2);
	vhdx_put_region(&table->entry[0],
			(vhdx_guid)VHDX_REGION_BAT_GUID, l->bat_offset,
			l->bat_bytes);
	vhdx_put_region(&table->entry[1],
			(vhdx_guid)VHDX_REGION_METADATA_GUID,
			l->metadata_offset, VHDX_METADATA_REGION_BYTES);
	table->checksum = cpu_to_le32(
		vhdx_checksum(table, sizeof(*table),
			      offsetof(struct vhdx_region_table_disk,
				       checksum)));
	err = vhdx_write(l->c, VHDX_REGION_TABLE1_OFFSET, table,
			 sizeof(*table));
	if (!err)
		err = vhdx_write(l->c, VHDX_REGION_TABLE2_OFFSET, table,
				 sizeof(*table));
	vhdx_free(table);
	return err;
}

/* One item behind the last, at 64 byte steps. */
static void vhdx_put_item(u8 *region, vhdx_guid guid, u32 flags,
			  const void *value, u32 bytes)
{
	struct vhdx_metadata_header_disk *header = (void *)region;
	struct vhdx_metadata_entry_disk *entry = (void *)(header + 1);
	u32 i = le16_to_cpu(header->entry_count);
	u32 offset = VHDX_ITEMS_OFFSET + i * 64;

	entry[i].item_id = guid;
	entry[i].offset = cpu_to_le32(offset);
	entry[i].length = cpu_to_le32(bytes);
	entry[i].flags = cpu_to_le32(flags);
	header->entry_count = cpu_to_le16(i + 1);
	memcpy(region + offset, value, bytes);
}

static void vhdx_put_items(const struct vhdx_layout *l, u8 *region)
{
	u32 disk = VHDX_METADATA_IS_VIRTUAL_DISK | VHDX_METADATA_IS_REQUIRED;
	struct vhdx_file_parameters_disk parameters = {
		.block_size = cpu_to_le32(l->block_bytes),
		.flags = cpu_to_le32(l->fixed ? VHDX_LEAVE_BLOCK_ALLOCATED : 0),
	};
	__le64 size = cpu_to_le64(l->virtual_bytes);
	__le32 sector = cpu_to_le32(l->sector_bytes);
	__le32 physical = cpu_to_le32(l->physical_bytes);
	vhdx_guid id;

	vhdx_guid_new(&id);
	vhdx_put_item(region, (vhdx_guid)VHDX_ITEM_FILE_PARAMETERS_GUID,
		      VHDX_METADATA_IS_REQUIRED, &parameters,
		      sizeof(parameters));
	vhdx_put_item(region, (vhdx_guid)VHDX_ITEM_VIRTUAL_DISK_SIZE_GUID,
		      disk, &size, sizeof(size));
	vhdx_put_item(region, (vhdx_guid)VHDX_ITEM_VIRTUAL_DISK_ID_GUID, disk,
		      &id, sizeof(id));
	vhdx_put_item(region, (vhdx_guid)VHDX_ITEM_LOGICAL_SECTOR_SIZE_GUID,
		      disk, &sector, sizeof(sector));
	vhdx_put_item(region, (vhdx_guid)VHDX_ITEM_PHYSICAL_SECTOR_SIZE_GUID,
		      disk, &physical, sizeof(physical));
}

static int vhdx_write_metadata(const struct vhdx_layout *l)
{
	struct vhdx_metadata_header_disk *header;
	u32 bytes = VHDX_ITEMS_OFFSET + VHDX_PAGE_BYTES;
	u8 *region = vhdx_alloc(bytes);
	int err;

	if (!region)
		return -ENOMEM;
	header = (void *)region;
	memcpy(header->signature, VHDX_METADATA_SIGNATURE, 8);
	vhdx_put_items(l, region);
	err = vhdx_write(l->c, l->metadata_offset, region, bytes);
	vhdx_free(region);
	return err;
}

/* A page of the BAT of a fixed image, block after block. */
static u64 vhdx_fill_bat_page(const struct vhdx_layout *l, __le64 *page,
			      u64 first, u64 block)
{
	u64 ratio = 1ULL << l->ratio_shift;
	u64 i;

	for (i = 0; i < VHDX_BAT_ENTRIES_PER_PAGE; i++) {
		bool bitmap = (first + i) % (ratio + 1) == ratio;
		u64 offset = l->blocks_offset + block * l->block_bytes;

		page[i] = 0;
		if (bitmap || block >= l->blocks)
			continue;
		page[i] = cpu_to_le64(offset | VHDX_BLOCK_FULLY_PRESENT);
		block++;
	}
	return block;
}

static int vhdx_write_fixed_bat(const struct vhdx_layout *l)
{
	__le64 *page = vhdx_alloc(VHDX_PAGE_BYTES);
	u64 block = 0, done;
	int err = 0;

	if (!page)
		return -ENOMEM;
	for (done = 0; block < l->blocks && !err; done += VHDX_PAGE_BYTES) {
		block = vhdx_fill_bat_page(l, page, done / 8, block);
		err = vhdx_write(l->c, l->bat_offset + done, page,
				 VHDX_PAGE_BYTES);
	}
	vhdx_free(page);
	return err;
}

/**
 * vhdx_create_vhdx() - vhdx_create() for VHDX
 * @container: empty
 * @options: what
 *
 * The file identifier, by which others know the image, is written last.
 * A fixed image is sparse: its blocks are present and holes. Durable on
 * return. May sleep.
 *
 * Return: 0, -EINVAL or an I/O error.
 */
int vhdx_create_vhdx(struct vhdx_container *container,
		     const struct vhdx_create_options *options)
{
	struct vhdx_layout l = { .c = container };
	int err = vhdx_layout_init(&l, options);

	if (!err)
		err = container->ops->resize(container, l.file_bytes);
	if (!err)
		err = vhdx_write_zeros(&l, l.log_offset, l.log_bytes);
	if (!err)
		err = vhdx_write_zeros(&l, l.bat_offset, l.bat_bytes);
	if (!err)
		err = vhdx_write_region_tables(&l);
	if (!err)
		err = vhdx_write_metadata(&l);
	if (!err && l.fixed)
		err = vhdx_write_fixed_bat(&l);
	if (!err)
		err = vhdx_write_headers(&l);
	if (!err)
		err = vhdx_write_file_id(&l);
	return err ? err : vhdx_flush(container);
}
