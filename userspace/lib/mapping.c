// SPDX-License-Identifier: GPL-2.0-only
/* Mappings and their partition maps. */
#include <ctype.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "lib/image-file.h"
#include "lib/mapping.h"

#define NAME_CHARACTERS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#+-.:=@_"

int vhdx_mapping_check_name(const char *name, struct vhdx_error *error)
{
	size_t len = strlen(name);

	if (!len || len > VHDX_MAPPING_NAME_MAX)
		return vhdx_error_set(error, EINVAL,
				      "a name of a mapping has 1 to %d characters",
				      VHDX_MAPPING_NAME_MAX);
	if (strspn(name, NAME_CHARACTERS) != len || name[0] == '.' ||
	    !strcmp(name, "control"))
		return vhdx_error_set(error, EINVAL,
				      "%s: not a name of a mapping; use letters, digits and any of #+-.:=@_",
				      name);
	return 0;
}

int vhdx_mapping_check_file(const char *path,
			    const struct vhdx_mapping_options *options,
			    struct vhdx_error *error)
{
	struct statfs fs;
	struct stat st;

	if (options->read_only || stat(path, &st) || !S_ISREG(st.st_mode) ||
	    statfs(path, &fs) || fs.f_type != OVERLAYFS_SUPER_MAGIC)
		return 0;
	return vhdx_error_set(error, EOPNOTSUPP,
			      "%s: lies on an overlay and can only be read; use --readonly or copy it to another file system",
			      path);
}

void vhdx_mapping_uuid(const struct vhdx_geometry *geometry, const char *name,
		       char uuid[VHDX_DM_UUID_BYTES])
{
	char id[VHDX_GUID_TEXT_BYTES];
	char *from, *to;

	vhdx_id_format(geometry, id);
	for (from = to = id; *from; from++)
		if (*from != '-')
			*to++ = *from;
	*to = '\0';
	snprintf(uuid, VHDX_DM_UUID_BYTES, VHDX_UUID_PREFIX "%s-%s", id, name);
}

/* ---- partition maps ---------------------------------------------------- */

void vhdx_partition_name(const char *mapping, int number,
			 char name[VHDX_DM_NAME_BYTES])
{
	size_t len = strlen(mapping);
	bool digit = len && isdigit((unsigned char)mapping[len - 1]);

	snprintf(name, VHDX_DM_NAME_BYTES, "%s%s%d", mapping, digit ? "p" : "",
		 number);
}

void vhdx_partition_uuid(const char *mapping_uuid, int number,
			 char uuid[VHDX_DM_UUID_BYTES])
{
	int len;

	len = snprintf(uuid, VHDX_DM_UUID_BYTES, "part%d-%s", number,
		       mapping_uuid);
	if (len >= VHDX_DM_UUID_BYTES)
		uuid[0] = '\0';
}

int vhdx_partition_number(const struct vhdx_dm_device *device,
			  const char *mapping_uuid)
{
	int number, end = 0;

	if (sscanf(device->uuid, "part%d-%n", &number, &end) < 1 || !end ||
	    strcmp(device->uuid + end, mapping_uuid))
		return 0;
	return number;
}

static const struct vhdx_partition *
find_partition(const struct vhdx_partition *partitions, size_t count,
	       int number)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (partitions[i].number == number)
			return &partitions[i];
	return NULL;
}

/* Remove the maps whose partition is gone (all of them without partitions). */
static int remove_stale(const struct vhdx_dm_device *mapping,
			const struct vhdx_partition *partitions, size_t count,
			bool deferred, struct vhdx_error *error)
{
	CLEANUP_FREE struct vhdx_dm_device *maps = NULL;
	size_t i, nr_maps;
	int ret, number;

	ret = vhdx_dm_list("part", &maps, &nr_maps, error);
	for (i = 0; !ret && i < nr_maps; i++) {
		number = vhdx_partition_number(&maps[i], mapping->uuid);
		if (number && !find_partition(partitions, count, number))
			ret = vhdx_dm_remove(maps[i].name, deferred, error);
	}
	return ret;
}

