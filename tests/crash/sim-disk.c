// SPDX-License-Identifier: GPL-2.0-only
/*
 * A simulated disk that loses what was not flushed.
 */
#include <stdio.h>

#include "sim-disk.h"

void sim_state_copy(struct sim_state *to, const struct sim_state *from)
{
	*to = *from;
	store_clone(&to->store, &from->store);
}

void sim_state_destroy(struct sim_state *state)
{
	store_destroy(&state->store);
}

u64 sim_state_hash(const struct sim_state *state)
{
	return store_hash(&state->store) ^ state->size * 0x9e3779b97f4a7c15ULL;
}

static struct sim_disk *to_sim(struct vhdx_container *c)
{
	return container_of(c, struct sim_disk, container);
}

/* Count an operation; -errno if this one has to fail. */
static int sim_enter(struct sim_disk *disk, enum sim_kind kind)
{
	disk->operations++;
	if (!disk->fail_at || disk->operations < disk->fail_at)
		return 0;
	if (disk->operations > disk->fail_at && !disk->fail_for_ever)
		return 0;
	disk->failed++;
	disk->failed_kind = kind;
	disk->failed_growing = false;
	return -disk->fail_errno;
}

static bool inside(const struct sim_disk *disk, u64 offset, u64 len)
{
	return offset <= disk->now.size && len <= disk->now.size - offset;
}

static int sim_misuse(struct sim_disk *disk, const char *what, u64 offset,
		      u64 len)
{
	fprintf(stderr, "misuse: %s %llu+%llu in a file of %llu\n", what,
		(unsigned long long)offset, (unsigned long long)len,
		(unsigned long long)disk->now.size);
	disk->misuse++;
	return -EINVAL;
}

/* Remember a change that has been made to disk->now. */
static void sim_record(struct sim_disk *disk, enum sim_kind kind, u64 offset,
		       u64 len)
{
	struct sim_change *change;

	if (disk->changes == disk->room) {
		disk->room = disk->room ? 2 * disk->room : 16;
		disk->change = realloc(disk->change,
				       disk->room * sizeof(*disk->change));
		if (!disk->change)
			abort();
	}
	change = &disk->change[disk->changes++];
	change->kind = kind;
	change->offset = offset;
	change->len = len;
	change->size = disk->now.size;
	store_clone(&change->after, &disk->now.store);
}

static int sim_read(struct vhdx_container *c, u64 offset, void *buf, size_t len)
{
	struct sim_disk *disk = to_sim(c);
	int ret = disk->fail_reads ? sim_enter(disk, SIM_READ) : 0;

	if (ret)
		return ret;
	if (!inside(disk, offset, len))
		return -EUCLEAN;
	store_read(&disk->now.store, offset, buf, len);
	return 0;
}

static int sim_write(struct vhdx_container *c, u64 offset, const void *buf,
		     size_t len)
{
	struct sim_disk *disk = to_sim(c);
	int ret = sim_enter(disk, SIM_WRITE);

	if (!inside(disk, offset, len))
		return sim_misuse(disk, "write", offset, len);
	if (ret) {
		disk->failed_offset = offset;
		len = disk->fail_whole ? 0 : ALIGN_DOWN(len / 2, SIM_SECTOR);
	}
	if (len) {
		store_write(&disk->now.store, offset, buf, len);
		sim_record(disk, SIM_WRITE, offset, len);
	}
	return ret;
}

static int sim_punch(struct vhdx_container *c, u64 offset, u64 len)
{
	struct sim_disk *disk = to_sim(c);
	int ret = sim_enter(disk, SIM_PUNCH);

	if (!inside(disk, offset, len))
		return sim_misuse(disk, "punch", offset, len);
	if (ret)
		return ret;
	if (disk->now.no_punch)
		return -EOPNOTSUPP;
	store_punch(&disk->now.store, offset, len);
	sim_record(disk, SIM_PUNCH, offset, len);
	return 0;
}

static int sim_resize(struct vhdx_container *c, u64 size)
{
	struct sim_disk *disk = to_sim(c);
	int ret = sim_enter(disk, SIM_RESIZE);

	if (ret) {
		disk->failed_growing = size > disk->now.size;
		return ret;
	}
	if (disk->now.device)
		return size <= disk->now.size ? 0 : -ENOSPC;
	if (size == disk->now.size)
		return 0;
	if (size < disk->now.size)
		store_punch(&disk->now.store, size, disk->now.size - size);
	disk->now.size = size;
	sim_record(disk, SIM_RESIZE, 0, 0);
	return 0;
}

