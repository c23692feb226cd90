// SPDX-License-Identifier: GPL-2.0-only
/* Compaction: which way to go, and the way of an image that is not mapped. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/compaction.h"
#include "lib/holder.h"
#include "lib/image-file.h"

#define COPY_BYTES (1U << 20)

static const struct {
	enum vhdx_compact_mode mode;
	const char *name;
	const char *digit;
} modes[] = {
	{ VHDX_COMPACT_FULL, "full", "0" },
	{ VHDX_COMPACT_QUICK, "quick", "1" },
	{ VHDX_COMPACT_RETRIM, "retrim", "2" },
	{ VHDX_COMPACT_PRETRIMMED, "pretrimmed", "3" },
	{ VHDX_COMPACT_PREZEROED, "prezeroed", "4" },
};

const char *vhdx_compact_mode_name(enum vhdx_compact_mode mode)
{
	return modes[mode].name;
}

int vhdx_compact_mode_parse(const char *text, enum vhdx_compact_mode *mode)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(text, modes[i].name) ||
		    !strcmp(text, modes[i].digit)) {
			*mode = modes[i].mode;
			return 0;
		}
	return -EINVAL;
}

int vhdx_file_usage_read(int fd, struct vhdx_file_usage *usage)
{
	struct vhdx_container_fd file;
	struct stat st;

	if (fstat(fd, &st) || vhdx_container_fd_init(&file, fd))
		return -EIO;
	usage->length_bytes = vhdx_size(&file.container);
	usage->allocated_bytes = file.container.fixed_size ?
				 usage->length_bytes :
				 (u64)st.st_blocks * 512;
	return 0;
}

int vhdx_compaction_may_go_on(const struct vhdx_compaction *compaction,
			      struct vhdx_error *error)
{
	struct timespec now;

	if (compaction->stop && compaction->stop(compaction->data))
		return vhdx_error_set(error, EINTR,
				      "stopped on request at a safe step; the image is sound, and a later compaction goes on from here");
	if (!compaction->timeout_seconds)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec < compaction->deadline.tv_sec ||
	    (now.tv_sec == compaction->deadline.tv_sec &&
	     now.tv_nsec < compaction->deadline.tv_nsec))
		return 0;
	return vhdx_error_set(error, ETIMEDOUT,
			      "stopped at a safe step after %u seconds; the image is sound, and a later compaction goes on from here",
			      compaction->timeout_seconds);
}

/* ---- in this process ------------------------------------------------------- */

static int steps_failed(const struct vhdx_image_file *file, int err,
			struct vhdx_error *error)
{
	const char *help = "";

	if (err == EROFS && vhdx_image_failed(file->image))
		err = EIO;
	if (err == ENOSPC)
		help = "; make room on its file system";
	return vhdx_error_set(error, err,
			      "%s: compacting failed: %s%s; what was done before is kept",
			      file->path, strerror(err), help);
}

static int run_steps(struct vhdx_compaction *compaction,
		     struct vhdx_compact *compact,
		     const struct vhdx_image_file *file, void *buffer,
		     struct vhdx_error *error)
{
	struct vhdx_compact_step step;
	int ret;

	for (;;) {
		ret = vhdx_compact_next(compact, &step);
		if (ret)
			return steps_failed(file, -ret, error);
		if (step.kind == VHDX_STEP_DONE)
			return 0;
		ret = vhdx_compact_do(compact, &step, buffer, COPY_BYTES);
		if (ret)
			return steps_failed(file, -ret, error);
		if (compaction->progress)
			compaction->progress(compaction->data, "packing",
					     compact->counts.percent);
		ret = vhdx_compaction_may_go_on(compaction, error);
		if (ret)
			return ret;
	}
}

static int compact_image(struct vhdx_compaction *compaction,
			 struct vhdx_image_file *file,
			 struct vhdx_error *error)
{
	CLEANUP_FREE void *buffer = malloc(COPY_BYTES);
	struct vhdx_compact compact = { 0 };
	int ret, end;

	if (!buffer)
		return vhdx_error_set(error, ENOMEM, "out of memory");
	ret = vhdx_compact_start(&compact, file->image,
				 compaction->mode_used, false);
	if (ret)
		return steps_failed(file, -ret, error);
	ret = run_steps(compaction, &compact, file, buffer, error);
	compaction->counts = compact.counts;
	vhdx_compact_end(&compact);

	/* Stopped or not, leave it clean; after an error there is no way to. */
	if (ret && ret != -EINTR && ret != -ETIMEDOUT)
		return ret;
	end = vhdx_image_finish(file->image);
	return end ? steps_failed(file, -end, error) : ret;
}