static int map_partition(const struct vhdx_dm_device *mapping, bool read_only,
			 const struct vhdx_partition *partition,
			 struct vhdx_error *error)
{
	char name[VHDX_DM_NAME_BYTES], uuid[VHDX_DM_UUID_BYTES];
	struct vhdx_dm_device present;
	char line[64];
	struct vhdx_dm_table table = {
		.sectors = partition->len_sectors,
		.target = "linear",
		.parameters = line,
		.read_only = read_only,
	};
	int ret;

	snprintf(line, sizeof(line), "%u:%u %llu", mapping->major,
		 mapping->minor, (unsigned long long)partition->start_sectors);
	vhdx_partition_name(mapping->name, partition->number, name);
	vhdx_partition_uuid(mapping->uuid, partition->number, uuid);

	ret = vhdx_dm_find(name, &present, error);
	if (ret == -ENODEV)
		return vhdx_dm_create(name, uuid, &table, error);
	if (ret)
		return ret;
	if (strcmp(present.uuid, uuid))
		return vhdx_error_set(error, EEXIST,
				      "%s: a mapping of this name exists and is not a partition of %s; remove or rename it",
				      name, mapping->name);
	return vhdx_dm_reload(name, &table, error);
}

static int device_path(const char *name, char **path, struct vhdx_error *error)
{
	if (asprintf(path, "/dev/mapper/%s", name) >= 0)
		return 0;
	*path = NULL;
	return vhdx_error_set(error, ENOMEM, "out of memory");
}

static int map_partitions(const struct vhdx_dm_device *mapping, u64 sectors,
			  struct vhdx_error *error)
{
	CLEANUP_FREE struct vhdx_partition *partitions = NULL;
	CLEANUP_FREE char *path = NULL;
	size_t i, count;
	int ret;

	ret = device_path(mapping->name, &path, error);
	if (!ret)
		ret = vhdx_partitions_read(path, &partitions, &count, error);
	if (!ret)
		ret = remove_stale(mapping, partitions, count, false, error);
	for (i = 0; !ret && i < count; i++) {
		const struct vhdx_partition *p = &partitions[i];

		if (p->start_sectors > sectors ||
		    p->len_sectors > sectors - p->start_sectors)
			ret = vhdx_error_set(error, ERANGE,
					     "%s: partition %d reaches past the end of the disk; open with --no-partitions and repair the table",
					     mapping->name, p->number);
		else if (p->len_sectors)
			ret = map_partition(mapping, mapping->read_only, p,
					    error);
	}
	return ret;
}

int vhdx_mapping_refresh(const struct vhdx_mapping *mapping,
			 struct vhdx_error *error)
{
	return map_partitions(&mapping->device, mapping->sectors, error);
}

/* ---- open and close ----------------------------------------------------- */

/* A path as a word of a table line. */
static char *escape(const char *path)
{
	char *word = malloc(2 * strlen(path) + 1), *to = word;

	for (; word && *path; path++) {
		if (*path == '\\' || isspace((unsigned char)*path))
			*to++ = '\\';
		*to++ = *path;
	}
	if (word)
		*to = '\0';
	return word;
}

/*
 * What the module is to open. A file: our descriptor, with the lock on it. A
 * block device: its path, because the module claims it as we did; our claim
 * and our lock are given up for that.
 */
static char *image_word(struct vhdx_image_file *file)
{
	CLEANUP_FREE char *path = NULL;
	char *word;

	if (!file->file.container.fixed_size)
		return asprintf(&word, "fd:%d", file->fd) < 0 ? NULL : word;
	path = realpath(file->path, NULL);
	vhdx_image_file_close(file);
	return path ? escape(path) : NULL;
}

static int create_device(struct vhdx_image_file *file, const char *name,
			 const char *uuid, u64 sectors,
			 const struct vhdx_mapping_options *options,
			 struct vhdx_error *error)
{
	CLEANUP_FREE char *word = image_word(file), *line = NULL;
	struct vhdx_dm_table table = {
		.sectors = sectors,
		.target = VHDX_TARGET,
		.read_only = options->read_only,
	};

	if (!word || asprintf(&line, "%s %d%s%s", word,
			      options->read_only + options->no_discard,
			      options->read_only ? " read_only" : "",
			      options->no_discard ? " no_discard" : "") < 0) {
		line = NULL;
		return vhdx_error_set(error, ENOMEM, "out of memory");
	}
	table.parameters = line;
	return vhdx_dm_create(name, uuid, &table, error);
}

