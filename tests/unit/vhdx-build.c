// SPDX-License-Identifier: GPL-2.0-only
/*
 * VHDX images made by hand.
 */
#include "vhdx-build.h"

void vb_put16(struct ram *ram, u64 offset, u16 value)
{
	__le16 disk = cpu_to_le16(value);

	ram_poke(ram, offset, &disk, sizeof(disk));
}

void vb_put32(struct ram *ram, u64 offset, u32 value)
{
	__le32 disk = cpu_to_le32(value);

	ram_poke(ram, offset, &disk, sizeof(disk));
}

void vb_put64(struct ram *ram, u64 offset, u64 value)
{
	__le64 disk = cpu_to_le64(value);

	ram_poke(ram, offset, &disk, sizeof(disk));
}

u16 vb_get16(const struct ram *ram, u64 offset)
{
	__le16 disk;

	ram_peek(ram, offset, &disk, sizeof(disk));
	return le16_to_cpu(disk);
}

u32 vb_get32(const struct ram *ram, u64 offset)
{
	__le32 disk;

	ram_peek(ram, offset, &disk, sizeof(disk));
	return le32_to_cpu(disk);
}

u64 vb_get64(const struct ram *ram, u64 offset)
{
	__le64 disk;

	ram_peek(ram, offset, &disk, sizeof(disk));
	return le64_to_cpu(disk);
}

static u32 sum_of(const struct ram *ram, u64 offset, size_t len, size_t field)
{
	u8 *bytes = malloc(len);
	u32 crc;

	ram_peek(ram, offset, bytes, len);
	memset(bytes + field, 0, 4);
	crc = vhdx_crc32c(0, bytes, len);
	free(bytes);
	return crc;
}

void vb_sum(struct ram *ram, u64 offset, size_t len, size_t field)
{
	vb_put32(ram, offset + field, sum_of(ram, offset, len, field));
}

bool vb_sum_is_good(const struct ram *ram, u64 offset, size_t len,
		    size_t field)
{
	return vb_get32(ram, offset + field) ==
	       sum_of(ram, offset, len, field);
}

/* ---- headers ------------------------------------------------------------ */

void vb_sum_header(struct ram *ram, u64 at)
{
	vb_sum(ram, at, 4096, 4);
}

void vb_put_header(struct ram *ram, u64 at, u64 sequence, u8 seed,
		   u32 log_bytes, u64 log_at)
{
	u8 header[4096] = "head";

	memset(header + VB_FILE_WRITE_GUID, seed, 16);
	memset(header + VB_DATA_WRITE_GUID, seed + 1, 16);
	ram_poke(ram, at, header, sizeof(header));
	vb_put64(ram, at + VB_SEQUENCE, sequence);
	vb_put16(ram, at + VB_VERSION, 1);
	vb_put32(ram, at + VB_LOG_LENGTH, log_bytes);
	vb_put64(ram, at + VB_LOG_OFFSET, log_at);
	vb_sum_header(ram, at);
}

u64 vb_current_header(const struct ram *ram)
{
	return vb_get64(ram, VB_HEADER1 + VB_SEQUENCE) >
	       vb_get64(ram, VB_HEADER2 + VB_SEQUENCE) ? VB_HEADER1 :
							 VB_HEADER2;
}

void vb_name_log(struct ram *ram, u8 guid)
{
	u8 bytes[16];

	memset(bytes, guid, sizeof(bytes));
	ram_poke(ram, VB_HEADER1 + VB_LOG_GUID, bytes, sizeof(bytes));
	ram_poke(ram, VB_HEADER2 + VB_LOG_GUID, bytes, sizeof(bytes));
	vb_sum_header(ram, VB_HEADER1);
	vb_sum_header(ram, VB_HEADER2);
}

/* ---- regions and metadata ------------------------------------------------ */

void vb_put_region(struct ram *ram, u64 table, unsigned int i,
		   const char *guid, u64 offset, u32 len, u32 required)
{
	u64 at = table + 16 + i * 32;

	ram_poke(ram, at, guid, 16);
	vb_put64(ram, at + 16, offset);
	vb_put32(ram, at + 24, len);
	vb_put32(ram, at + 28, required);
}

void vb_sum_regions(struct ram *ram, u64 table, u32 count)
{
	ram_poke(ram, table, "regi", 4);
	vb_put32(ram, table + 8, count);
	vb_sum(ram, table, 65536, 4);
}

