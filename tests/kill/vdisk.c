// SPDX-License-Identifier: GPL-2.0-only
/* A disk with a volatile cache, see vdisk.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "random.h"
#include "vdisk.h"

/**
 * struct vdisk_change - a write, or zeroes
 * @durable: it survives whatever happens to the others (FUA)
 * @zero: has no data
 */
struct vdisk_change {
	struct vdisk_change *next;
	uint64_t offset;
	uint64_t len;
	bool durable;
	bool zero;
	uint8_t data[];
};

/**
 * struct survival - who lives
 * @percent: of the changes
 * @from: whatever @percent says, the changes from here
 * @to: and up to here do, or do not if @except
 */
struct survival {
	unsigned int percent;
	uint64_t from;
	uint64_t to;
	bool except;
};

enum fate { FORGOTTEN, TORN, KEPT };

int vdisk_open(struct vdisk *disk, const char *path)
{
	struct stat st;

	*disk = (struct vdisk) { .fd = open(path, O_RDWR | O_CLOEXEC) };
	disk->last = &disk->first;
	if (disk->fd < 0 || fstat(disk->fd, &st))
		return -errno;
	disk->bytes = st.st_size;
	disk->now = mmap(NULL, disk->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			 disk->fd, 0);
	return disk->now == MAP_FAILED ? -errno : 0;
}

static bool outside(const struct vdisk *disk, uint64_t offset, uint64_t len)
{
	return offset > disk->bytes || len > disk->bytes - offset;
}

int vdisk_read(struct vdisk *disk, uint64_t offset, void *buf, size_t len)
{
	if (outside(disk, offset, len))
		return -EINVAL;
	memcpy(buf, disk->now + offset, len);
	return 0;
}

static struct vdisk_change *add(struct vdisk *disk, uint64_t offset,
				uint64_t len, size_t data_len)
{
	struct vdisk_change *change = malloc(sizeof(*change) + data_len);

	if (!change)
		return NULL;
	*change = (struct vdisk_change) {
		.offset = offset,
		.len = len,
		.zero = !data_len,
	};
	*disk->last = change;
	disk->last = &change->next;
	disk->changes++;
	return change;
}

int vdisk_write(struct vdisk *disk, uint64_t offset, const void *buf,
		size_t len, bool durable)
{
	struct vdisk_change *change;

	if (outside(disk, offset, len) || !len)
		return -EINVAL;
	change = add(disk, offset, len, len);
	if (!change)
		return -ENOMEM;
	change->durable = durable;
	memcpy(change->data, buf, len);
	memcpy(disk->now + offset, buf, len);
	return 0;
}

int vdisk_zero(struct vdisk *disk, uint64_t offset, uint64_t len, bool durable)
{
	struct vdisk_change *change;

	if (outside(disk, offset, len) || !len)
		return -EINVAL;
	change = add(disk, offset, len, 0);
	if (!change)
		return -ENOMEM;
	change->durable = durable;
	memset(disk->now + offset, 0, len);
	return 0;
}

static int save_data(int fd, uint64_t offset, const uint8_t *data, size_t len)
{
	ssize_t put;

	for (; len; data += put, offset += put, len -= put) {
		put = pwrite(fd, data, len, offset);
		if (put < 0)
			return -errno;
	}
	return 0;
}

/* @from and @len within the change. */
static int save(struct vdisk *disk, const struct vdisk_change *change,
		uint64_t from, uint64_t len)
{
	uint64_t offset = change->offset + from;

	if (!len)
		return 0;
	if (!change->zero)
		return save_data(disk->fd, offset, change->data + from, len);
	return fallocate(disk->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 offset, len) ? -errno : 0;
}

static void forget_all(struct vdisk *disk)
{
	struct vdisk_change *change;

	while ((change = disk->first)) {
		disk->first = change->next;
		free(change);
	}
	disk->last = &disk->first;
	disk->changes = 0;
}

static int save_all(struct vdisk *disk)
{
	const struct vdisk_change *change;
	int err = 0;

	for (change = disk->first; change && !err; change = change->next)
		err = save(disk, change, 0, change->len);
	forget_all(disk);
	return err;
}

int vdisk_flush(struct vdisk *disk)
{
	if (kill_random(&disk->random) % 100 < disk->lies)
		return 0;
	return save_all(disk);
}

