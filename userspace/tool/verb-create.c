// SPDX-License-Identifier: GPL-2.0-only
/* vhdxsetup create: a new image. */
#include <fcntl.h>
#include <libgen.h>
#include <time.h>

#include "core/create.h"
#include "lib/lock.h"
#include "tool/vhdxsetup.h"

/* 2000-01-01 00:00:00 UTC, where VHD begins to count */
#define VHD_EPOCH 946684800

static int parse_format(const struct invocation *run,
			struct vhdx_create_options *options)
{
	const char *format = run->value[OPTION_FORMAT];
	const char *type = run->value[OPTION_TYPE];

	options->type = VHDX_TYPE_DYNAMIC;
	if (format && !strcmp(format, "vhd"))
		options->format = VHDX_FORMAT_VHD;
	else if (format && strcmp(format, "vhdx"))
		return usage_error("%s: not a format; there are vhdx and vhd",
				   format);
	if (type && !strcmp(type, "differencing")) {
		complain("differencing images cannot be made by this version");
		return VHDX_EXIT_WRONG_DEVICE;
	}
	if (type && !strcmp(type, "fixed"))
		options->type = VHDX_TYPE_FIXED;
	else if (type && strcmp(type, "dynamic"))
		return usage_error("%s: not a type; there are dynamic and fixed",
				   type);
	return VHDX_EXIT_OK;
}

static int parse_sizes(const struct invocation *run,
		       struct vhdx_create_options *options)
{
	u64 block = 0, sector = 512;
	struct vhdx_error error;

	if (!given(run, OPTION_SIZE))
		return usage_error("--size is missing");
	if (option_size(run, OPTION_SIZE, &options->virtual_bytes, &error) ||
	    option_size(run, OPTION_BLOCK_SIZE, &block, &error) ||
	    option_size(run, OPTION_SECTOR_SIZE, &sector, &error))
		return fail(&error);
	if (sector != 512 && sector != 4096)
		return usage_error("%s: a sector has 512 or 4096 bytes",
				   run->value[OPTION_SECTOR_SIZE]);
	if (block > U32_MAX || block & (block - 1))
		return usage_error("%s: a block size is a power of two, at most 256M",
				   run->value[OPTION_BLOCK_SIZE]);
	options->block_bytes = block;
	options->sector_bytes = sector;
	return VHDX_EXIT_OK;
}

/* What the format allows: the core refuses too, but does not say why. */
static int check_sizes(const struct vhdx_create_options *options)
{
	u64 size = options->virtual_bytes;

	if (options->format == VHDX_FORMAT_VHDX) {
		if (!size || size > 64ULL << 40 || size % options->sector_bytes)
			return usage_error("a vhdx disk has up to 64T, in whole sectors");
		if (options->block_bytes && (options->block_bytes < 1 << 20 ||
					     options->block_bytes > 256 << 20))
			return usage_error("a vhdx block has 1M to 256M");
		return VHDX_EXIT_OK;
	}
	if (options->sector_bytes != 512)
		return usage_error("a vhd disk has sectors of 512 bytes");
	if (!size || size > 2040ULL << 30 || size % (1 << 20))
		return usage_error("a vhd disk has up to 2040G, in whole MiB");
	if (options->block_bytes && options->type == VHDX_TYPE_FIXED)
		return usage_error("a fixed vhd has no blocks");
	if (options->block_bytes && (options->block_bytes < 512 ||
				     options->block_bytes > 256 << 20))
		return usage_error("a vhd block has 512 bytes to 256M");
	return VHDX_EXIT_OK;
}

static int sync_directory(const char *path)
{
	CLEANUP_FREE char *copy = strdup(path);
	int fd, ret;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fsync(fd) ? -errno : 0;
	close(fd);
	return ret;
}

static int write_image(int fd, const char *path,
		       const struct vhdx_create_options *options)
{
	enum vhdx_lock_conflict conflict;
	struct vhdx_container_fd file;
	int ret;

	ret = vhdx_lock_image(fd, true, &conflict);
	if (!ret)
		ret = vhdx_container_fd_init(&file, fd);
	if (!ret)
		ret = vhdx_create(&file.container, options);
	return ret ? ret : sync_directory(path);
}

static int explain(const char *path, int err,
		   const struct vhdx_create_options *options,
		   struct vhdx_error *error)
{
	switch (err) {
	case EEXIST:
		return vhdx_error_set(error, err,
				      "%s: exists already; choose another name or remove it",
				      path);
	case EFBIG:
		return vhdx_error_set(error, err,
				      "%s: its file system or a limit forbids a file of this length",
				      path);
	case EINVAL:
		return vhdx_error_set(error, err,
				      "%s: so large a %s needs larger blocks; choose another --block-size",
				      path, format_name(options->format));
	case EINTR:
		return vhdx_error_set(error, err,
				      "%s: stopped on request, and removed",
				      path);
	case ENOENT:
		return vhdx_error_set(error, err,
				      "%s: there is no such directory", path);
	default:
		return vhdx_error_set(error, err, "%s: cannot be made: %s",
				      path, strerror(err));
	}
}

static int create(const char *path, const struct vhdx_create_options *options)
{
	CLEANUP_CLOSE int fd = -1;
	struct vhdx_error error;
	int ret;

	/* Half an image is in the way of the next try. */
	stop_on_signals();
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0) {
		explain(path, errno, options, &error);
		return fail(&error);
	}
	ret = write_image(fd, path, options);
	if (!ret && stop_wanted(NULL))
		ret = -EINTR;
	if (!ret)
		return VHDX_EXIT_OK;
	unlink(path);
	explain(path, -ret, options, &error);
	return fail(&error);
}

int verb_create(const struct invocation *run)
{
	struct vhdx_create_options options = {
		.timestamp = time(NULL) - VHD_EPOCH,
	};
	int ret;

	ret = parse_format(run, &options);
	if (!ret)
		ret = parse_sizes(run, &options);
	if (!ret)
		ret = check_sizes(&options);
	return ret ? ret : create(run->argument[0], &options);
}