int vhdx_mapping_open(struct vhdx_image_file *file, const char *name,
		      const struct vhdx_mapping_options *options,
		      struct vhdx_error *error)
{
	struct vhdx_error ignored;
	struct vhdx_dm_device device;
	char uuid[VHDX_DM_UUID_BYTES];
	u64 sectors;
	int ret;

	vhdx_mapping_uuid(vhdx_image_geometry(file->image), name, uuid);
	sectors = vhdx_image_geometry(file->image)->virtual_bytes >>
		  SECTOR_SHIFT;

	ret = vhdx_dm_require_target(VHDX_TARGET, error);
	if (ret)
		return ret;
	ret = vhdx_dm_find(name, &device, error);
	if (!ret)
		return vhdx_error_set(error, EEXIST,
				      "%s: a mapping of this name exists; choose another name or close it first",
				      name);
	if (ret != -ENODEV)
		return ret;

	vhdx_image_close(file->image);
	file->image = NULL;
	ret = create_device(file, name, uuid, sectors, options, error);
	if (ret || options->no_partitions)
		return ret;

	ret = vhdx_dm_find(name, &device, error);
	if (!ret)
		ret = map_partitions(&device, sectors, error);
	if (ret)
		vhdx_mapping_close(name, false, &ignored);
	return ret;
}

/*
 * The device that somebody uses, other than a partition map nobody uses: the
 * mapping itself or a partition map. *busy is empty if there is none.
 */
static int find_busy(const struct vhdx_dm_device *mapping, int users,
		     char busy[VHDX_DM_NAME_BYTES], struct vhdx_error *error)
{
	CLEANUP_FREE struct vhdx_dm_device *maps = NULL;
	size_t i, count;
	int ret;

	busy[0] = '\0';
	ret = vhdx_dm_list("part", &maps, &count, error);
	if (ret)
		return ret;
	for (i = 0; i < count; i++) {
		if (!vhdx_partition_number(&maps[i], mapping->uuid))
			continue;
		users--;
		if (maps[i].open_count)
			snprintf(busy, VHDX_DM_NAME_BYTES, "%s",
				 maps[i].name);
	}
	if (!busy[0] && users > 0)
		snprintf(busy, VHDX_DM_NAME_BYTES, "%s", mapping->name);
	return 0;
}

int vhdx_mapping_in_use(const struct vhdx_mapping *mapping, bool *in_use,
			struct vhdx_error *error)
{
	char busy[VHDX_DM_NAME_BYTES];
	int ret;

	ret = find_busy(&mapping->device, mapping->device.open_count, busy,
			error);
	*in_use = busy[0];
	return ret;
}

static int require_unused(const struct vhdx_dm_device *mapping, int users,
			  struct vhdx_error *error)
{
	char busy[VHDX_DM_NAME_BYTES];
	int ret;

	ret = find_busy(mapping, users, busy, error);
	if (ret || !busy[0])
		return ret;
	return vhdx_error_set(error, EBUSY,
			      "%s: /dev/mapper/%s is in use; unmount it first or use --deferred",
			      mapping->name, busy);
}

/* Look twice: udev may be reading the devices just now. */
static int wait_until_unused(const struct vhdx_dm_device *mapping,
			     struct vhdx_error *error)
{
	struct vhdx_dm_device now;
	int tries = 10, ret;

	for (;;) {
		ret = vhdx_dm_find(mapping->name, &now, error);
		if (!ret)
			ret = require_unused(mapping, now.open_count, error);
		if (ret != -EBUSY || !--tries)
			return ret;
		usleep(100000);
	}
}

/* What is left of a mapping when its making was killed: it has no table yet. */
static bool is_unfinished(const char *name)
{
	struct vhdx_dm_device device;
	struct vhdx_error ignored;

	return !vhdx_dm_find(name, &device, &ignored) &&
	       !strncmp(device.uuid, VHDX_UUID_PREFIX,
			strlen(VHDX_UUID_PREFIX));
}

int vhdx_mapping_close(const char *name, bool deferred,
		       struct vhdx_error *error)
{
	CLEANUP_MAPPING struct vhdx_mapping mapping = { 0 };
	int ret;

