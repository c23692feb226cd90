// SPDX-License-Identifier: GPL-2.0-only
/*
 * fail-nth IMAGE SECTORS NAME - the nth fault of each operation
 *
 * For each thing that one asks of the device-mapper the kernel is told to fail
 * the first allocation on the way, then the second, and so on until there is
 * none left (/proc/self/fail-nth). What fails must fail as a whole: no device
 * that is half there, no table that is half loaded; and the next try works.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/dm.h"

#define NTH_MAX 20000

static struct {
	const char *name;
	char parameters[4096];
	struct vhdx_dm_table table;
} the;

static void die(const char *operation, unsigned int nth, const char *what)
{
	fprintf(stderr, "fail-nth: %s, fault %u: %s\n", operation, nth, what);
	exit(1);
}

/* Of this thread, from now on. Its own faults are none of ours. */
static void arm(unsigned int nth)
{
	int fd = open("/proc/thread-self/fail-nth", O_WRONLY);

	if (fd < 0 || dprintf(fd, "%u", nth) < 0)
		die("arm", nth, "the kernel injects no faults");
	close(fd);
}

/* Returns whether the fault came. */
static bool disarm(void)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDONLY);
	char text[16] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		die("disarm", 0, "the kernel injects no faults");
	close(fd);
	arm(0);
	return !strtoul(text, NULL, 10);
}

/* ---- operations ------------------------------------------------------------- */

static int create(void)
{
	struct vhdx_error error;

	return vhdx_dm_create(the.name, "", &the.table, &error);
}

static int delete(void)
{
	struct vhdx_error error;

	return vhdx_dm_remove(the.name, false, &error);
}

static int reload(void)
{
	struct vhdx_error error;

	return vhdx_dm_reload(the.name, &the.table, &error);
}

static int line(bool status)
{
	struct vhdx_dm_table table;
	struct vhdx_error error;
	char *text = NULL;
	int err;

	err = vhdx_dm_read_table(the.name, status, &table, &text, &error);
	free(text);
	return err;
}

static int table(void)
{
	return line(false);
}

static int status(void)
{
	return line(true);
}

static int message(const char *words)
{
	struct vhdx_error error;
	char *reply = NULL;
	int err = vhdx_dm_message(the.name, words, &reply, &error);

	free(reply);
	return err;
}

static int commit(void)
{
	return message("commit");
}

static int stats(void)
{
	return message("stats");
}

static int compact_start(void)
{
	return message("compact start quick");
}

static int compact_status(void)
{
	return message("compact status");
}

static int nonsense(void)
{
	message("compact start nonsense");
	return 0;
}

static bool exists(void)
{
	struct vhdx_dm_device device;
	struct vhdx_error error;

	return !vhdx_dm_find(the.name, &device, &error);
}

static int absent(void)
{
	return exists() ? delete() : 0;
}

/* Mapped and working: it can be read. */
static int working(void)
{
	char path[256], *sector;
	int fd, err;

	err = exists() ? 0 : create();
	if (err)
		return err;
	snprintf(path, sizeof(path), "/dev/mapper/%s", the.name);
	fd = open(path, O_RDONLY | O_DIRECT);
	sector = aligned_alloc(4096, 4096);
	err = fd < 0 || !sector || pread(fd, sector, 4096, 0) != 4096;
	free(sector);
	close(fd);
	return err;
}

/* What a table could not be loaded for leaves the device suspended. */
static int loaded(void)
{
	int err = exists() ? reload() : 0;

	return err ? err : working();
}

static int idle(void)
{
	struct vhdx_error error;
	char *reply;
	bool running;

	do {
		if (vhdx_dm_message(the.name, "compact status", &reply, &error))
			return -1;
		running = !strncmp(reply, "running", 7);
		free(reply);
	} while (running);
	return working();
}

static const struct operation {
	const char *name;
	int (*before)(void);
	int (*run)(void);
	int (*after)(void);
} operations[] = {
	{ "create", absent, create, absent },
	{ "reload", working, reload, loaded },
	{ "table", working, table, working },
	{ "status", working, status, working },
	{ "commit", working, commit, working },
	{ "stats", working, stats, working },
	{ "compact start", working, compact_start, idle },
	{ "compact status", working, compact_status, working },
	{ "nonsense", working, nonsense, working },
	{ "remove", working, delete, absent },
};

static void run(const struct operation *o)
{
	unsigned int nth, refused = 0;
	bool came = true;
	int err;

	for (nth = 1; came; nth++) {
		if (nth > NTH_MAX)
			die(o->name, nth, "there is no end");
		if (o->before())
			die(o->name, nth, "nothing to begin with");
		arm(nth);
		err = o->run();
		came = disarm();
		refused += err != 0;
		if (!came && err)
			die(o->name, nth, "fails without a fault");
		if (o->run == create && err && exists())
			die(o->name, nth, "half a device");
		if (o->after())
			die(o->name, nth, "does not recover");
	}
	if (o->run == create && nth == 2)
		die(o->name, 1, "never came");
	printf("# %s: %u faults, refused %u times\n", o->name, nth - 2, refused);
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc != 4) {
		fprintf(stderr, "usage: fail-nth IMAGE SECTORS NAME\n");
		return 2;
	}
	the.name = argv[3];
	snprintf(the.parameters, sizeof(the.parameters), "%s 0", argv[1]);
	the.table = (struct vhdx_dm_table) {
		.sectors = strtoull(argv[2], NULL, 10), .target = "vhdx",
		.parameters = the.parameters,
	};
	for (i = 0; i < ARRAY_SIZE(operations); i++)
		run(&operations[i]);
	return 0;
}
