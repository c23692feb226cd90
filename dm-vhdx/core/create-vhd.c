// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing a new VHD, fixed or dynamic, that Windows and everybody else reads
 * with the same size and the same contents. Not part of the module.
 *
 *   dynamic:  footer copy @0, dynamic header @512, BAT @1536, footer
 *   fixed:    data (a hole), footer
 *
 * The creator is said to be Windows: readers that do not know a creator take
 * the disk's size from its geometry, which is a little less than the truth.
 */
#include "create.h"
#include "vhd-format.h"
#include "vhd.h"

#define VHD_NEW_HEADER_BYTES VHD_FOOTER_BYTES
#define VHD_NEW_BAT_BYTES (VHD_FOOTER_BYTES + VHD_HEADER_BYTES)
#define VHD_NEW_ALIGN_BYTES 4096
/* What Windows itself makes and Azure takes. */
#define VHD_NEW_SIZE_STEP_BYTES (1U << 20)

/* The whole of what is going to be written, but the BAT. */
struct vhd_new {
	struct vhd_footer_disk footer;
	struct vhd_header_disk header;
	u32 block_bytes;
	u64 blocks;
	u64 bat_len_bytes;
	u64 size_bytes;
};

struct vhd_chs {
	u32 cylinders;
	u32 heads;
	u32 sectors;
};

/* The geometry that the specification's appendix computes for a size. */
static struct vhd_chs vhd_geometry(u64 virtual_bytes)
{
	u32 max = VHD_CYLINDERS_MAX * VHD_HEADS_MAX * VHD_SECTORS_PER_TRACK_MAX;
	u32 total = min_t(u64, virtual_bytes >> VHD_SECTOR_SHIFT, max);
	struct vhd_chs chs = { .heads = VHD_HEADS_MAX };
	u32 tracks;

	if (total >= VHD_CYLINDERS_MAX * VHD_HEADS_MAX * 63U) {
		chs.sectors = VHD_SECTORS_PER_TRACK_MAX;
		tracks = total / chs.sectors;
	} else {
		chs.sectors = 17;
		tracks = total / chs.sectors;
		chs.heads = max_t(u32, (tracks + 1023) / 1024, 4);
		if (tracks >= chs.heads * 1024 || chs.heads > VHD_HEADS_MAX) {
			chs.sectors = 31;
			chs.heads = VHD_HEADS_MAX;
			tracks = total / chs.sectors;
		}
		if (tracks >= chs.heads * 1024) {
			chs.sectors = 63;
			chs.heads = VHD_HEADS_MAX;
			tracks = total / chs.sectors;
		}
	}
	chs.cylinders = tracks / chs.heads;
	return chs;
}

static void vhd_new_id(u8 id[16])
{
	vhdx_random_bytes(id, 16);
	id[6] = (id[6] & 0x0F) | 0x40;
	id[8] = (id[8] & 0x3F) | 0x80;
}

static void vhd_new_footer(struct vhd_new *new,
			   const struct vhdx_create_options *options)
{
	struct vhd_footer_disk *footer = &new->footer;
	bool fixed = options->type == VHDX_TYPE_FIXED;
	struct vhd_chs chs = vhd_geometry(options->virtual_bytes);

	memcpy(footer->cookie, VHD_FOOTER_COOKIE, sizeof(footer->cookie));
	footer->features = cpu_to_be32(VHD_FEATURES_RESERVED);
	footer->format_version = cpu_to_be32(VHD_FOOTER_VERSION);
	footer->data_offset = cpu_to_be64(fixed ? VHD_OFFSET_NONE :
					  VHD_NEW_HEADER_BYTES);
	footer->timestamp = cpu_to_be32(options->timestamp);
	memcpy(footer->creator_application, VHD_CREATOR_WINDOWS,
	       sizeof(footer->creator_application));
	footer->creator_version = cpu_to_be32(VHD_CREATOR_WINDOWS_VERSION);
	memcpy(footer->creator_host_os, VHD_CREATOR_HOST_WINDOWS,
	       sizeof(footer->creator_host_os));
	footer->original_size = cpu_to_be64(options->virtual_bytes);
	footer->current_size = cpu_to_be64(options->virtual_bytes);
	footer->cylinders = cpu_to_be16(chs.cylinders);
	footer->heads = chs.heads;
	footer->sectors_per_track = chs.sectors;
	footer->disk_type = cpu_to_be32(fixed ? VHD_DISK_FIXED :
					VHD_DISK_DYNAMIC);
	vhd_new_id(footer->unique_id);
	vhd_footer_seal(footer);
}

static void vhd_new_header(struct vhd_new *new)
{
	struct vhd_header_disk *header = &new->header;
	size_t field = offsetof(struct vhd_header_disk, checksum);

	memcpy(header->cookie, VHD_HEADER_COOKIE, sizeof(header->cookie));
	header->next_offset = cpu_to_be64(VHD_OFFSET_NONE);
	header->table_offset = cpu_to_be64(VHD_NEW_BAT_BYTES);
	header->header_version = cpu_to_be32(VHD_HEADER_VERSION);
	header->max_table_entries = cpu_to_be32(new->blocks);
	header->block_size = cpu_to_be32(new->block_bytes);
	header->checksum = cpu_to_be32(vhd_checksum(header, sizeof(*header),
						    field));
}

