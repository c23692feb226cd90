// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes the seed corpus: images of our own, the broken ones of tests/images,
 * and any image files, without most of their payload.
 *
 *   seeds DIR [FILE]...
 */
#include <stdio.h>

#include "broken.h"
#include "create.h"
#include "judge.h"
#include "platform-user.h"
#include "vhd.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)
#define KEPT_BYTES 16

static const char *dir;
static unsigned int written, left_out;

/* A bit of everything. */
static const struct picture_op usual_ops[] = {
	{ OP_WRITE, 3, 0, 0 },
	{ OP_COMMIT, 0, 0, 0 },
	{ OP_WRITE, 20, 0xffff, 5 },
	{ OP_CRASH, 0, 0, 0 },
	{ OP_DISCARD, 0, 0, 0 },
	{ OP_WRITE, 240, 1, 0 },
	{ OP_ZERO, 2, 1, 1 },
	{ OP_FINISH, 0, 0, 0 },
	{ OP_ZERO_KEEP, 0, 1, 0 },
	{ OP_COMPACT, 0, 0, 0 },
	{ OP_WRITE, 9, 2, 0 },
};

static const struct vhdx_create_options own[] = {
	{ VHDX_FORMAT_VHDX, VHDX_TYPE_DYNAMIC, 3 * MIB, MIB, 512, 4096, MIB,
	  0 },
	{ VHDX_FORMAT_VHDX, VHDX_TYPE_DYNAMIC, 7 * MIB + 4096, 2 * MIB, 4096,
	  4096, MIB, 0 },
	{ VHDX_FORMAT_VHDX, VHDX_TYPE_FIXED, 2 * MIB, MIB, 512, 512, MIB, 0 },
	{ VHDX_FORMAT_VHDX, VHDX_TYPE_DYNAMIC, 4098 * MIB, MIB, 512, 4096,
	  2 * MIB, 0 },
	{ VHDX_FORMAT_VHDX, VHDX_TYPE_DYNAMIC, 64 * MIB, 32 * MIB, 512, 4096,
	  MIB, 0 },
	{ VHDX_FORMAT_VHD, VHDX_TYPE_DYNAMIC, MIB, 64 * KIB, 0, 0, 0, 1 },
	{ VHDX_FORMAT_VHD, VHDX_TYPE_DYNAMIC, MIB, 512, 0, 0, 0, 1 },
	{ VHDX_FORMAT_VHD, VHDX_TYPE_DYNAMIC, 5 * MIB, 2 * MIB, 0, 0, 0, 1 },
	{ VHDX_FORMAT_VHD, VHDX_TYPE_FIXED, MIB, 0, 0, 0, 0, 1 },
};

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-err));
	exit(1);
}

static void write_file(const char *name, const u8 *bytes, size_t len)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file))
		must(-EIO, path);
	written++;
}

/* The image as it is, with the usual operations. */
static void write_seed(const char *name, const struct ram *ram, u8 flags)
{
	static u8 bytes[PICTURE_MAX_BYTES];
	struct picture picture = { .flags = flags };
	size_t len;

	picture.host.ram = *ram;
	picture.ops = ARRAY_SIZE(usual_ops);
	memcpy(picture.op, usual_ops, sizeof(usual_ops));
	len = picture_save(&picture, bytes, sizeof(bytes));
	if (len)
		write_file(name, bytes, len);
	else
		left_out++;
}

/* ---- our own ----------------------------------------------------------------- */

static void use(struct ram *ram, bool end)
{
	const struct vhdx_open_options options = {
		.any_format = true,
		.writable = true,
	};
	struct vhdx_report report = { 0 };
	struct vhdx_image *image;
	u8 data[512];
	u64 last;

	memset(data, 0x77, sizeof(data));
	must(vhdx_image_open(&ram->container, &options, &report, &image),
	     "open");
	last = vhdx_image_geometry(image)->virtual_bytes - 4096;
	must(vhdx_image_write(image, 0, data, sizeof(data)), "write");
	must(vhdx_image_commit(image), "commit");
	must(vhdx_image_write(image, last, data, sizeof(data)), "write");
	must(vhdx_image_commit(image), "commit");
	must(vhdx_image_discard(image, 0, 64 * KIB), "discard");
	must(vhdx_image_commit(image), "commit");
	if (end)
		must(vhdx_image_finish(image), "finish");
	vhdx_image_close(image);
}