	ret = vhdx_mapping_find(name, &mapping, error);
	if (ret == -ENODEV && is_unfinished(name))
		return vhdx_dm_remove(name, deferred, error);
	if (!ret && !deferred)
		ret = wait_until_unused(&mapping.device, error);
	if (!ret)
		ret = remove_stale(&mapping.device, NULL, 0, deferred, error);
	return ret ? ret : vhdx_dm_remove(name, deferred, error);
}

/* ---- find ---------------------------------------------------------------- */

/* By target, not by UUID: dmsetup may have made them without one. */
int vhdx_mapping_list(struct vhdx_dm_device **devices, size_t *count,
		      struct vhdx_error *error)
{
	struct vhdx_error ignored;
	size_t i, kept = 0;
	int ret;

	ret = vhdx_dm_list("", devices, count, error);
	if (ret)
		return ret;
	for (i = 0; i < *count; i++) {
		CLEANUP_FREE char *text = NULL;
		struct vhdx_dm_table table;

		if (!vhdx_dm_read_table((*devices)[i].name, false, &table,
					&text, &ignored) &&
		    !strcmp(table.target, VHDX_TARGET))
			(*devices)[kept++] = (*devices)[i];
	}
	*count = kept;
	return 0;
}

/* Split "path arguments"; a backslash takes the meaning from what follows. */
static int split_table(const char *line, struct vhdx_mapping *mapping,
		       struct vhdx_error *error)
{
	char *to;

	mapping->image = malloc(strlen(line) + 1);
	if (!mapping->image)
		return vhdx_error_set(error, ENOMEM, "out of memory");
	for (to = mapping->image; *line && *line != ' '; line++) {
		if (*line == '\\' && line[1])
			line++;
		*to++ = *line;
	}
	*to = '\0';
	mapping->arguments = strdup(line + strspn(line, " "));
	return mapping->arguments ? 0 :
	       vhdx_error_set(error, ENOMEM, "out of memory");
}

int vhdx_mapping_find(const char *name, struct vhdx_mapping *mapping,
		      struct vhdx_error *error)
{
	CLEANUP_FREE char *text = NULL;
	struct vhdx_dm_table table;
	int ret;

	ret = vhdx_mapping_check_name(name, error);
	if (!ret)
		ret = vhdx_dm_find(name, &mapping->device, error);
	if (!ret)
		ret = vhdx_dm_read_table(name, false, &table, &text, error);
	if (ret)
		return ret;
	if (strcmp(table.target, VHDX_TARGET))
		return vhdx_error_set(error, EMEDIUMTYPE,
				      "%s: is not a mapping of an image", name);
	/* Made by dmsetup without a UUID: its partition maps get one all the same. */
	if (!mapping->device.uuid[0])
		snprintf(mapping->device.uuid, sizeof(mapping->device.uuid),
			 VHDX_UUID_PREFIX "-%s", name);
	mapping->sectors = table.sectors;
	return split_table(table.parameters, mapping, error);
}

void vhdx_mapping_free(struct vhdx_mapping *mapping)
{
	free(mapping->image);
	free(mapping->arguments);
}

int vhdx_mapping_read_status(const char *name,
			     struct vhdx_mapping_status *status,
			     struct vhdx_error *error)
{
	unsigned long long number[9], percent;
	CLEANUP_FREE char *text = NULL;
	struct vhdx_dm_table table;
	const char *mode;
	int ret, found;

	ret = vhdx_dm_read_table(name, true, &table, &text, error);
	if (ret)
		return ret;
	found = sscanf(text,
		       "%llu %llu %llu %llu %llu %llu %llu %llu %llu 3 %7s %15s %15s 2 %15s %llu",
		       &number[0], &number[1], &number[2], &number[3],
		       &number[4], &number[5], &number[6], &number[7],
		       &number[8], status->format, status->type, status->io,
		       status->compaction, &percent);
	mode = strrchr(text, ' ');
	if (found != 14 || !mode)
		return vhdx_error_set(error, EPROTO,
				      "%s: the module and this tool are not of the same version",
				      name);

	status->virtual_bytes = number[0];
	status->block_bytes = number[1];
	status->blocks = number[2];
	status->blocks_present = number[3];
	status->file_bytes = number[4];
	status->free_bytes = number[5];
	status->pending_bytes = number[6];
	status->commits = number[7];
	status->dirty = number[8];
	status->percent = percent;
	snprintf(status->mode, sizeof(status->mode), "%s", mode + 1);
	return 0;
}
