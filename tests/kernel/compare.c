// SPDX-License-Identifier: GPL-2.0-only
/*
 * compare IMAGE DEVICE - does a device show what the image holds?
 *
 * Reads the image in this process, with the core, and the device through the
 * module: every extent that is not known to be zero, and 1000 seeded ranges
 * wherever they fall. Of a small disk, everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fs.h>

#include "core/image.h"
#include "lib/container-fd.h"

#define PIECE_BYTES (1 << 20)
#define RANDOM_RANGES 1000
#define SMALL_BYTES (100 << 20)

struct pair {
	struct vhdx_image *image;
	int device;
	u64 bytes;
	u64 compared;
	u8 *expected;
	u8 *seen;
};

static int fail(const char *what, u64 at)
{
	fprintf(stderr, "compare: %s at byte %llu\n", what, (unsigned long long)at);
	return -1;
}

static int read_device(int fd, u8 *buf, size_t len, u64 at)
{
	while (len) {
		ssize_t got = pread(fd, buf, len, at);

		if (got <= 0)
			return -1;
		buf += got;
		at += got;
		len -= got;
	}
	return 0;
}

static int compare_piece(struct pair *p, u64 at, size_t len)
{
	if (vhdx_image_read(p->image, at, p->expected, len))
		return fail("the image cannot be read", at);
	if (read_device(p->device, p->seen, len, at))
		return fail("the device cannot be read", at);
	if (memcmp(p->expected, p->seen, len))
		return fail("they differ", at);
	p->compared += len;
	return 0;
}

static int compare_range(struct pair *p, u64 at, u64 len)
{
	while (len) {
		size_t piece = len < PIECE_BYTES ? len : PIECE_BYTES;

		if (compare_piece(p, at, piece))
			return -1;
		at += piece;
		len -= piece;
	}
	return 0;
}

static int compare_extents(struct pair *p)
{
	struct vhdx_extent extent;
	u64 at;

	for (at = 0; at < p->bytes; at += extent.len_bytes) {
		vhdx_image_map(p->image, at, p->bytes - at, false, &extent);
		if (extent.kind == VHDX_EXTENT_ZERO && p->bytes > SMALL_BYTES)
			continue;
		if (compare_range(p, at, extent.len_bytes))
			return -1;
	}
	return 0;
}

static int compare_at_random(struct pair *p)
{
	unsigned short seed[3] = { 1, 2, 3 };
	u64 sectors = p->bytes / 512;
	int i;

	for (i = 0; i < RANDOM_RANGES; i++) {
		u64 at = (u64)(erand48(seed) * sectors) * 512;
		u64 len = (1 + nrand48(seed) % 256) * 512;

		if (len > p->bytes - at)
			len = p->bytes - at;
		if (compare_range(p, at, len))
			return -1;
	}
	return 0;
}

static int compare(struct pair *p)
{
	u64 device_bytes;

	p->bytes = vhdx_image_geometry(p->image)->virtual_bytes;
	if (ioctl(p->device, BLKGETSIZE64, &device_bytes))
		return fail("the device has no size", 0);
	if (device_bytes != p->bytes)
		return fail("the device is not as large as the image's disk, it ends",
			    device_bytes);
	if (compare_extents(p) || compare_at_random(p))
		return -1;
	printf("%llu bytes compared\n", (unsigned long long)p->compared);
	return 0;
}

int main(int argc, char **argv)
{
	const struct vhdx_open_options options = { .any_format = true };
	struct vhdx_report report = { 0 };
	struct vhdx_container_fd file;
	struct pair p = { 0 };
	int image, err;

	if (argc != 3) {
		fprintf(stderr, "usage: compare IMAGE DEVICE\n");
		return 2;
	}
	image = open(argv[1], O_RDONLY);
	p.device = open(argv[2], O_RDONLY);
	p.expected = malloc(PIECE_BYTES);
	p.seen = malloc(PIECE_BYTES);
	if (image < 0 || p.device < 0 || !p.expected || !p.seen) {
		perror("compare");
		return 1;
	}
	err = vhdx_container_fd_init(&file, image);
	if (!err)
		err = vhdx_image_open(&file.container, &options, &report, &p.image);
	if (err) {
		fprintf(stderr, "compare: %s: %s (%s)\n", argv[1], strerror(-err),
			vhdx_finding_name(report.worst));
		return 1;
	}
	err = compare(&p);
	vhdx_image_close(p.image);
	free(p.expected);
	free(p.seen);
	return err ? 1 : 0;
}