/* 1 MiB by the current size, 960 KiB by the geometry: a block is behind it. */
static void make_virtual_pc(struct ram *ram)
{
	static const u8 geometry[] = { 0, 120, 16, 1 };
	const u64 footers[] = { 0, ram->size - VHD_FOOTER_BYTES };
	u8 footer[VHD_FOOTER_BYTES];
	__be32 sum;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(footers); i++) {
		ram_peek(ram, footers[i], footer, sizeof(footer));
		memcpy(footer + 28, "vpc ", 4);
		memcpy(footer + 56, geometry, sizeof(geometry));
		sum = cpu_to_be32(vhd_checksum(footer, sizeof(footer), 64));
		memcpy(footer + 64, &sum, sizeof(sum));
		ram_poke(ram, footers[i], footer, sizeof(footer));
	}
}

static void write_own(void)
{
	const struct vhdx_create_options vhd = {
		VHDX_FORMAT_VHD, VHDX_TYPE_DYNAMIC, MIB, 64 * KIB, 0, 0, 0, 1,
	};
	char name[64];
	struct ram ram;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(own); i++) {
		ram_init(&ram, 0);
		must(vhdx_create(&ram.container, &own[i]), "create");
		snprintf(name, sizeof(name), "own-%zu-new", i);
		write_seed(name, &ram, PICTURE_GROW);
		use(&ram, true);
		snprintf(name, sizeof(name), "own-%zu-used", i);
		write_seed(name, &ram, PICTURE_NO_PUNCH);
		use(&ram, false);
		snprintf(name, sizeof(name), "own-%zu-dirty", i);
		write_seed(name, &ram, PICTURE_DEVICE);
		ram_destroy(&ram);
	}
	ram_init(&ram, 0);
	must(vhdx_create(&ram.container, &vhd), "create");
	use(&ram, true);
	make_virtual_pc(&ram);
	write_seed("own-virtual-pc", &ram, 0);
	ram_destroy(&ram);
}

static void write_broken(const struct broken *broken)
{
	u8 format = base_is_vhd(broken->base) ? PICTURE_AS_VHD :
						PICTURE_AS_VHDX;
	u8 flags = (broken->format_named ? format : 0) |
		   (broken->on_device ? PICTURE_DEVICE : 0);
	struct ram ram;

	broken_make(broken, &ram);
	write_seed(broken->name, &ram, flags);
	ram_destroy(&ram);
}

/* ---- files ------------------------------------------------------------------- */

/* What it stands for is in the metadata; of the payload a few bytes will do. */
static void drop_payload(struct ram *ram, struct vhdx_image *image)
{
	u64 blocks = image->geometry.blocks, block, offset, len;
	u8 kept[KEPT_BYTES];

	for (block = 0; block < blocks; block++) {
		if (!vhdx_image_block_space(image, block, &offset, &len))
			continue;
		if (image->geometry.type != VHDX_TYPE_FIXED) {
			offset += image->data_lead_bytes;
			len -= image->data_lead_bytes;
		}
		if (offset >= ram->size)
			continue;
		len = min(len, ram->size - offset);
		ram_peek(ram, offset, kept, sizeof(kept));
		store_punch(&ram->store, offset, len);
		if (len >= sizeof(kept))
			ram_poke(ram, offset, kept, sizeof(kept));
	}
}

static void write_image(const char *path)
{
	const struct vhdx_open_options options = { .any_format = true };
	const char *name = strrchr(path, '/');
	struct vhdx_report report = { 0 };
	struct vhdx_image *image;
	bool small = true;
	struct ram ram;

	must(ram_load(&ram, path), path);
	if (!vhdx_image_open(&ram.container, &options, &report, &image)) {
		small = image->geometry.blocks <= JUDGE_BLOCKS;
		drop_payload(&ram, image);
		vhdx_image_close(image);
	}
	/* More is slow, and so is everything that is made of it. */
	if (small)
		write_seed(name ? name + 1 : path, &ram, 0);
	else
		left_out++;
	ram_destroy(&ram);
}

int main(int argc, char **argv)
{
	size_t i;
	int arg;

	if (argc < 2) {
		fputs("usage: seeds DIR [FILE]...\n", stderr);
		return 1;
	}
	dir = argv[1];
	vhdx_platform_seed(1);
	write_own();
	for (i = 0; i < nr_broken_vhdx; i++)
		write_broken(&broken_vhdx[i]);
	for (i = 0; i < nr_broken_vhd; i++)
		write_broken(&broken_vhd[i]);
	for (arg = 2; arg < argc; arg++)
		write_image(argv[arg]);
	printf("%u seeds; %u images are too much for one\n", written, left_out);
	return 0;
}