u64 vb_put_item(struct ram *ram, u64 metadata_at, const char *guid, u32 flags,
		const void *value, u32 bytes)
{
	u16 i = vb_get16(ram, metadata_at + 10);
	u64 at = metadata_at + 32 + i * 32;
	u32 offset = bytes ? 65536 + i * 256 : 0;

	ram_poke(ram, metadata_at, "metadata", 8);
	ram_poke(ram, at, guid, 16);
	vb_put32(ram, at + 16, offset);
	vb_put32(ram, at + 20, bytes);
	vb_put32(ram, at + 24, flags);
	vb_put16(ram, metadata_at + 10, i + 1);
	ram_poke(ram, metadata_at + offset, value, bytes);
	return metadata_at + offset;
}

static void put_items(struct ram *ram, const struct vhdx_build *vb)
{
	u8 id[16];
	u64 at;

	memset(id, 0xA5, sizeof(id));
	at = vb_put_item(ram, vb->metadata_at, VB_ITEM_PARAMETERS, 4, id, 8);
	vb_put32(ram, at, vb->block_bytes);
	vb_put32(ram, at + 4, vb->flags);
	at = vb_put_item(ram, vb->metadata_at, VB_ITEM_SIZE, 6, id, 8);
	vb_put64(ram, at, vb->virtual_bytes);
	vb_put_item(ram, vb->metadata_at, VB_ITEM_ID, 6, id, 16);
	at = vb_put_item(ram, vb->metadata_at, VB_ITEM_LOGICAL, 6, id, 4);
	vb_put32(ram, at, vb->sector_bytes);
	at = vb_put_item(ram, vb->metadata_at, VB_ITEM_PHYSICAL, 6, id, 4);
	vb_put32(ram, at, vb->physical_bytes);
}

/* ---- BAT and blocks ------------------------------------------------------ */

u64 vb_entry_at(const struct vhdx_build *vb, u64 block)
{
	return vb->bat_at + (block + block / vb->ratio) * 8;
}

void vb_set(struct ram *ram, const struct vhdx_build *vb, u64 block,
	    unsigned int state, u64 offset)
{
	vb_put64(ram, vb_entry_at(vb, block), offset | state);
}

u64 vb_entry(const struct ram *ram, const struct vhdx_build *vb, u64 block)
{
	return vb_get64(ram, vb_entry_at(vb, block));
}

u8 vb_block_byte(u64 block)
{
	return 1 + block % 250;
}

void vb_fill_block(struct ram *ram, const struct vhdx_build *vb, u64 block,
		   u64 offset)
{
	u8 page[4096];

	memset(page, vb_block_byte(block), sizeof(page));
	ram_poke(ram, offset, page, sizeof(page));
	ram_poke(ram, offset + vb->block_bytes - sizeof(page), page,
		 sizeof(page));
}

static void put_blocks(struct ram *ram, struct vhdx_build *vb)
{
	u32 i;

	vb->end = vb->blocks_at;
	for (i = 0; i < vb->present; i++) {
		vb_set(ram, vb, i, VB_PRESENT, vb->end);
		vb_fill_block(ram, vb, i, vb->end);
		vb->end += vb->block_bytes;
	}
	ram->size = vb->end;
}

static void lay_out(struct vhdx_build *vb)
{
	u64 blocks = DIV_ROUND_UP_ULL(vb->virtual_bytes, vb->block_bytes);

	vb->sector_bytes = vb->sector_bytes ? vb->sector_bytes : 512;
	vb->physical_bytes = vb->physical_bytes ? vb->physical_bytes : 4096;
	vb->log_bytes = vb->log_bytes ? vb->log_bytes : MIB;
	vb->ratio = (1ULL << 23) * vb->sector_bytes / vb->block_bytes;
	vb->metadata_at = VB_LOG + vb->log_bytes;
	vb->bat_at = vb->metadata_at + MIB;
	vb->bat_bytes = ALIGN((blocks + blocks / vb->ratio + 1) * 8, MIB);
	vb->blocks_at = vb->bat_at + vb->bat_bytes;
}

/* As whoever makes images does; how much of it may be there in all. */
static void put_zeros(struct ram *ram, u64 offset, u64 len)
{
	static const u8 zeros[MIB];

	ram_poke(ram, offset, zeros, min(len, (u64)sizeof(zeros)));
}