static int vhd_new_check(const struct vhdx_create_options *options)
{
	if (options->type != VHDX_TYPE_FIXED &&
	    options->type != VHDX_TYPE_DYNAMIC)
		return -EINVAL;
	if (!options->virtual_bytes ||
	    options->virtual_bytes > VHD_DYNAMIC_BYTES_MAX ||
	    !IS_ALIGNED(options->virtual_bytes, VHD_NEW_SIZE_STEP_BYTES))
		return -EINVAL;
	if (options->sector_bytes && options->sector_bytes != VHD_SECTOR_BYTES)
		return -EINVAL;
	/* The format cannot express it; readers see it by the alignment. */
	if (options->physical_bytes &&
	    options->physical_bytes != VHD_NEW_ALIGN_BYTES)
		return -EINVAL;
	return options->log_bytes ? -EINVAL : 0;
}

static int vhd_new_plan_fixed(struct vhd_new *new,
			      const struct vhdx_create_options *options)
{
	if (options->block_bytes)
		return -EINVAL;
	new->size_bytes = options->virtual_bytes + VHD_FOOTER_BYTES;
	return 0;
}

static int vhd_new_plan_dynamic(struct vhd_new *new,
				const struct vhdx_create_options *options)
{
	u32 block = options->block_bytes;
	u64 place, end;

	if (!block)
		block = VHD_BLOCK_BYTES_DEFAULT;
	if (!is_power_of_2(block) || block < VHD_BLOCK_BYTES_MIN ||
	    block > VHD_BLOCK_BYTES_MAX)
		return -EINVAL;
	new->block_bytes = block;
	new->blocks = (options->virtual_bytes + block - 1) / block;
	if (new->blocks > VHD_BLOCKS_MAX)
		return -EINVAL;
	new->bat_len_bytes = ALIGN(new->blocks * sizeof(u32), VHD_SECTOR_BYTES);
	end = VHD_NEW_BAT_BYTES + new->bat_len_bytes + VHD_FOOTER_BYTES;
	new->size_bytes = ALIGN(end, VHD_NEW_ALIGN_BYTES);
	/* Every block must find a place that an entry can name. */
	place = ALIGN((u64)block + block / 4096 + VHD_SECTOR_BYTES,
		      VHD_NEW_ALIGN_BYTES);
	if (new->blocks * place + new->size_bytes > VHD_FILE_BYTES_MAX)
		return -EINVAL;
	return 0;
}

static int vhd_new_write_bat(const struct vhd_new *new,
			     struct vhdx_container *container)
{
	size_t chunk = 64 * 1024;
	u8 *none = vhdx_alloc(chunk);
	u64 done = 0;
	int err = 0;

	if (!none)
		return -ENOMEM;
	memset(none, 0xFF, chunk);
	while (done < new->bat_len_bytes && !err) {
		size_t n = min_t(u64, new->bat_len_bytes - done, chunk);

		err = vhdx_write(container, VHD_NEW_BAT_BYTES + done, none, n);
		done += n;
	}
	vhdx_free(none);
	return err;
}

static int vhd_new_write_front(struct vhd_new *new,
			       struct vhdx_container *container)
{
	int err;

	vhd_new_header(new);
	err = vhdx_write(container, 0, &new->footer, sizeof(new->footer));
	if (!err)
		err = vhdx_write(container, VHD_NEW_HEADER_BYTES, &new->header,
				 sizeof(new->header));
	if (!err)
		err = vhd_new_write_bat(new, container);
	return err;
}

static int vhd_new_write(struct vhd_new *new, struct vhdx_container *container)
{
	u64 end = new->size_bytes;
	int err = 0;

	if (container->fixed_size) {
		end = ALIGN_DOWN(vhdx_size(container), VHD_SECTOR_BYTES);
		if (end < new->size_bytes)
			return -ENOSPC;
	} else {
		err = container->ops->resize(container, end);
	}
	if (!err && new->blocks)
		err = vhd_new_write_front(new, container);
	if (!err)
		err = vhdx_write(container, end - VHD_FOOTER_BYTES,
				 &new->footer, sizeof(new->footer));
	if (!err)
		err = vhdx_flush(container);
	return err;
}

/**
 * vhdx_create_vhd() - write a new VHD and flush it; see vhdx_create()
 * @container: an empty file, or a block device: the footer then is in its last
 *	sector, and a fixed image shows what the device held
 * @options: what to create; numbers that a VHD cannot express must be 0
 *
 * Return: 0, -EINVAL, or an I/O error.
 */
int vhdx_create_vhd(struct vhdx_container *container,
		    const struct vhdx_create_options *options)
{
	struct vhd_new *new;
	int err = vhd_new_check(options);

	if (err)
		return err;
	new = vhdx_alloc(sizeof(*new));
	if (!new)
		return -ENOMEM;
	vhd_new_footer(new, options);
	if (options->type == VHDX_TYPE_FIXED)
		err = vhd_new_plan_fixed(new, options);
	else
		err = vhd_new_plan_dynamic(new, options);
	if (!err)
		err = vhd_new_write(new, container);
	vhdx_free(new);
	return err;
}
