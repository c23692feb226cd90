// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mutator: what libFuzzer calls for a new input, and what both formats
 * need.
 */
#include "door.h"
#include "mutate.h"

#define MIB (1024 * 1024ULL)

size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size,
			       unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const u8 *a, size_t a_size, const u8 *b,
				 size_t b_size, u8 *out, size_t max_size,
				 unsigned int seed);

/* ---- numbers --------------------------------------------------------------- */

u64 mutate_random(struct mutator *m, u64 below)
{
	m->random += 0x9e3779b97f4a7c15ULL;
	u64 x = m->random;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	x ^= x >> 31;
	return below ? x % below : x;
}

bool mutate_chance(struct mutator *m, unsigned int one_in)
{
	return !mutate_random(m, one_in);
}

u64 mutate_get(const struct ram *ram, u64 at, unsigned int bytes, bool big)
{
	u64 value = 0;

	if (big) {
		ram_peek(ram, at, (u8 *)&value + 8 - bytes, bytes);
		return be64_to_cpu(value);
	}
	ram_peek(ram, at, &value, bytes);
	return le64_to_cpu(value);
}

/* Only what is in the file and in reach: the file does not grow by this. */
static bool in_reach(const struct ram *ram, u64 at, u64 bytes)
{
	u64 end = min_t(u64, ram->size, PICTURE_REACH);

	return at < end && bytes <= end - at;
}

void mutate_put(struct ram *ram, u64 at, u64 value, unsigned int bytes,
		bool big)
{
	if (!in_reach(ram, at, bytes))
		return;
	if (big) {
		value = cpu_to_be64(value);
		ram_poke(ram, at, (u8 *)&value + 8 - bytes, bytes);
	} else {
		value = cpu_to_le64(value);
		ram_poke(ram, at, &value, bytes);
	}
}

static const u64 magic[] = {
	0, 1, 2, 3, 4, 6, 7, 8, 16, 126, 127, 128, 255, 256, 511, 512, 513,
	1024, 2047, 2048, 4095, 4096, 4097, 65535, 65536, MIB - 1, MIB,
	MIB + 1, 2 * MIB, 32 * MIB, 64 * MIB, 256 * MIB, 512 * MIB,
	0x7fffffff, 0x80000000, 0xfffffe00, 0xffffffff, 0x100000000,
	0x200000000, 1ULL << 40, 1ULL << 41, 1ULL << 46, 1ULL << 47,
	1ULL << 62, 0x7fffffffffffffff, 0x8000000000000000, -512ULL,
	-4096ULL, -MIB, -1ULL,
};

static u64 near_size(struct mutator *m)
{
	static const u64 units[] = { 1, 512, 4096, 65536, MIB };
	u64 unit = units[mutate_random(m, ARRAY_SIZE(units))];
	u64 value = m->ram->size / unit;

	value += mutate_random(m, 5) - 3;
	return mutate_chance(m, 4) ? value : value * unit;
}

static u64 other_number(struct mutator *m, u64 old)
{
	switch (mutate_random(m, 9)) {
	case 0:
		return old + 1 + mutate_random(m, 8);
	case 1:
		return old - 1 - mutate_random(m, 8);
	case 2:
		return old ^ 1ULL << mutate_random(m, 64);
	case 3:
		return old + (1ULL << mutate_random(m, 48));
	case 4:
		return old - (1ULL << mutate_random(m, 48));
	case 5:
		return near_size(m);
	case 6:
		return mutate_random(m, 40) * MIB;
	case 7:
		return mutate_random(m, 0) >> mutate_random(m, 64);
	default:
		return magic[mutate_random(m, ARRAY_SIZE(magic))];
	}
}

static void other_bytes(struct mutator *m, u64 at, unsigned int bytes)
{
	u8 old[64];

	bytes = min_t(unsigned int, bytes, sizeof(old));
	ram_peek(m->ram, at, old, bytes);
	if (mutate_chance(m, 3))
		memset(old, mutate_chance(m, 2) ? 0 : 255, bytes);
	else
		old[mutate_random(m, bytes)] ^= 1 << mutate_random(m, 8);
	if (in_reach(m->ram, at, bytes))
		ram_poke(m->ram, at, old, bytes);
}

void mutate_field(struct mutator *m, u64 at, unsigned int bytes, bool big)
{
	if (bytes > 8)
		other_bytes(m, at, bytes);
	else
		mutate_put(m->ram, at,
			   other_number(m, mutate_get(m->ram, at, bytes, big)),
			   bytes, big);
}

void mutate_one_of(struct mutator *m, u64 at, const struct field *fields,
		   size_t count, bool big)
{
	const struct field *field = &fields[mutate_random(m, count)];

	mutate_field(m, at + field->offset, field->bytes, big);
}

void mutate_copy(struct mutator *m, u64 from, u64 to, size_t len)
{
	u8 *bytes = malloc(len);

	if (!bytes)
		abort();
	ram_peek(m->ram, from, bytes, len);
	if (in_reach(m->ram, to, len))
		ram_poke(m->ram, to, bytes, len);
	free(bytes);
}

void mutate_swap(struct mutator *m, u64 a, u64 b, size_t len)
{
	u8 *bytes = malloc(len);

	if (!bytes)
		abort();
	ram_peek(m->ram, a, bytes, len);
	mutate_copy(m, b, a, len);
	if (in_reach(m->ram, b, len))
		ram_poke(m->ram, b, bytes, len);
	free(bytes);
}

/* ---- what both formats have ------------------------------------------------- */

static bool is_vhdx(const struct ram *ram)
{
	u8 signature[8];

	ram_peek(ram, 0, signature, sizeof(signature));
	return !memcmp(signature, "vhdxfile", sizeof(signature));
}

