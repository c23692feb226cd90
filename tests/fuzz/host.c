// SPDX-License-Identifier: GPL-2.0-only
/*
 * A RAM container that gives up in time.
 */
#include "host.h"

static const struct vhdx_container_ops *ram_ops;

static struct host *to_host(struct vhdx_container *c)
{
	return container_of(c, struct host, ram.container);
}

/* Take @len from what is left; false if that is not enough. */
static bool spend(struct host *host, u64 *left, u64 len)
{
	if (len > *left) {
		*left = 0;
		host->exhausted = true;
		return false;
	}
	*left -= len;
	return true;
}

static int host_read(struct vhdx_container *c, u64 offset, void *buf,
		     size_t len)
{
	struct host *host = to_host(c);

	if (!spend(host, &host->may_read, len))
		return -EIO;
	return ram_ops->read(c, offset, buf, len);
}

static int host_write(struct vhdx_container *c, u64 offset, const void *buf,
		      size_t len)
{
	struct host *host = to_host(c);
	u64 end;

	if (!check_add_overflow(offset, len, &end) && end > HOST_REACH &&
	    end <= host->ram.size) {
		host->exhausted = true;
		return -ENOSPC;
	}
	if (!spend(host, &host->may_write, len))
		return -ENOSPC;
	return ram_ops->write(c, offset, buf, len);
}

static int host_flush(struct vhdx_container *c)
{
	return ram_ops->flush(c);
}

static int host_punch(struct vhdx_container *c, u64 offset, u64 len)
{
	return ram_ops->punch(c, offset, len);
}

static int host_resize(struct vhdx_container *c, u64 size)
{
	return ram_ops->resize(c, size);
}

static u64 host_size(struct vhdx_container *c)
{
	return ram_ops->size(c);
}

static u64 host_next_data(struct vhdx_container *c, u64 offset, u64 end)
{
	return ram_ops->next_data(c, offset, end);
}

static const struct vhdx_container_ops host_ops = {
	.read = host_read,
	.write = host_write,
	.flush = host_flush,
	.punch = host_punch,
	.resize = host_resize,
	.size = host_size,
	.next_data = host_next_data,
};

void host_refresh(struct host *host)
{
	host->may_read = HOST_READS;
	host->may_write = HOST_WRITES;
}

static void host_take_over(struct host *host)
{
	ram_ops = host->ram.container.ops;
	host->ram.container.ops = &host_ops;
	host->exhausted = false;
	host_refresh(host);
}

void host_init(struct host *host, u64 size, bool device)
{
	if (device)
		ram_init_device(&host->ram, size);
	else
		ram_init(&host->ram, size);
	host_take_over(host);
}

void host_clone(struct host *host, const struct host *from)
{
	ram_clone(&host->ram, &from->ram);
	host_take_over(host);
}

void host_destroy(struct host *host)
{
	ram_destroy(&host->ram);
}

bool host_has_failed(const struct host *host)
{
	return host->exhausted || host->ram.failed;
}
