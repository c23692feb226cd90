// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the bytes of an input to an image and back.
 */
#include "picture.h"

/* Shorter runs of zeros, or of one byte, do not pay a new piece. */
#define GAP_BYTES 8
#define FILL_BYTES 24

static u64 get_le(const u8 *p, unsigned int bytes)
{
	u64 value = 0;

	while (bytes--)
		value = value << 8 | p[bytes];
	return value;
}

static void put_le(u8 *p, u64 value, unsigned int bytes)
{
	for (; bytes--; value >>= 8)
		*p++ = value;
}

/* ---- load --------------------------------------------------------------- */

static void put_piece(struct picture *picture, u64 offset, const u8 *bytes,
		      size_t len)
{
	struct ram *ram = &picture->host.ram;
	u64 end = min_t(u64, ram->size, PICTURE_REACH);

	if (offset < end)
		ram_poke(ram, offset, bytes, min_t(u64, len, end - offset));
}

static void put_fill(struct picture *picture, u64 offset, u8 byte, size_t len)
{
	u8 bytes[0x8000];

	memset(bytes, byte, len);
	put_piece(picture, offset, bytes, len);
}

static void load_pieces(struct picture *picture, const u8 *p, const u8 *end)
{
	while (end - p > PIECE_HEAD_BYTES) {
		u64 offset = get_le(p, 6);
		size_t len = get_le(p + 6, 2) & ~PIECE_FILL;
		bool fill = get_le(p + 6, 2) & PIECE_FILL;

		p += PIECE_HEAD_BYTES;
		if (fill) {
			put_fill(picture, offset, *p++, len);
			continue;
		}
		if ((size_t)(end - p) < len)
			return;
		put_piece(picture, offset, p, len);
		p += len;
	}
}

/*
 * No host has files longer than s64 can say. A VHD in units of a sector takes
 * an eighth of a byte of memory for each: what is allowed is 8 MiB of that.
 */
static u64 bounded_size(const struct picture *picture, u64 size)
{
	u8 signature[8];

	ram_peek(&picture->host.ram, 0, signature, sizeof(signature));
	if (picture->flags & PICTURE_AS_VHD ||
	    memcmp(signature, "vhdxfile", sizeof(signature)))
		return min(size, PICTURE_MAX_VHD_BYTES);
	return size & ~(1ULL << 63);
}

bool picture_load(struct picture *picture, const u8 *data, size_t size)
{
	const u8 *end = data + size;
	size_t ops;

	if (size < PICTURE_HEAD_BYTES)
		return false;
	memset(picture, 0, sizeof(*picture));
	picture->flags = data[8];
	picture->fail = get_le(data + 10, 2);
	host_init(&picture->host, get_le(data, 8),
		  picture->flags & PICTURE_DEVICE);
	picture->host.ram.no_punch = picture->flags & PICTURE_NO_PUNCH;
	picture->host.ram.no_holes |= !!(picture->flags & PICTURE_NO_HOLES);
	picture->ops = min_t(size_t, data[9], PICTURE_OPS);
	data += PICTURE_HEAD_BYTES;
	ops = picture->ops * sizeof(*picture->op);
	if ((size_t)(end - data) < ops)
		picture->ops = 0;
	ops = picture->ops * sizeof(*picture->op);
	memcpy(picture->op, data, ops);
	load_pieces(picture, data + ops, end);
	picture->host.ram.size = bounded_size(picture, picture->host.ram.size);
	return true;
}

void picture_destroy(struct picture *picture)
{
	host_destroy(&picture->host);
}

/* ---- save --------------------------------------------------------------- */

struct output {
	u8 *data;
	size_t room;
	size_t used;
	bool full;
};

static void put_bytes(struct output *out, const u8 *bytes, size_t len)
{
	if (out->full || len > out->room - out->used) {
		out->full = true;
		return;
	}
	memcpy(out->data + out->used, bytes, len);
	out->used += len;
}

static void put_run(struct output *out, u64 offset, const u8 *bytes, size_t len,
		    bool fill)
{
	u8 head[PIECE_HEAD_BYTES];

	if (!len)
		return;
	put_le(head, offset, 6);
	put_le(head + 6, len | (fill ? PIECE_FILL : 0), 2);
	put_bytes(out, head, sizeof(head));
	put_bytes(out, bytes, fill ? 1 : len);
}

/* How many bytes from here on, at most @len, are alike. */
static size_t alike(const u8 *bytes, size_t len)
{
	size_t n = 1;

	while (n < len && bytes[n] == bytes[0])
		n++;
	return n;
}

/* Pieces for what is not zero; each stretch of one byte by itself. */
static void save_page(struct output *out, u64 offset, const u8 *bytes,
		      size_t len)
{
	size_t start = 0, at = 0;

	while (at < len) {
		size_t n = alike(bytes + at, len - at);
		size_t least = bytes[at] ? FILL_BYTES : GAP_BYTES;

		if (n < least && at + n < len) {
			at += n;
			continue;
		}
		if (bytes[at] && n < least) {
			at += n;
			break;
		}
		put_run(out, offset + start, bytes + start, at - start, false);
		if (bytes[at])
			put_run(out, offset + at, bytes + at, n, true);
		at += n;
		start = at;
	}
	put_run(out, offset + start, bytes + start, at - start, false);
}

static void save_image(struct output *out, const struct ram *ram)
{
	u64 at = 0, len;

	while (!out->full) {
		at = store_next_data(&ram->store, at, ram->size);
		if (at >= ram->size)
			break;
		len = min_t(u64, STORE_PAGE, ram->size - at);
		save_page(out, at, store_page(&ram->store, at), len);
		at += len;
	}
}

size_t picture_save(const struct picture *picture, u8 *data, size_t room)
{
	struct output out = { .data = data, .room = room };
	u8 head[PICTURE_HEAD_BYTES];

	put_le(head, picture->host.ram.size, 8);
	head[8] = picture->flags;
	head[9] = picture->ops;
	put_le(head + 10, picture->fail, 2);
	put_bytes(&out, head, sizeof(head));
	put_bytes(&out, (const u8 *)picture->op,
		  picture->ops * sizeof(*picture->op));
	save_image(&out, &picture->host.ram);
	return out.full ? 0 : out.used;
}
