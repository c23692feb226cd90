// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VHDX region table ([MS-VHDX] 2.2.3): two copies, the first valid one
 * counts. Every region, known or not, claims its space, so that unknown
 * optional ones survive.
 */
#include "region.h"
#include "header.h"

static const vhdx_guid vhdx_bat_guid = VHDX_REGION_BAT_GUID;
static const vhdx_guid vhdx_metadata_guid = VHDX_REGION_METADATA_GUID;

static bool
vhdx_region_table_is_valid(const struct vhdx_region_table_disk *table)
{
	return !memcmp(table->signature, VHDX_REGION_SIGNATURE, 4) &&
	       le32_to_cpu(table->checksum) ==
	       vhdx_checksum(table, sizeof(*table),
			     offsetof(struct vhdx_region_table_disk, checksum));
}

/* The first valid one of @tables[2], or a fatal finding. */
static int vhdx_region_table_choose(const struct vhdx_region_table_disk *tables,
				    bool check, unsigned int *chosen,
				    struct vhdx_report *report)
{
	bool valid[2] = { vhdx_region_table_is_valid(&tables[0]),
			  vhdx_region_table_is_valid(&tables[1]) };

	if (!valid[0] && !valid[1])
		return vhdx_report(report, VHDX_F_NO_VALID_REGION_TABLE,
				   VHDX_REGION_TABLE1_OFFSET, 0);
	*chosen = !valid[0];
	if (!check)
		return 0;
	if (!valid[0] || !valid[1])
		vhdx_report(report, VHDX_F_REGION_TABLE_ONE_INVALID,
			    valid[0] ? VHDX_REGION_TABLE2_OFFSET :
				       VHDX_REGION_TABLE1_OFFSET, 0);
	else if (memcmp(&tables[0], &tables[1], sizeof(tables[0])))
		vhdx_report(report, VHDX_F_REGION_TABLES_DIFFER,
			    VHDX_REGION_TABLE2_OFFSET, 0);
	return 0;
}

static int vhdx_region_claim(const struct vhdx_region *region,
			     struct vhdx_space *space,
			     struct vhdx_report *report)
{
	int err = -ERANGE;

	if (region->len_bytes && region->offset_bytes >= VHDX_MIB &&
	    IS_ALIGNED(region->offset_bytes, VHDX_MIB) &&
	    IS_ALIGNED(region->len_bytes, VHDX_MIB))
		err = vhdx_space_claim(space, region->offset_bytes,
				       region->len_bytes);
	if (err == -ERANGE)
		return vhdx_report(report, VHDX_F_REGION_GEOMETRY,
				   region->offset_bytes, region->len_bytes);
	if (err)
		return vhdx_report(report, VHDX_F_REGION_OVERLAP,
				   region->offset_bytes, region->len_bytes);
	return 0;
}

/* Earlier entry with the same GUID; the number of entries is small. */
static bool
vhdx_region_is_duplicate(const struct vhdx_region_table_disk *table, u32 i)
{
	u32 j;

	for (j = 0; j < i; j++)
		if (vhdx_guid_equal(&table->entry[j].guid,
				    &table->entry[i].guid))
			return true;
	return false;
}

static int vhdx_region_parse(struct vhdx_regions *regions,
			     const struct vhdx_region_table_disk *table, u32 i,
			     struct vhdx_space *space,
			     struct vhdx_report *report)
{
	const struct vhdx_region_entry_disk *entry = &table->entry[i];
	struct vhdx_region region = {
		.offset_bytes = le64_to_cpu(entry->file_offset),
		.len_bytes = le32_to_cpu(entry->length),
	};

	if (vhdx_region_is_duplicate(table, i))
		return vhdx_report(report, VHDX_F_REGION_DUPLICATE,
				   region.offset_bytes, i);
	if (vhdx_guid_equal(&entry->guid, &vhdx_bat_guid))
		regions->bat = region;
	else if (vhdx_guid_equal(&entry->guid, &vhdx_metadata_guid))
		regions->metadata = region;
	else if (le32_to_cpu(entry->required) & VHDX_REGION_REQUIRED)
		return vhdx_report(report, VHDX_F_REGION_UNKNOWN,
				   region.offset_bytes, i);
	return vhdx_region_claim(&region, space, report);
}

static int vhdx_region_table_parse(struct vhdx_regions *regions,
				   const struct vhdx_region_table_disk *table,
				   struct vhdx_space *space,
				   struct vhdx_report *report)
{
	u32 count = le32_to_cpu(table->entry_count);
	u32 i;
	int err;

	if (count > VHDX_MAX_REGIONS)
		return vhdx_report(report, VHDX_F_REGION_COUNT,
				   VHDX_REGION_TABLE1_OFFSET, count);
	for (i = 0; i < count; i++) {
		err = vhdx_region_parse(regions, table, i, space, report);
		if (err)
			return err;
	}
	if (!regions->bat.len_bytes)
		return vhdx_report(report, VHDX_F_REGION_NO_BAT,
				   VHDX_REGION_TABLE1_OFFSET, count);
	if (!regions->metadata.len_bytes)
		return vhdx_report(report, VHDX_F_REGION_NO_METADATA,
				   VHDX_REGION_TABLE1_OFFSET, count);
	return 0;
}

/**
 * vhdx_regions_read() - find the regions and claim their space
 * @regions: result
 * @c: container
 * @overlay: what the log holds
 * @space: header section and log are claimed already
 * @check: also report what does not matter for opening
 * @report: for findings
 *
 * BAT and metadata are known by their GUID whatever their Required bit says:
 * QEMU leaves it clear. May sleep.
 *
 * Return: 0 or the errno of the finding.
 */
int vhdx_regions_read(struct vhdx_regions *regions, struct vhdx_container *c,
		      const struct vhdx_overlay *overlay,
		      struct vhdx_space *space, bool check,
		      struct vhdx_report *report)
{
	struct vhdx_region_table_disk *tables = vhdx_alloc(2 * sizeof(*tables));
	unsigned int chosen = 0;
	int err;

	if (!tables)
		return vhdx_report_io(report, -ENOMEM,
				      VHDX_REGION_TABLE1_OFFSET);
	/* The two are neighbours. */
	err = vhdx_overlay_read(overlay, c, VHDX_REGION_TABLE1_OFFSET, tables,
				2 * sizeof(*tables));
	if (err)
		vhdx_report_io(report, err, VHDX_REGION_TABLE1_OFFSET);
	else
		err = vhdx_region_table_choose(tables, check, &chosen, report);
	if (!err)
		err = vhdx_region_table_parse(regions, &tables[chosen], space,
					      report);
	vhdx_free(tables);
	return err;
}
