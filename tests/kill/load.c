// SPDX-License-Identifier: GPL-2.0-only
/*
 * load - keep an image busy until the machine is killed
 *
 * Runs in the guest as its only program. Waits until the shared memory says what
 * to do: at this point the machine is saved, before it has seen its disk, and
 * every life begins here. Then maps the image, does what the plan says, and keeps
 * the journal outside.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dm.h"
#include "journal.h"
#include "plan.h"

#define NAME "kill"
#define DEVICE "/dev/dm-0"

static struct {
	struct journal *journal;
	struct journal_task task;
	struct plan plan;
	int fd;
} l;

static void end(const char *what)
{
	int error = errno;

	printf("load: %s: %s\n", what, strerror(error));
	if (l.journal) {
		l.journal->error = error;
		l.journal->state = JOURNAL_ENDED;
	}
	for (;;)
		pause();
}

static void put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		end(path);
	close(fd);
}

static bool is_shared_memory(const char *folder)
{
	char path[256], text[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/device", folder);
	file = fopen(path, "r");
	if (file) {
		if (!fgets(text, sizeof(text), file))
			text[0] = 0;
		fclose(file);
	}
	return !strcmp(text, "0x1110\n");
}

static void open_journal(void)
{
	char path[256];
	glob_t found;
	size_t i;
	int fd;

	if (glob("/sys/bus/pci/devices/*", 0, NULL, &found))
		end("no PCI");
	for (i = 0; i < found.gl_pathc; i++)
		if (is_shared_memory(found.gl_pathv[i]))
			break;
	if (i == found.gl_pathc)
		end("no shared memory");
	snprintf(path, sizeof(path), "%s/enable", found.gl_pathv[i]);
	put_text(path, "1");
	snprintf(path, sizeof(path), "%s/resource2", found.gl_pathv[i]);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		end(path);
	l.journal = mmap(NULL, JOURNAL_BYTES, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
	if (l.journal == MAP_FAILED) {
		l.journal = NULL;
		end("mmap");
	}
}

static void wait_for_task(void)
{
	struct rand_pool_info *pool;
	int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

	l.journal->state = JOURNAL_WAITING;
	while (!l.journal->go) {
		l.journal->beats++;
		usleep(5000);
	}
	l.task = l.journal->task;
	pool = calloc(1, sizeof(*pool) + sizeof(l.task.entropy));
	if (!pool)
		end("memory");
	pool->entropy_count = 8 * sizeof(l.task.entropy);
	pool->buf_size = sizeof(l.task.entropy);
	memcpy(pool->buf, l.task.entropy, sizeof(l.task.entropy));
	if (ioctl(fd, RNDADDENTROPY, pool) || ioctl(fd, RNDRESEEDCRNG))
		end("entropy");
	close(fd);
	free(pool);
}

static void find_disk(void)
{
	int fd = open("/mods/virtio_blk.ko", O_RDONLY | O_CLOEXEC), tries = 500;

	if (syscall(SYS_finit_module, fd, "", 0))
		end("virtio_blk");
	close(fd);
	while (access("/dev/vda", R_OK) && --tries)
		usleep(10000);
	if (l.task.file_system &&
	    mount("/dev/vda", "/mnt", "ext4", MS_NOATIME, NULL))
		end("mounting");
}

static void map_image(void)
{
	int sector_bytes;

	if (dm_create(NAME, l.task.sectors, "vhdx", l.task.table))
		end("mapping");
	l.fd = open(DEVICE, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (l.fd < 0 || ioctl(l.fd, BLKSSZGET, &sector_bytes))
		end(DEVICE);
	plan_init(&l.plan, l.task.seed, l.task.round, l.task.sectors * UNIT,
		  sector_bytes);
}

/* ---- operations: false when the device has failed ------------------------ */

static bool do_write(const struct op *op, uint64_t id, char *buf)
{
	struct iovec vec = { buf, (size_t)op->units * UNIT };
	uint32_t i;

	for (i = 0; i < op->units; i++)
		plan_fill(buf + (size_t)i * UNIT, op->first + i, id);
	return pwritev2(l.fd, &vec, 1, (off_t)op->first * UNIT,
			op->kind == WRITE_DURABLE ? RWF_DSYNC : 0) ==
	       (ssize_t)vec.iov_len;
}

static bool do_release(const struct op *op)
{
	uint64_t range[2] = { (uint64_t)op->first * UNIT,
			      (uint64_t)op->units * UNIT };

	return !ioctl(l.fd, op->kind == DISCARD ? BLKDISCARD : BLKZEROOUT, range);
}

static bool do_flush(struct journal_thread *mine)
{
	uint64_t covered[JOURNAL_THREADS];
	int i;

	for (i = 0; i < JOURNAL_THREADS; i++)
		covered[i] = l.journal->thread[i].done;
	if (fdatasync(l.fd))
		return false;
	for (i = 0; i < JOURNAL_THREADS; i++)
		mine->flushed[i] = covered[i];
	mine->flushes++;
	return true;
}

/* One may be running already, and a fixed VHD has none. */
static void do_compact(uint32_t random)
{
	static const char * const message[] = {
		"compact start pretrimmed",
		"compact start retrim",
		"compact start pretrimmed 1 no_move",
		"compact cancel",
	};

	if (!dm_message(NAME, message[random % 4]))
		l.journal->compactions++;
}

static bool do_op(const struct op *op, uint64_t id, char *buf,
		  struct journal_thread *mine)
{
	switch (op->kind) {
	case WRITE:
	case WRITE_DURABLE:
		return do_write(op, id, buf);
	case DISCARD:
	case ZERO:
		return do_release(op);
	case FLUSH:
		return do_flush(mine);
	case COMPACT:
		do_compact(op->units);
		return true;
	case COMMIT:
		dm_message(NAME, "commit");
		return true;
	default:
		usleep(op->units * 20);
		return true;
	}
}

static void *work(void *arg)
{
	uint32_t thread = (uintptr_t)arg, number;
	struct journal_thread *mine = &l.journal->thread[thread];
	struct op op;
	char *buf;

	if (posix_memalign((void **)&buf, 4096, (size_t)UNITS_MAX * UNIT))
		end("memory");
	for (number = 0;; number++) {
		plan_op(&l.plan, thread, number, &op);
		mine->issued = number + 1;
		if (!do_op(&op, plan_id(&l.plan, thread, number), buf, mine))
			end("the device");
		mine->done = number + 1;
	}
	return NULL;
}

int main(void)
{
	pthread_t thread;
	uintptr_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	open_journal();
	wait_for_task();
	find_disk();
	map_image();
	l.journal->state = JOURNAL_RUNNING;
	for (i = 0; i < l.plan.threads; i++)
		if (pthread_create(&thread, NULL, work, (void *)i))
			end("a thread");
	pthread_exit(NULL);
}
