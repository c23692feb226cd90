// SPDX-License-Identifier: GPL-2.0-only
/*
 * A container in memory for the tests.
 */
#include <stdio.h>
#include <unistd.h>

#include "ram.h"

static struct ram *to_ram(struct vhdx_container *c)
{
	return container_of(c, struct ram, container);
}

/* Count the operation; -errno if this one has to fail. */
static int ram_enter(struct ram *ram, enum ram_op op)
{
	ram->count[op]++;
	if (!(ram->fail_mask & RAM_BIT(op)))
		return 0;
	if (ram->fail_in && !--ram->fail_in)
		goto fail;
	if (!ram->fail_in && ram->failed && ram->fail_for_ever)
		goto fail;
	return 0;

fail:
	ram->failed++;
	return -ram->fail_errno;
}

static void ram_tell(struct ram *ram, enum ram_op op, u64 offset, u64 len)
{
	if (ram->hook)
		ram->hook(ram, op, offset, len);
}

static bool inside(const struct ram *ram, u64 offset, u64 len)
{
	return offset <= ram->size && len <= ram->size - offset;
}

static int ram_read(struct vhdx_container *c, u64 offset, void *buf, size_t len)
{
	struct ram *ram = to_ram(c);
	int ret = ram_enter(ram, RAM_READ);

	if (ret)
		return ret;
	if (!inside(ram, offset, len))
		return -EUCLEAN;
	store_read(&ram->store, offset, buf, len);
	return 0;
}

static bool hits_hole(const struct ram *ram, u64 offset, u64 len)
{
	u64 end = offset + len;

	for (; offset < end; offset = ALIGN_DOWN(offset, STORE_PAGE) + STORE_PAGE)
		if (store_next_data(&ram->store, offset, end) != offset)
			return true;
	return false;
}

static int ram_write(struct vhdx_container *c, u64 offset, const void *buf,
		     size_t len)
{
	struct ram *ram = to_ram(c);
	int ret = ram_enter(ram, RAM_WRITE);

	if (!inside(ram, offset, len)) {
		ram->misuse++;
		return -EINVAL;
	}
	if (ram->full && hits_hole(ram, offset, len))
		return -ENOSPC;
	ram->unflushed = true;
	if (ret && ram->fail_short)
		store_write(&ram->store, offset, buf,
			    ALIGN_DOWN(len / 2, 512));
	if (ret)
		return ret;
	store_write(&ram->store, offset, buf, len);
	ram_tell(ram, RAM_WRITE, offset, len);
	return 0;
}

static int ram_flush(struct vhdx_container *c)
{
	struct ram *ram = to_ram(c);
	int ret = ram_enter(ram, RAM_FLUSH);

	if (ret)
		return ret;
	ram->unflushed = false;
	ram_tell(ram, RAM_FLUSH, 0, 0);
	return 0;
}

static int ram_punch(struct vhdx_container *c, u64 offset, u64 len)
{
	struct ram *ram = to_ram(c);
	int ret = ram_enter(ram, RAM_PUNCH);

	if (ret)
		return ret;
	if (!inside(ram, offset, len)) {
		ram->misuse++;
		return -EINVAL;
	}
	if (ram->no_punch)
		return -EOPNOTSUPP;
	ram->unflushed = true;
	store_punch(&ram->store, offset, len);
	ram_tell(ram, RAM_PUNCH, offset, len);
	return 0;
}

static int ram_resize(struct vhdx_container *c, u64 size)
{
	struct ram *ram = to_ram(c);
	int ret = ram_enter(ram, RAM_RESIZE);

	if (ret)
		return ret;
	if (c->fixed_size)
		return size <= ram->size ? 0 : -ENOSPC;
	if (ram->max_size && size > ram->max_size)
		return -ENOSPC;
	ram->unflushed = true;
	if (size < ram->size)
		store_punch(&ram->store, size, ram->size - size);
	ram->size = size;
	ram_tell(ram, RAM_RESIZE, size, 0);
	return 0;
}