void vb_make(struct ram *ram, struct vhdx_build *vb)
{
	u64 table;

	lay_out(vb);
	ram->size = vb->blocks_at;
	ram_poke(ram, 0, "vhdxfile", 8);
	put_zeros(ram, VB_LOG, vb->log_bytes);
	put_zeros(ram, vb->bat_at, vb->bat_bytes);
	vb_put_header(ram, VB_HEADER1, 7, 0x11, vb->log_bytes, VB_LOG);
	vb_put_header(ram, VB_HEADER2, 8, 0x11, vb->log_bytes, VB_LOG);
	for (table = VB_REGIONS1; table <= VB_REGIONS2; table += 65536) {
		vb_put_region(ram, table, 0, VB_REGION_BAT, vb->bat_at,
			      vb->bat_bytes, 1);
		vb_put_region(ram, table, 1, VB_REGION_METADATA,
			      vb->metadata_at, MIB, 1);
		vb_sum_regions(ram, table, 2);
	}
	put_items(ram, vb);
	put_blocks(ram, vb);
}

/* ---- log ------------------------------------------------------------------ */

void vb_page(u8 *page, u8 fill)
{
	unsigned int i;

	for (i = 0; i < 4096; i++)
		page[i] = 1 + (fill * 31 + i * 7 + i / 256) % 255;
}

static void put_le(u8 *p, u64 value, unsigned int bytes)
{
	while (bytes--) {
		*p++ = value & 0xff;
		value >>= 8;
	}
}

static void put_ring(struct ram *ram, u64 log_at, u32 log_bytes, u32 pos,
		     const u8 *buf, u32 len)
{
	u32 first = min(len, log_bytes - pos);

	ram_poke(ram, log_at + pos, buf, first);
	ram_poke(ram, log_at, buf + first, len - first);
}

static void put_descriptor(u8 *p, const struct vb_descriptor *d, u64 sequence,
			   u8 *sector)
{
	u8 page[4096];

	put_le(p + 16, d->offset, 8);
	put_le(p + 24, sequence, 8);
	if (!sector) {
		memcpy(p, "zero", 4);
		put_le(p + 8, d->zeros, 8);
		return;
	}
	vb_page(page, d->fill);
	memcpy(p, "desc", 4);
	memcpy(p + 4, page + 4092, 4);
	memcpy(p + 8, page, 8);
	memcpy(sector, "data", 4);
	put_le(sector + 4, sequence >> 32, 4);
	memcpy(sector + 8, page + 8, 4084);
	put_le(sector + 4092, sequence, 4);
}

u32 vb_put_log_entry(struct ram *ram, u64 log_at, u32 log_bytes, u32 pos,
		     const struct vb_log_entry *entry)
{
	u32 len = ALIGN(64 + entry->count * 32, 4096);
	unsigned int i;
	u32 crc;
	u8 *p = calloc(1, len + entry->count * 4096);

	for (i = 0; i < entry->count; i++) {
		bool zero = entry->descriptor[i].zeros;

		put_descriptor(p + 64 + i * 32, &entry->descriptor[i],
			       entry->sequence, zero ? NULL : p + len);
		len += zero ? 0 : 4096;
	}
	memcpy(p, "loge", 4);
	put_le(p + 8, len, 4);
	put_le(p + 12, entry->tail, 4);
	put_le(p + 16, entry->sequence, 8);
	put_le(p + 24, entry->count, 4);
	memset(p + 32, entry->guid, 16);
	put_le(p + 48, entry->flushed, 8);
	put_le(p + 56, entry->last, 8);
	crc = vhdx_crc32c(0, p, len);
	put_le(p + 4, crc, 4);
	put_ring(ram, log_at, log_bytes, pos, p, len);
	free(p);
	return len;
}

void vb_sum_log_entry(struct ram *ram, u64 log_at, u32 log_bytes, u32 pos,
		      u32 len)
{
	u32 first = min(len, log_bytes - pos);
	u8 *p = malloc(len);
	u32 crc;

	ram_peek(ram, log_at + pos, p, first);
	ram_peek(ram, log_at, p + first, len - first);
	put_le(p + 4, 0, 4);
	crc = vhdx_crc32c(0, p, len);
	put_le(p + 4, crc, 4);
	put_ring(ram, log_at, log_bytes, pos, p, len);
	free(p);
}
