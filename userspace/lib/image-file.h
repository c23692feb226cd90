/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An image by its path: opened, locked, then parsed by the core, with every
 * refusal put in words.
 */
#ifndef VHDX_LIB_IMAGE_FILE_H
#define VHDX_LIB_IMAGE_FILE_H

#include "core/image.h"
#include "lib/cleanup.h"
#include "lib/container-fd.h"
#include "lib/error.h"

/**
 * struct vhdx_image_file - an image by its path
 * @path: as given
 * @fd: holds the lock; -1 when closed
 * @file: the container over @fd
 * @image: NULL until vhdx_image_file_load()
 */
struct vhdx_image_file {
	const char *path;
	int fd;
	bool writable;
	struct vhdx_container_fd file;
	struct vhdx_image *image;
};

#define VHDX_IMAGE_FILE_CLOSED { .fd = -1 }
#define CLEANUP_IMAGE_FILE CLEANUP(vhdx_image_file_close)

/**
 * vhdx_image_file_open() - open a file and lock it, before the first read
 * @file: VHDX_IMAGE_FILE_CLOSED
 * @path: kept, not copied
 * @writable: become the writer; readers refuse writers and the other way round
 * @error: what went wrong
 */
int vhdx_image_file_open(struct vhdx_image_file *file, const char *path,
			 bool writable, struct vhdx_error *error);

/**
 * vhdx_image_file_load() - parse the image
 * @file: open
 * @error: names the finding that refused it
 */
int vhdx_image_file_load(struct vhdx_image_file *file,
			 struct vhdx_error *error);

/* Both in one. */
int vhdx_image_file_open_and_load(struct vhdx_image_file *file,
				  const char *path, bool writable,
				  struct vhdx_error *error);

/* Closes the image, then the file. Makes no change to either. */
void vhdx_image_file_close(struct vhdx_image_file *file);

/* "file.vhdx: sentence (FINDING at OFFSET)" for what refused an image. */
int vhdx_image_file_refused(const struct vhdx_image_file *file,
			    const struct vhdx_report *report, int err,
			    struct vhdx_error *error);

/* Say that @path could not be opened, with errno @err, and why. */
int vhdx_open_failed(const char *path, int err, bool writable,
		     struct vhdx_error *error);

#define VHDX_GUID_TEXT_BYTES 37
/* The id in the usual spelling, with dashes. */
void vhdx_id_format(const struct vhdx_geometry *geometry,
		    char text[VHDX_GUID_TEXT_BYTES]);
/* A GUID as VHDX stores it. */
void vhdx_guid_format(const u8 guid[16], char text[VHDX_GUID_TEXT_BYTES]);

#endif
