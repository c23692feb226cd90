// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compaction of a mapped image: the mounted file systems are asked to discard
 * what they do not use (FITRIM), the module packs the blocks. Nothing here
 * writes to the image, and the device stays in use.
 */
#include <fcntl.h>
#include <stdio.h>

#include "lib/compaction.h"
#include "lib/container-fd.h"

/* How long released space may take to be given back to the host. */
#define SETTLE_SECONDS 60
#define POLL_MIN_US 10000
#define POLL_MAX_US 250000

/* A pause that gets longer; returns the next one. */
static unsigned int pause_us(unsigned int us)
{
	usleep(us);
	return min_t(unsigned int, us * 2, POLL_MAX_US);
}

static void tell(const struct vhdx_compaction *compaction, const char *what,
		 u32 percent)
{
	if (compaction->progress)
		compaction->progress(compaction->data, what, percent);
}

/* By the module, when it was told to do something. */
static int refused(const char *name, int err, struct vhdx_error *error)
{
	switch (err) {
	case EBUSY:
		return vhdx_error_set(error, EBUSY,
				      "%s: a compaction of it is running already",
				      name);
	case EAGAIN:
		return vhdx_error_set(error, EBADFD,
				      "%s: the mapping is suspended; resume it first",
				      name);
	case EROFS:
		return vhdx_error_set(error, EBADFD,
				      "%s: the mapping cannot be written any more; the kernel log says why",
				      name);
	default:
		return -err;
	}
}

/* Looking for file systems would wait for whoever has suspended it. */
static int require_writable(const struct vhdx_dm_device *device,
			    struct vhdx_error *error)
{
	struct vhdx_mapping_status status;
	const char *name = device->name;
	int ret;

	if (device->suspended)
		return refused(name, EAGAIN, error);
	ret = vhdx_mapping_read_status(name, &status, error);
	if (ret)
		return ret;
	if (!strcmp(status.format, "vhd") && !strcmp(status.type, "fixed"))
		return vhdx_error_set(error, EOPNOTSUPP,
				      "%s: a fixed VHD cannot be compacted; 'fstrim' on its file systems still gives back space",
				      name);
	if (strcmp(status.mode, "rw"))
		return vhdx_error_set(error, EBADFD,
				      "%s: the mapping is in mode %s; it must be open for writing and free of errors",
				      name, status.mode);
	return 0;
}

/* ---- ask the file systems ---------------------------------------------------- */

/* -ESTALE: there was nobody to ask. */
static int trim_filesystems(struct vhdx_compaction *compaction,
			    const struct vhdx_mapping *mapping,
			    struct vhdx_error *error)
{
	struct vhdx_filesystems *all = &compaction->filesystems;
	bool trimmed = false;
	size_t i;
	int ret;

	ret = vhdx_filesystems_find(mapping, all, error);
	for (i = 0; !ret && i < all->count; i++) {
		tell(compaction, "trimming", 0);
		if (all->list[i].mount_point)
			vhdx_filesystem_trim(&all->list[i], compaction->stop,
					     compaction->data);
		trimmed |= all->list[i].trimmed;
		ret = vhdx_compaction_may_go_on(compaction, error);
	}
	return ret || trimmed ? ret : -ESTALE;
}

/* What has been discarded is durable and given back on return. */
static int settle(const struct vhdx_compaction *compaction, const char *name,
		  struct vhdx_error *error)
{
	unsigned int us = POLL_MIN_US, waited_us = 0;
	struct vhdx_mapping_status status;
	int ret;

	if (vhdx_dm_message(name, "commit", NULL, error))
		return refused(name, error->err, error);
	for (;;) {
		ret = vhdx_mapping_read_status(name, &status, error);
		if (ret)
			return ret;
		if (strcmp(status.mode, "rw"))
			return refused(name, EROFS, error);
		if (!status.dirty && !status.pending_bytes)
			return 0;
		ret = vhdx_compaction_may_go_on(compaction, error);
		if (ret || waited_us > SETTLE_SECONDS * 1000000U)
			return ret;	/* it will happen all the same */
		waited_us += us;
		us = pause_us(us);
	}
}

/* ---- let the module pack ------------------------------------------------------ */

struct module_compaction {
	char state[16];
	int err;
	struct vhdx_compact_counts counts;
};