static u64 ram_size(struct vhdx_container *c)
{
	return to_ram(c)->size;
}

static u64 ram_next_data(struct vhdx_container *c, u64 offset, u64 end)
{
	struct ram *ram = to_ram(c);

	return ram->no_holes ? offset :
	       store_next_data(&ram->store, offset, end);
}

static const struct vhdx_container_ops ram_ops = {
	.read = ram_read,
	.write = ram_write,
	.flush = ram_flush,
	.punch = ram_punch,
	.resize = ram_resize,
	.size = ram_size,
	.next_data = ram_next_data,
};

void ram_init(struct ram *ram, u64 size)
{
	memset(ram, 0, sizeof(*ram));
	ram->container.ops = &ram_ops;
	store_init(&ram->store);
	ram->size = size;
}

void ram_init_device(struct ram *ram, u64 size)
{
	ram_init(ram, size);
	ram->container.fixed_size = true;
	ram->no_holes = true;
}

void ram_clone(struct ram *ram, const struct ram *from)
{
	memset(ram, 0, sizeof(*ram));
	ram->container.ops = &ram_ops;
	ram->container.fixed_size = from->container.fixed_size;
	ram->max_size = from->max_size;
	ram->no_punch = from->no_punch;
	ram->no_holes = from->no_holes;
	ram->size = from->size;
	store_clone(&ram->store, &from->store);
}

void ram_destroy(struct ram *ram)
{
	store_destroy(&ram->store);
}

static int load_pages(struct ram *ram, FILE *file)
{
	u8 page[STORE_PAGE];
	size_t got;

	while ((got = fread(page, 1, sizeof(page), file)) > 0) {
		if (!vhdx_is_zero(page, got))
			store_write(&ram->store, ram->size, page, got);
		ram->size += got;
	}
	return ferror(file) ? -EIO : 0;
}

int ram_load(struct ram *ram, const char *path)
{
	FILE *file = fopen(path, "rb");
	int ret;

	ram_init(ram, 0);
	if (!file)
		return -errno;
	ret = load_pages(ram, file);
	fclose(file);
	if (ret)
		ram_destroy(ram);
	return ret;
}

static int save_pages(const struct ram *ram, FILE *file)
{
	u64 at = store_next_data(&ram->store, 0, ram->size);
	size_t now;

	for (; at < ram->size; at = store_next_data(&ram->store, at, ram->size)) {
		now = min_t(u64, STORE_PAGE, ram->size - at);
		if (fseeko(file, at, SEEK_SET) ||
		    fwrite(store_page(&ram->store, at), 1, now, file) != now)
			return -EIO;
		at += now;
	}
	return 0;
}

int ram_save(const struct ram *ram, const char *path)
{
	FILE *file = fopen(path, "wb");
	int ret;

	if (!file)
		return -errno;
	ret = save_pages(ram, file);
	if (fclose(file) && !ret)
		ret = -EIO;
	if (!ret && truncate(path, ram->size))
		ret = -errno;
	return ret;
}

void ram_fail(struct ram *ram, u64 nth, int err, bool for_ever,
	      unsigned int mask)
{
	ram->fail_in = nth;
	ram->fail_errno = err;
	ram->fail_for_ever = for_ever;
	ram->fail_mask = mask;
	ram->failed = 0;
}

u64 ram_changes(const struct ram *ram)
{
	return ram->count[RAM_WRITE] + ram->count[RAM_FLUSH] +
	       ram->count[RAM_PUNCH] + ram->count[RAM_RESIZE];
}

bool ram_same(const struct ram *a, const struct ram *b)
{
	return a->size == b->size &&
	       store_equal(&a->store, &b->store, a->size);
}

void ram_poke(struct ram *ram, u64 offset, const void *buf, size_t len)
{
	ram->size = max(ram->size, offset + len);
	store_write(&ram->store, offset, buf, len);
}

void ram_peek(const struct ram *ram, u64 offset, void *buf, size_t len)
{
	store_read(&ram->store, offset, buf, len);
}