int vdisk_close(struct vdisk *disk)
{
	int err = save_all(disk);

	munmap(disk->now, disk->bytes);
	close(disk->fd);
	return err;
}

static struct survival choose(enum vdisk_mood mood, uint64_t changes,
			      uint64_t *random)
{
	uint64_t one = changes ? kill_random(random) % changes : 0;

	if (mood == VDISK_ANY)
		mood = 1 + kill_random(random) % (VDISK_MOODS - 1);
	switch (mood) {
	case VDISK_ONE_SURVIVES:
		return (struct survival) { 0, one, one + 1, false };
	case VDISK_FEW_SURVIVE:
		return (struct survival) { .percent = 10 };
	case VDISK_HALF_SURVIVES:
		return (struct survival) { .percent = 50 };
	case VDISK_MOST_SURVIVE:
		return (struct survival) { .percent = 90 };
	case VDISK_ONE_IS_LOST:
		return (struct survival) { 100, one, one + 1, true };
	case VDISK_THE_FIRST_SURVIVE:
		return (struct survival) { 0, 0, one, false };
	case VDISK_THE_LAST_SURVIVE:
		return (struct survival) { 0, one, changes, false };
	default:
		return (struct survival) { .percent = 0 };
	}
}

static bool survives(const struct survival *who, uint64_t number,
		     uint64_t *random)
{
	bool lucky = kill_random(random) % 100 < who->percent;

	if (number >= who->from && number < who->to)
		return !who->except;
	return lucky;
}

/* Saves the first sectors, the last ones, or any. */
static int save_torn(struct vdisk *disk, const struct vdisk_change *change,
		     uint64_t *random)
{
	uint64_t how = kill_random(random) % 3;
	uint64_t at = kill_random(random) % change->len;
	uint64_t cut = at - (change->offset + at) % VDISK_SECTOR;
	uint64_t from, len;
	int err = 0;

	if (at < (change->offset + at) % VDISK_SECTOR)
		cut = 0;
	if (how == 0)
		return save(disk, change, 0, cut);
	if (how == 1)
		return save(disk, change, cut, change->len - cut);
	for (from = 0; from < change->len && !err; from += len) {
		len = VDISK_SECTOR - (change->offset + from) % VDISK_SECTOR;
		if (len > change->len - from)
			len = change->len - from;
		if (kill_random(random) % 2)
			err = save(disk, change, from, len);
	}
	return err;
}

static int save_or_not(struct vdisk *disk, const struct vdisk_change *change,
		       bool lives, uint64_t *random, struct vdisk_loss *loss)
{
	bool torn = kill_random(random) % 4 == 0;
	bool sectors = change->len > VDISK_SECTOR;

	if (change->durable || (lives && !(torn && sectors))) {
		loss->kept++;
		return save(disk, change, 0, change->len);
	}
	if (!lives) {
		loss->forgotten++;
		return 0;
	}
	loss->torn++;
	return save_torn(disk, change, random);
}

static int lost_bytes(struct vdisk *disk, uint64_t *lost)
{
	const struct vdisk_change *change;
	uint8_t saved[VDISK_SECTOR];
	uint64_t at, end;

	for (change = disk->first; change; change = change->next) {
		at = change->offset - change->offset % VDISK_SECTOR;
		end = change->offset + change->len;
		for (; at < end; at += VDISK_SECTOR) {
			if (pread(disk->fd, saved, sizeof(saved), at) < 0)
				return -errno;
			if (!memcmp(saved, disk->now + at, sizeof(saved)))
				continue;
			*lost += sizeof(saved);
			/* Counted once, however many changes were here. */
			memcpy(disk->now + at, saved, sizeof(saved));
		}
	}
	return 0;
}

int vdisk_cut(struct vdisk *disk, enum vdisk_mood mood, uint64_t seed,
	      struct vdisk_loss *loss)
{
	struct survival who = choose(mood, disk->changes, &seed);
	const struct vdisk_change *change;
	uint64_t number = 0;
	int err = 0;

	*loss = (struct vdisk_loss) { .changes = disk->changes };
	for (change = disk->first; change && !err; change = change->next)
		err = save_or_not(disk, change, survives(&who, number++, &seed),
				  &seed, loss);
	if (!err)
		err = lost_bytes(disk, &loss->lost_bytes);
	forget_all(disk);
	vdisk_close(disk);
	return err;
}