static void forget_changes(struct sim_disk *disk)
{
	size_t i;

	for (i = 0; i < disk->changes; i++)
		store_destroy(&disk->change[i].after);
	disk->changes = 0;
}

/*
 * After a failed flush nobody knows what has reached the medium, and hosts do
 * not write it again: everything stays doubtful for ever, whatever later
 * flushes say.
 */
static int sim_flush(struct vhdx_container *c)
{
	struct sim_disk *disk = to_sim(c);
	int ret = sim_enter(disk, SIM_FLUSH);

	disk->flushes++;
	if (ret)
		disk->doubtful = true;
	if (!disk->changes || disk->doubtful)
		return ret;
	if (disk->before_flush)
		disk->before_flush(disk, disk->arg);
	sim_state_destroy(&disk->durable);
	sim_state_copy(&disk->durable, &disk->now);
	forget_changes(disk);
	return 0;
}

static u64 sim_size(struct vhdx_container *c)
{
	return to_sim(c)->now.size;
}

static u64 sim_next_data(struct vhdx_container *c, u64 offset, u64 end)
{
	struct sim_disk *disk = to_sim(c);

	return disk->now.device ? offset :
	       store_next_data(&disk->now.store, offset, end);
}

static const struct vhdx_container_ops sim_ops = {
	.read = sim_read,
	.write = sim_write,
	.flush = sim_flush,
	.punch = sim_punch,
	.resize = sim_resize,
	.size = sim_size,
	.next_data = sim_next_data,
};

void sim_disk_init(struct sim_disk *disk, const struct sim_state *state)
{
	memset(disk, 0, sizeof(*disk));
	disk->container.ops = &sim_ops;
	disk->container.fixed_size = state->device;
	sim_state_copy(&disk->durable, state);
	sim_state_copy(&disk->now, state);
}

void sim_disk_destroy(struct sim_disk *disk)
{
	forget_changes(disk);
	free(disk->change);
	sim_state_destroy(&disk->durable);
	sim_state_destroy(&disk->now);
}

/* What lies past the end of the file is lost. */
static void apply_range(struct sim_state *state, const struct sim_change *change,
			u64 offset, u64 len)
{
	if (offset >= state->size)
		return;
	store_share(&state->store, &change->after, offset,
		    min(len, state->size - offset));
}

static void apply_size(struct sim_state *state, u64 size)
{
	if (size < state->size)
		store_punch(&state->store, size, state->size - size);
	state->size = size;
}

static void apply(const struct sim_disk *disk, const struct sim_cut *cut,
		  size_t i, struct sim_state *state)
{
	const struct sim_change *change = &disk->change[i];
	u64 from = change->offset, to = change->offset + change->len;

	if (!cut->survives[i])
		return;
	if (change->kind == SIM_RESIZE) {
		apply_size(state, change->size);
		return;
	}
	if (cut->torn == (int)i) {
		to = min(to, from + cut->torn_to * SIM_SECTOR);
		from = min(to, from + cut->torn_from * SIM_SECTOR);
	}
	apply_range(state, change, from, to - from);
}

void sim_disk_cut(const struct sim_disk *disk, const struct sim_cut *cut,
		  struct sim_state *state)
{
	size_t i;

	sim_state_copy(state, &disk->durable);
	for (i = 0; i < disk->changes; i++) {
		if (cut->swapped >= 0 && cut->swapped_before == (int)i)
			apply(disk, cut, cut->swapped, state);
		if (cut->swapped != (int)i)
			apply(disk, cut, i, state);
	}
}

void sim_change_print(const struct sim_change *change, char *buf, size_t len)
{
	if (change->kind == SIM_RESIZE)
		snprintf(buf, len, "resize to %llu",
			 (unsigned long long)change->size);
	else
		snprintf(buf, len, "%s %#llx+%#llx",
			 change->kind == SIM_WRITE ? "write" : "punch",
			 (unsigned long long)change->offset,
			 (unsigned long long)change->len);
}
