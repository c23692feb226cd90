// SPDX-License-Identifier: GPL-2.0-only
/* vhdxsetup read: the content of the disk, read in this process. */
#include "tool/vhdxsetup.h"

#define BUFFER_BYTES (1U << 20)

/* Which part: 0, or an exit code. */
static int find_range(const struct invocation *run,
		      const struct vhdx_geometry *geometry, u64 *offset,
		      u64 *length)
{
	struct vhdx_error error;

	*offset = 0;
	if (option_size(run, OPTION_OFFSET, offset, &error))
		return fail(&error);
	*length = geometry->virtual_bytes - min(*offset,
						geometry->virtual_bytes);
	if (option_size(run, OPTION_LENGTH, length, &error))
		return fail(&error);
	if (*offset <= geometry->virtual_bytes &&
	    *length <= geometry->virtual_bytes - *offset)
		return VHDX_EXIT_OK;
	complain("the range reaches past the end of the disk, which has %llu bytes",
		 (unsigned long long)geometry->virtual_bytes);
	return VHDX_EXIT_FAILED;
}

/* The core reads whole sectors: widen, then write out what was asked for. */
static int copy_piece(struct vhdx_image *image, u64 offset, size_t bytes,
		      u8 *buffer)
{
	u32 sector_bytes = vhdx_image_geometry(image)->sector_bytes;
	u64 first = ALIGN_DOWN(offset, sector_bytes);
	u64 last = ALIGN(offset + bytes, sector_bytes);
	int ret;

	ret = vhdx_image_read(image, first, buffer, last - first);
	if (ret)
		return ret;
	if (fwrite(buffer + (offset - first), 1, bytes, stdout) != bytes)
		return -EPIPE;
	return 0;
}

int verb_read(const struct invocation *run)
{
	CLEANUP_IMAGE_FILE struct vhdx_image_file file =
		VHDX_IMAGE_FILE_CLOSED;
	CLEANUP_FREE u8 *buffer = malloc(BUFFER_BYTES + 2 * 4096);
	struct vhdx_error error;
	u64 offset, length;
	size_t bytes;
	int ret;

	if (!buffer) {
		vhdx_error_set(&error, ENOMEM, "out of memory");
		return fail(&error);
	}
	if (vhdx_image_file_open_and_load(&file, run->argument[0], false,
					  &error))
		return fail(&error);
	ret = find_range(run, vhdx_image_geometry(file.image), &offset,
			 &length);
	for (; !ret && length; offset += bytes, length -= bytes) {
		bytes = min_t(u64, length, BUFFER_BYTES);
		ret = copy_piece(file.image, offset, bytes, buffer);
	}
	if (ret < 0 && ret != -EPIPE) {
		vhdx_error_set(&error, -ret, "%s: reading at byte %llu: %s",
			       run->argument[0], (unsigned long long)offset,
			       strerror(-ret));
		return fail(&error);
	}
	/* main() tells about standard output. */
	return ret == -EPIPE ? 0 : ret;
}