static void resize(struct mutator *m, u64 size)
{
	struct vhdx_container *c = &m->ram->container;
	bool fixed = c->fixed_size;

	c->fixed_size = false;
	c->ops->resize(c, size & ~(1ULL << 63));
	c->fixed_size = fixed;
}

/* A VHD keeps its footer, mostly. */
static void mutate_size(struct mutator *m)
{
	u64 old = m->ram->size;
	u64 size = mutate_chance(m, 2) ? near_size(m) : other_number(m, old);
	u8 footer[512];

	/* Long files are slow, and all alike. */
	if (size > 1ULL << 36 && !mutate_chance(m, 64))
		size = old + mutate_random(m, 8) * 512;
	if (old < sizeof(footer) || size < sizeof(footer) ||
	    size > PICTURE_REACH || mutate_chance(m, 4) || is_vhdx(m->ram)) {
		resize(m, size);
		return;
	}
	ram_peek(m->ram, old - sizeof(footer), footer, sizeof(footer));
	resize(m, size);
	ram_poke(m->ram, size - sizeof(footer), footer, sizeof(footer));
}

static void random_op(struct mutator *m, struct picture_op *op)
{
	u64 bits = mutate_random(m, 0);

	op->kind = mutate_random(m, OP_KINDS);
	op->len = mutate_chance(m, 2) ? mutate_random(m, 20) : bits;
	op->block = cpu_to_le16(mutate_chance(m, 3) ? bits >> 8 :
				mutate_random(m, 4) - mutate_random(m, 2));
	op->at = cpu_to_le32(mutate_chance(m, 2) ? 0 : bits >> 32);
}

static void mutate_ops(struct mutator *m)
{
	struct picture *p = m->picture;
	u64 i = p->ops ? mutate_random(m, p->ops) : 0;

	if (p->ops < PICTURE_OPS && (!p->ops || mutate_chance(m, 2))) {
		memmove(&p->op[i + 1], &p->op[i],
			(p->ops - i) * sizeof(p->op[0]));
		p->ops++;
		random_op(m, &p->op[i]);
	} else if (mutate_chance(m, 2)) {
		p->ops--;
		memmove(&p->op[i], &p->op[i + 1],
			(p->ops - i) * sizeof(p->op[0]));
	} else {
		random_op(m, &p->op[i]);
	}
}

static void mutate_host(struct mutator *m)
{
	if (mutate_chance(m, 2))
		m->picture->fail = mutate_chance(m, 2) ? 0 :
				   mutate_random(m, 80);
	else
		m->picture->flags ^= 1 << mutate_random(m, 8);
}

static void mutate_image(struct mutator *m)
{
	bool vhdx = is_vhdx(m->ram);

	if (door_focus == DOOR_LOG && vhdx && !mutate_chance(m, 4))
		mutate_vhdx_log(m);
	else if (vhdx && !(door_focus == DOOR_VHD && mutate_chance(m, 2)))
		mutate_vhdx(m);
	else
		mutate_vhd(m);
}

static void mutate(struct mutator *m)
{
	unsigned int rounds = 1 + mutate_random(m, 3);

	while (rounds--) {
		switch (mutate_random(m, 12)) {
		case 0:
			mutate_size(m);
			break;
		case 1:
		case 2:
			mutate_ops(m);
			break;
		case 3:
			mutate_host(m);
			break;
		default:
			mutate_image(m);
		}
	}
	/* A wrong checksum is a field like another, but stops most things. */
	if (mutate_chance(m, 16))
		return;
	if (is_vhdx(m->ram))
		mutate_vhdx_seal(m->ram);
	else
		mutate_vhd_seal(m->ram);
}

/* ---- libFuzzer -------------------------------------------------------------- */

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size,
			       unsigned int seed)
{
	struct picture picture;
	struct mutator m = { &picture, &picture.host.ram, seed };
	size_t saved;

	if (mutate_chance(&m, 8))
		size = LLVMFuzzerMutate(data, size, max_size);
	if (!picture_load(&picture, data, size))
		return LLVMFuzzerMutate(data, size, max_size);
	mutate(&m);
	saved = picture_save(&picture, data, max_size);
	picture_destroy(&picture);
	return saved ? saved : min(size, max_size);
}

/* A stretch of the one's file into the other's, or the other's operations. */
static void cross(struct mutator *m, const struct picture *from)
{
	static const u64 units[] = { 512, 4096, 65536, MIB };
	u64 unit = units[mutate_random(m, ARRAY_SIZE(units))];
	u64 size = min_t(u64, m->ram->size, from->host.ram.size);
	u64 at;

	if (mutate_chance(m, 3) || size < unit) {
		m->picture->ops = from->ops;
		memcpy(m->picture->op, from->op, sizeof(from->op));
		return;
	}
	at = mutate_random(m, size / unit) * unit;
	at = ALIGN_DOWN(store_next_data(&from->host.ram.store, at, size), unit);
	if (in_reach(m->ram, at, unit))
		store_share(&m->ram->store, &from->host.ram.store, at, unit);
}

size_t LLVMFuzzerCustomCrossOver(const u8 *a, size_t a_size, const u8 *b,
				 size_t b_size, u8 *out, size_t max_size,
				 unsigned int seed)
{
	struct picture picture, from;
	struct mutator m = { &picture, &picture.host.ram, seed };
	size_t saved = 0;

	if (!picture_load(&picture, a, a_size))
		return 0;
	if (picture_load(&from, b, b_size)) {
		cross(&m, &from);
		if (is_vhdx(m.ram))
			mutate_vhdx_seal(m.ram);
		else
			mutate_vhd_seal(m.ram);
		picture_destroy(&from);
		saved = picture_save(&picture, out, max_size);
	}
	picture_destroy(&picture);
	return saved;
}
