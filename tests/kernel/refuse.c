// SPDX-License-Identifier: GPL-2.0-only
/*
 * refuse IMAGES DIR EVERY - hand broken images to the module, and see that it
 *	names what is wrong and changes nothing
 *
 * IMAGES/EXPECTED lists them: name, finding, severity. A fatal one must not be
 * mapped at all, one that is not fit for writing is mapped read-only and not
 * otherwise, one that is only untidy is mapped read-only here. One in EVERY is
 * taken, as a copy in DIR. Prints a line of TAP for each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/dm.h"
#include "ram.h"

#define SECTORS 10 /* any image has as much of a disk */

static struct {
	int kmsg;
	const char *finding;
	char path[4096];
	struct ram image;	/* as it was */
} r;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int complain(const char *what)
{
	printf("# %s: %s\n", r.path, what);
	return -1;
}

static int unchanged(void)
{
	struct ram now;
	bool same;

	if (ram_load(&now, r.path))
		die(r.path);
	same = ram_same(&now, &r.image);
	ram_destroy(&now);
	return same ? 0 : complain("has been changed");
}

/* ---- the kernel log ----------------------------------------------------------- */

/* "FINDING: text", after the name of the module. */
static bool names_finding(const char *record)
{
	const char *at = strstr(record, "vhdx");
	size_t len = strlen(r.finding);

	while (at && (at = strstr(at, r.finding))) {
		if (at[-1] == ' ' && at[len] == ':')
			return true;
		at++;
	}
	return false;
}

/* Does it name the finding, since this was last asked? */
static bool log_names_finding(void)
{
	char record[8192];
	bool found = false;
	ssize_t len;

	while ((len = read(r.kmsg, record, sizeof(record) - 1)) > 0 ||
	       (len < 0 && errno == EPIPE)) {
		record[len < 0 ? 0 : len] = '\0';
		found |= names_finding(record);
	}
	return found;
}

/* ---- mapping ------------------------------------------------------------------- */

static int map(bool read_only)
{
	char parameters[sizeof(r.path) + 16];
	struct vhdx_dm_table table = {
		.sectors = SECTORS,
		.target = "vhdx",
		.parameters = parameters,
		.read_only = read_only,
	};
	struct vhdx_error error;

	snprintf(parameters, sizeof(parameters), "%s %s", r.path,
		 read_only ? "1 read_only" : "0");
	return vhdx_dm_create("bad", "", &table, &error);
}

static int refused(bool read_only)
{
	struct vhdx_dm_device device;
	struct vhdx_error error;

	if (!map(read_only))
		return complain("has been mapped");
	if (!log_names_finding())
		return complain("what is wrong with it is not in the log");
	if (vhdx_dm_find("bad", &device, &error) != -ENODEV)
		return complain("has left a device behind");
	return unchanged();
}

static int readable(void)
{
	struct vhdx_error error;
	char sector[512];
	int fd, err;

	if (map(true))
		return complain("cannot be mapped read-only");
	log_names_finding();
	fd = open("/dev/mapper/bad", O_RDONLY);
	err = fd < 0 || read(fd, sector, sizeof(sector)) != sizeof(sector);
	close(fd);
	if (vhdx_dm_remove("bad", false, &error))
		return complain("cannot be unmapped");
	return err ? complain("cannot be read") : unchanged();
}

static int try_one(const char *severity)
{
	if (!strcmp(severity, "fatal"))
		return refused(false) || refused(true) ? -1 : 0;
	if (!strcmp(severity, "write") && refused(false))
		return -1;
	return readable();
}

/* ---- all ------------------------------------------------------------------------ */

int main(int argc, char **argv)
{
	char line[512], path[4096], name[256], finding[128], severity[16];
	unsigned int number = 0, done = 0, bad = 0, every;
	FILE *list;
	int err;

	every = argc == 4 ? atoi(argv[3]) : 0;
	if (!every) {
		fputs("usage: refuse IMAGES DIR EVERY\n", stderr);
		return 2;
	}
	r.kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (r.kmsg < 0 || lseek(r.kmsg, 0, SEEK_END) < 0)
		die("/dev/kmsg");
	snprintf(path, sizeof(path), "%s/EXPECTED", argv[1]);
	list = fopen(path, "r");
	if (!list)
		die(path);
	while (fgets(line, sizeof(line), list)) {
		if (sscanf(line, "%255s %127s %15s", name, finding,
			   severity) != 3) {
			fprintf(stderr, "refuse: EXPECTED has the line %s", line);
			return 2;
		}
		if (++number % every)
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], name);
		snprintf(r.path, sizeof(r.path), "%s/%s", argv[2], name);
		r.finding = finding;
		if (ram_load(&r.image, path) || ram_save(&r.image, r.path))
			die(path);
		err = try_one(severity);
		printf("%sok - %s: %s\n", err ? "not " : "", name, finding);
		fflush(stdout);
		bad += !!err;
		done++;
		ram_destroy(&r.image);
		unlink(r.path);
	}
	fclose(list);
	printf("# %u images, %u of them wrongly treated\n", done, bad);
	return bad || !done;
}
