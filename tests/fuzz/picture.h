/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a fuzzer's input says: an image, the host it lies on, and what is done
 * to it. An image of many MiB that is mostly zeros takes a few hundred bytes.
 *
 *   le64 size of the file
 *   u8   host, HOST_* and FORMAT_*
 *   u8   number of operations
 *   le16 which change to the file fails, 0: none
 *   operations, 8 bytes each: struct picture_op
 *   pieces: le48 offset, le16 length and PIECE_FILL, then as many bytes, or
 *	with PIECE_FILL one that is repeated
 *
 * Later pieces overwrite earlier ones; what lies outside the file or beyond
 * PICTURE_REACH is left out, and so is a piece cut off by the input's end.
 */
#ifndef FUZZ_PICTURE_H
#define FUZZ_PICTURE_H

#include "host.h"

#define PICTURE_OPS 24
#define PICTURE_HEAD_BYTES 12
#define PICTURE_MAX_BYTES (48 * 1024)
/* Of a piece: where a host's file of that length would still cost little. */
#define PICTURE_REACH (1ULL << 42)
#define PICTURE_MAX_VHD_BYTES (1ULL << 35)
#define PIECE_HEAD_BYTES 8
#define PIECE_FILL 0x8000

enum picture_flags {
	PICTURE_DEVICE = 1,	/* the image lies on a block device */
	PICTURE_NO_PUNCH = 2,	/* the host has no holes */
	PICTURE_NO_HOLES = 4,	/* nor says where they are */
	PICTURE_AS_VHD = 8,	/* the user names the format ... */
	PICTURE_AS_VHDX = 16,	/* ... or this one */
	PICTURE_GROW = 32,	/* grow the file by 4 MiB */
	PICTURE_FOR_EVER = 64,	/* after the change that fails, all fail */
	PICTURE_SHORT = 128,	/* it has been done by half */
};

enum picture_op_kind {
	OP_WRITE,
	OP_DISCARD,
	OP_ZERO,
	OP_ZERO_KEEP,
	OP_COMMIT,
	OP_CRASH,		/* close without an end, open again */
	OP_FINISH,		/* end the session, close, open again */
	OP_COMPACT,
	OP_KINDS,
};

/**
 * struct picture_op - one thing done
 * @kind: enum picture_op_kind, modulo OP_KINDS
 * @len: in sectors; 0: the rest of the block; from 240: 1 to 16 blocks
 * @block: modulo the number of blocks, or from the end: 0xffff is the last
 * @at: sector in the block, modulo
 */
struct picture_op {
	u8 kind;
	u8 len;
	__le16 block;
	__le32 at;
};

struct picture {
	struct host host;
	u8 flags;
	u16 fail;
	unsigned int ops;
	struct picture_op op[PICTURE_OPS];
};

/* False if there is not even a head; destroy it otherwise. */
bool picture_load(struct picture *picture, const u8 *data, size_t size);
void picture_destroy(struct picture *picture);
/* The shortest input that says it; its length, or 0 if it needs more room. */
size_t picture_save(const struct picture *picture, u8 *data, size_t room);

#endif
