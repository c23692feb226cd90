// SPDX-License-Identifier: GPL-2.0-only
/* An image by its path. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/holder.h"
#include "lib/image-file.h"
#include "lib/lock.h"

int vhdx_open_failed(const char *path, int err, bool writable,
		     struct vhdx_error *error)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
		return vhdx_error_set(error, ENOENT,
				      "%s: there is no such file", path);
	case EACCES:
	case EPERM:
		return vhdx_error_set(error, err,
				      "%s: permission denied; it must be readable%s",
				      path, writable ? " and writable" : "");
	case EROFS:
		return vhdx_error_set(error, err,
				      "%s: its file system is read-only; only reading is possible",
				      path);
	case EISDIR:
		return vhdx_error_set(error, err,
				      "%s: is a directory, not an image", path);
	case EMEDIUMTYPE:
	case ENXIO:
		return vhdx_error_set(error, EMEDIUMTYPE,
				      "%s: is neither a file nor a block device",
				      path);
	case EBUSY:
	case ETXTBSY:
		return vhdx_error_set(error, EBUSY,
				      "%s: is in use; close or unmount it first",
				      path);
	default:
		return vhdx_error_set(error, err, "%s: cannot be opened: %s",
				      path, strerror(err));
	}
}

/* A block device is claimed for as long as it is written. */
static int open_path(const char *path, bool writable)
{
	int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return -EMEDIUMTYPE;
	if (S_ISBLK(st.st_mode) && writable)
		flags |= O_EXCL;
	return open(path, flags | (writable ? O_RDWR : O_RDONLY));
}

/* Says which mapping has the image, if it is one. */
static bool is_mapped(const char *path, int fd, struct vhdx_error *error)
{
	char name[VHDX_DM_NAME_BYTES];

	if (fd < 0 || !vhdx_holder_name(fd, name))
		return false;
	vhdx_error_set(error, EBUSY,
		       "%s: is in use by the mapping %s; close it first with 'vhdxsetup close %s'",
		       path, name, name);
	return true;
}

/* What is mapped read-only cannot even be opened for writing. */
static int open_failed(const char *path, int err, bool writable,
		       struct vhdx_error *error)
{
	CLEANUP_CLOSE int fd = -1;

	if (err == EBUSY || err == ETXTBSY)
		fd = open_path(path, false);
	if (is_mapped(path, fd, error))
		return -EBUSY;
	return vhdx_open_failed(path, err, writable, error);
}

static int lock_failed(const struct vhdx_image_file *file, int err,
		       enum vhdx_lock_conflict conflict,
		       struct vhdx_error *error)
{
	if (err != EBUSY)
		return vhdx_error_set(error, err, "%s: cannot be locked: %s",
				      file->path, strerror(err));
	if (is_mapped(file->path, file->fd, error))
		return -EBUSY;
	if (conflict == VHDX_LOCK_HAS_READER && file->writable)
		return vhdx_error_set(error, EBUSY,
				      "%s: is in use: another program is reading it; let that end first",
				      file->path);
	return vhdx_error_set(error, EBUSY,
			      "%s: is in use: another program may write to it; let that end first",
			      file->path);
}

/*
 * What a write that failed has left in the page cache counts as clean and
 * would never be written again. The disk decides what the image is.
 */
static int forget_cache(int fd)
{
	if (fsync(fd))
		return -errno;
	return -posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

int vhdx_image_file_open(struct vhdx_image_file *file, const char *path,
			 bool writable, struct vhdx_error *error)
{
	enum vhdx_lock_conflict conflict;
	int fd, ret;

	file->path = path;
	file->writable = writable;
	fd = open_path(path, writable);
	if (fd < 0)
		return open_failed(path, fd == -1 ? errno : -fd, writable,
				   error);
	file->fd = fd;

	ret = vhdx_lock_image(fd, writable, &conflict);
	if (ret) {
		ret = lock_failed(file, -ret, conflict, error);
		goto out_with_fd;
	}
	ret = vhdx_container_fd_init(&file->file, fd);
	if (!ret && writable)
		ret = forget_cache(fd);
	if (ret) {
		ret = vhdx_open_failed(path, -ret, writable, error);
		goto out_with_fd;
	}
	return 0;

out_with_fd:
	vhdx_image_file_close(file);
	return ret;
}

static const char *remedy(const struct vhdx_image_file *file,
			  const struct vhdx_report *report)
{
	switch (vhdx_finding_errno(report->worst)) {
	case EUCLEAN:
	case EBADMSG:
		break;
	default:
		return "";
	}
	if (vhdx_finding_severity(report->worst) == VHDX_SEVERITY_WRITE &&
	    file->writable)
		return "; it can only be read";
	return "; 'vhdxsetup check' tells all";
}

int vhdx_image_file_refused(const struct vhdx_image_file *file,
			    const struct vhdx_report *report, int err,
			    struct vhdx_error *error)
{
	if (report->worst == VHDX_F_NONE || err == ENOMEM)
		return vhdx_error_set(error, err, "%s: %s", file->path,
				      strerror(err));
	return vhdx_error_set(error, err, "%s: %s (%s at byte %llu)%s",
			      file->path, vhdx_finding_sentence(report->worst),
			      vhdx_finding_name(report->worst),
			      (unsigned long long)report->where,
			      remedy(file, report));
}

int vhdx_image_file_load(struct vhdx_image_file *file,
			 struct vhdx_error *error)
{
	struct vhdx_open_options options = {
		.name = file->path,
		.any_format = true,
		.writable = file->writable,
	};
	struct vhdx_report report = { 0 };
	int ret;

	ret = vhdx_image_open(&file->file.container, &options, &report,
			      &file->image);
	if (!ret)
		return 0;
	file->image = NULL;
	return vhdx_image_file_refused(file, &report, -ret, error);
}

int vhdx_image_file_open_and_load(struct vhdx_image_file *file,
				  const char *path, bool writable,
				  struct vhdx_error *error)
{
	int ret;

	ret = vhdx_image_file_open(file, path, writable, error);
	return ret ? ret : vhdx_image_file_load(file, error);
}

void vhdx_image_file_close(struct vhdx_image_file *file)
{
	if (file->image)
		vhdx_image_close(file->image);
	if (file->fd >= 0)
		close(file->fd);
	file->image = NULL;
	file->fd = -1;
}

static void format_id(const u8 id[16], const u8 order[16],
		      char text[VHDX_GUID_TEXT_BYTES])
{
	int i;

	for (i = 0; i < 16; i++)
		text += sprintf(text, i == 4 || i == 6 || i == 8 || i == 10 ?
				"-%02x" : "%02x", id[order[i]]);
}

/* The first three fields are little-endian numbers. */
void vhdx_guid_format(const u8 guid[16], char text[VHDX_GUID_TEXT_BYTES])
{
	static const u8 order[16] = {
		3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15
	};

	format_id(guid, order, text);
}

void vhdx_id_format(const struct vhdx_geometry *geometry,
		    char text[VHDX_GUID_TEXT_BYTES])
{
	static const u8 order[16] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	};

	if (geometry->format == VHDX_FORMAT_VHDX)
		vhdx_guid_format(geometry->id, text);
	else
		format_id(geometry->id, order, text);
}