/* Nobody to ask: Windows, too, degrades Quick and refuses Retrim. */
static int choose_mode(struct vhdx_compaction *compaction,
		       const struct vhdx_image_file *file,
		       struct vhdx_error *error)
{
	const struct vhdx_geometry *geometry = vhdx_image_geometry(file->image);

	if (geometry->format == VHDX_FORMAT_VHD &&
	    geometry->type == VHDX_TYPE_FIXED)
		return vhdx_error_set(error, EOPNOTSUPP,
				      "%s: a fixed VHD cannot be compacted; discards through a mapping still give back space",
				      file->path);
	if (compaction->mode == VHDX_COMPACT_RETRIM)
		return vhdx_error_set(error, EBADFD,
				      "%s: retrim asks the mounted file systems, and the image is not mapped; open and mount it, or use pretrimmed",
				      file->path);
	compaction->mode_used = VHDX_COMPACT_PRETRIMMED;
	return 0;
}

static int run_unmapped(struct vhdx_compaction *compaction, const char *path,
			struct vhdx_error *error)
{
	CLEANUP_IMAGE_FILE struct vhdx_image_file file =
		VHDX_IMAGE_FILE_CLOSED;
	int ret;

	ret = vhdx_image_file_open_and_load(&file, path, true, error);
	if (!ret)
		ret = choose_mode(compaction, &file, error);
	if (ret)
		return ret;
	vhdx_file_usage_read(file.fd, &compaction->before);
	ret = compact_image(compaction, &file, error);
	vhdx_file_usage_read(file.fd, &compaction->after);
	return ret;
}

/* ---- which way --------------------------------------------------------------- */

/* Other devices of the device-mapper are what an image may lie on. */
static bool find_by_name(const char *target, char name[VHDX_DM_NAME_BYTES])
{
	CLEANUP_MAPPING struct vhdx_mapping mapping = { 0 };
	struct vhdx_error ignored;

	if (strchr(target, '/') || vhdx_mapping_find(target, &mapping, &ignored))
		return false;
	snprintf(name, VHDX_DM_NAME_BYTES, "%s", target);
	return true;
}

static bool find_by_device(const char *target, char name[VHDX_DM_NAME_BYTES])
{
	CLEANUP_FREE struct vhdx_dm_device *devices = NULL;
	struct vhdx_error ignored;
	struct stat st;
	size_t count, i;

	if (stat(target, &st) || !S_ISBLK(st.st_mode) ||
	    vhdx_mapping_list(&devices, &count, &ignored))
		return false;
	for (i = 0; i < count; i++) {
		if (st.st_rdev != makedev(devices[i].major, devices[i].minor))
			continue;
		snprintf(name, VHDX_DM_NAME_BYTES, "%s", devices[i].name);
		return true;
	}
	return false;
}

static bool find_by_image(const char *target, char name[VHDX_DM_NAME_BYTES])
{
	CLEANUP_CLOSE int fd = open(target, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
					    O_NOCTTY);

	return fd >= 0 && vhdx_holder_name(fd, name);
}

/* Without root nobody can tell, and the lock on the image will. */
static bool find_mapping(const char *target, char name[VHDX_DM_NAME_BYTES])
{
	return !geteuid() && (find_by_name(target, name) ||
			      find_by_device(target, name) ||
			      find_by_image(target, name));
}

int vhdx_compaction_run(struct vhdx_compaction *compaction, const char *target,
			struct vhdx_error *error)
{
	int ret;

	compaction->mode_used = compaction->mode;
	if (compaction->mode == VHDX_COMPACT_FULL ||
	    compaction->mode == VHDX_COMPACT_PREZEROED)
		return vhdx_error_set(error, EOPNOTSUPP,
				      "mode %s is not supported by this version; use quick, retrim or pretrimmed",
				      vhdx_compact_mode_name(compaction->mode));

	clock_gettime(CLOCK_MONOTONIC, &compaction->deadline);
	compaction->deadline.tv_sec += compaction->timeout_seconds;
	if (find_mapping(target, compaction->mapping))
		return vhdx_compaction_run_mapped(compaction,
						  compaction->mapping, error);
	ret = run_unmapped(compaction, target, error);
	if (ret == -ENOENT && !strchr(target, '/'))
		return vhdx_error_set(error, ENOENT,
				      "%s: there is no such file%s", target,
				      geteuid() ? "; if it is a mapping, run as root" :
						  ", and no such mapping");
	return ret;
}