static int read_progress(const char *name, struct module_compaction *state,
			 struct vhdx_error *error)
{
	CLEANUP_FREE char *reply = NULL;
	unsigned long long number[7];
	unsigned int percent;
	int ret, i;

	ret = vhdx_dm_message(name, "compact status", &reply, error);
	if (ret)
		return ret;
	if (sscanf(reply, "%15s %*s %u %d 7 %llu %llu %llu %llu %llu %llu %llu",
		   state->state, &percent, &state->err, &number[0], &number[1],
		   &number[2], &number[3], &number[4], &number[5],
		   &number[6]) != 10)
		return vhdx_error_set(error, EPROTO,
				      "%s: the module and this tool are not of the same version",
				      name);
	i = 0;
	state->counts = (struct vhdx_compact_counts) {
		.blocks_probed = number[i++],
		.blocks_released = number[i++],
		.blocks_moved = number[i++],
		.bytes_moved = number[i++],
		.entries_tidied = number[i++],
		.length_before = number[i++],
		.length_now = number[i++],
		.percent = percent,
	};
	return 0;
}

static int end_result(const char *name, const struct module_compaction *state,
		      struct vhdx_error *error)
{
	int err = state->err < 0 ? -state->err : state->err;

	if (!strcmp(state->state, "done"))
		return 0;
	if (!strcmp(state->state, "cancelled"))
		return vhdx_error_set(error, ECANCELED,
				      "%s: the compaction was cancelled; what was done before is kept",
				      name);
	return vhdx_error_set(error, err ? err : EIO,
			      "%s: compacting failed: %s; what was done before is kept",
			      name, strerror(err ? err : EIO));
}

/* Until the module has ended: if we are to stop, it is told to. */
static int follow(struct vhdx_compaction *compaction, const char *name,
		  struct vhdx_error *error)
{
	struct vhdx_error stop = { 0 }, ignored;
	struct module_compaction state;
	unsigned int us = POLL_MIN_US;
	int ret;

	for (;;) {
		ret = read_progress(name, &state, error);
		if (ret)
			return ret;
		compaction->counts = state.counts;
		if (strcmp(state.state, "running"))
			break;
		tell(compaction, "packing", state.counts.percent);
		if (!stop.err && vhdx_compaction_may_go_on(compaction, &stop))
			vhdx_dm_message(name, "compact cancel", NULL, &ignored);
		us = pause_us(us);
	}
	if (stop.err && !strcmp(state.state, "cancelled")) {
		*error = stop;
		return -stop.err;
	}
	return end_result(name, &state, error);
}

static int pack(struct vhdx_compaction *compaction, const char *name,
		struct vhdx_error *error)
{
	int ret;

	if (vhdx_dm_message(name, "compact start pretrimmed", NULL, error))
		return refused(name, error->err, error);
	ret = follow(compaction, name, error);
	return ret ? ret : settle(compaction, name, error);
}

static int run(struct vhdx_compaction *compaction,
	       const struct vhdx_mapping *mapping, struct vhdx_error *error)
{
	const char *name = mapping->device.name;
	int ret;

	if (compaction->mode != VHDX_COMPACT_PRETRIMMED) {
		ret = trim_filesystems(compaction, mapping, error);
		if (ret == -ESTALE && compaction->mode == VHDX_COMPACT_RETRIM)
			return vhdx_error_set(error, EBADFD,
					      "%s: none of its file systems is mounted and discards; mount one, or use pretrimmed",
					      name);
		if (ret == -ESTALE)
			compaction->mode_used = VHDX_COMPACT_PRETRIMMED;
		else if (ret)
			return ret;
	}
	return compaction->mode == VHDX_COMPACT_RETRIM ?
	       settle(compaction, name, error) : pack(compaction, name, error);
}

int vhdx_compaction_run_mapped(struct vhdx_compaction *compaction,
			       const char *name, struct vhdx_error *error)
{
	CLEANUP_MAPPING struct vhdx_mapping mapping = { 0 };
	int fd, ret;

	ret = vhdx_mapping_find(name, &mapping, error);
	if (!ret)
		ret = require_writable(&mapping.device, error);
	if (ret)
		return ret;

	/* Only to measure: without it there are no figures, nothing worse. */
	fd = open(mapping.image, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0)
		vhdx_file_usage_read(fd, &compaction->before);
	ret = run(compaction, &mapping, error);
	if (fd >= 0) {
		vhdx_file_usage_read(fd, &compaction->after);
		close(fd);
	}
	return ret;
}
