// SPDX-License-Identifier: GPL-2.0-only
/*
 * broken          open and check every broken image: each must be found out by
 *                 name, and not a byte of it may change. Prints TAP
 * broken --write DIR [NAME]...
 *                 write them as files, with a list EXPECTED: name of the file,
 *                 finding, severity, exit code of vhdxsetup check
 */
#include <stdio.h>

#include "broken.h"
#include "image.h"

static bool seen[VHDX_F_COUNT];
static bool now[VHDX_F_COUNT];
static unsigned int failures;
static unsigned int tests;

/* ---- memory ------------------------------------------------------------- */

static u64 allocations;
static u64 fail_allocation;

void *__real_vhdx_alloc(size_t bytes);
void *__wrap_vhdx_alloc(size_t bytes);

void *__wrap_vhdx_alloc(size_t bytes)
{
	if (++allocations == fail_allocation)
		return NULL;
	return __real_vhdx_alloc(bytes);
}

/* ---- one image ------------------------------------------------------------ */

static void found(struct vhdx_report *report, enum vhdx_finding finding,
		  u64 where, u64 value)
{
	(void)report;
	(void)where;
	(void)value;
	now[finding] = true;
	seen[finding] = true;
}

static void complain(const struct broken *broken, const char *how,
		     const char *what, enum vhdx_finding finding, int err)
{
	printf("# %s: %s: %s; found %s, %s; expected %s\n",
	       broken->name, how, what, vhdx_finding_name(finding),
	       strerror(-err), vhdx_finding_name(broken->finding));
	failures++;
}

/* One line of TAP; @before: failures before the test. */
static void conclude(const char *name, unsigned int before)
{
	printf("%sok %u - %s\n", failures > before ? "not " : "", ++tests,
	       name);
	fflush(stdout);
}

static int try_open(const struct broken *broken, struct ram *ram,
		    bool writable, bool check, struct vhdx_report *report)
{
	char name[200];
	const struct vhdx_open_options options = {
		.name = name,
		.any_format = !broken->format_named,
		.format = base_is_vhd(broken->base) ? VHDX_FORMAT_VHD :
						      VHDX_FORMAT_VHDX,
		.writable = writable,
		.check = check,
	};
	struct vhdx_image *image;
	int err;

	snprintf(name, sizeof(name), "dir/%s.%s", broken->name,
		 broken_extension(broken));
	memset(report, 0, sizeof(*report));
	memset(now, 0, sizeof(now));
	report->found = found;
	report->keep_going = check;
	err = vhdx_image_open(&ram->container, &options, report, &image);
	if (!err)
		vhdx_image_close(image);
	return err;
}

/* FATAL refuses every open, WRITE only those for writing, UNTIDY none. */
static void expect_open(const struct broken *broken, struct ram *ram,
			bool writable)
{
	enum vhdx_severity severity = vhdx_finding_severity(broken->finding);
	const char *how = writable ? "open for writing" : "open read-only";
	struct vhdx_report report;
	int err = try_open(broken, ram, writable, false, &report);
	bool refuse = severity == VHDX_SEVERITY_FATAL ||
		      (severity == VHDX_SEVERITY_WRITE && writable);

	if (!refuse && err)
		complain(broken, how, "refused", report.worst, err);
	if (refuse && err != -vhdx_finding_errno(broken->finding))
		complain(broken, how, "wrong error", report.worst, err);
	else if (refuse && report.worst != broken->finding)
		complain(broken, how, "wrong finding", report.worst, err);
}

static void expect_check(const struct broken *broken, struct ram *ram)
{
	enum vhdx_severity severity = vhdx_finding_severity(broken->finding);
	struct vhdx_report report;
	int err = try_open(broken, ram, false, true, &report);

	if (!now[broken->finding])
		complain(broken, "check", "not found", report.worst, err);
	if (severity == VHDX_SEVERITY_FATAL ? !err : err)
		complain(broken, "check", "wrong error", report.worst, err);
	if (severity < vhdx_finding_severity(report.worst))
		complain(broken, "check", "wrong severity", report.worst, err);
}

static void try_one(const struct broken *broken)
{
	unsigned int failures_before = failures;
	struct ram ram, before;

	broken_make(broken, &ram);
	ram_clone(&before, &ram);
	memset(ram.count, 0, sizeof(ram.count));
	expect_open(broken, &ram, false);
	expect_open(broken, &ram, true);
	expect_check(broken, &ram);
	if (ram_changes(&ram) || !ram_same(&ram, &before))
		complain(broken, "all", "the image has been changed", 0, 0);
	ram_destroy(&before);
	ram_destroy(&ram);
	conclude(broken->name, failures_before);
}

/* ---- a sound image in a bad world ------------------------------------------ */

static void expect_clean(const struct broken *base, struct ram *ram)
{
	struct vhdx_report report;
	int err = try_open(base, ram, true, true, &report);
	enum vhdx_finding worst = report.worst;

	if (base->base == BASE_VHDX_DIRTY && worst == VHDX_F_LOG_DIRTY)
		worst = VHDX_F_NONE;
	/* What the process that died had reserved. */
	if (base->base == BASE_VHDX_DIRTY && worst == VHDX_F_TAIL_UNUSED)
		worst = VHDX_F_NONE;
	if (err || worst != VHDX_F_NONE)
		complain(base, "check", "the base is not sound", worst, err);
}

/* Each allocation, each read fails: no crash, no leak, the right name. */
static void fail_each(const struct broken *base, struct ram *ram, bool memory)
{
	enum vhdx_finding expected = memory ? VHDX_F_NO_MEMORY :
					      VHDX_F_IO_ERROR;
	struct vhdx_report report;
	u64 nth;
	int err;

	for (nth = 1; nth < 10000; nth++) {
		allocations = 0;
		fail_allocation = memory ? nth : 0;
		ram_fail(ram, memory ? 0 : nth, EIO, false, RAM_BIT(RAM_READ));
		err = try_open(base, ram, true, false, &report);
		fail_allocation = 0;
		if (memory ? allocations < nth : !ram->failed)
			break;
		if (err != -vhdx_finding_errno(expected) ||
		    report.worst != expected)
			complain(base, memory ? "no memory" : "I/O error",
				 "wrong finding", report.worst, err);
	}
	ram_fail(ram, 0, 0, false, 0);
	if (err || nth < 3)
		complain(base, "faults", "does not recover", report.worst,
			 err);
}

static void try_base(enum base base, const char *name)
{
	struct broken sound = { .name = name, .base = base,
				.format_named = true };
	unsigned int failures_before = failures;
	struct ram ram;

	broken_make(&sound, &ram);
	expect_clean(&sound, &ram);
	fail_each(&sound, &ram, true);
	fail_each(&sound, &ram, false);
	if (ram_changes(&ram))
		complain(&sound, "all", "has been changed", 0, 0);
	ram_destroy(&ram);
	conclude(name, failures_before);
}

static void try_bases(void)
{
	try_base(BASE_VHDX, "sound-vhdx");
	try_base(BASE_VHDX_FIXED, "sound-vhdx-fixed");
	try_base(BASE_VHDX_DIRTY, "sound-vhdx-dirty");
	try_base(BASE_VHDX_BIG_LOG, "sound-vhdx-big-log");
	try_base(BASE_VHDX_CHUNKS, "sound-vhdx-chunks");
	try_base(BASE_VHD, "sound-vhd");
	try_base(BASE_VHD_FIXED, "sound-vhd-fixed");
}

/* ---- all ------------------------------------------------------------------- */

static void lint(void)
{
	unsigned int failures_before = failures;
	enum vhdx_finding finding;

	for (finding = VHDX_F_NONE + 1; finding < VHDX_F_COUNT; finding++) {
		if (seen[finding])
			continue;
		printf("# %s: no broken image raises it\n",
		       vhdx_finding_name(finding));
		failures++;
	}
	conclude("every finding is raised by an image", failures_before);
}

static int check_all(void)
{
	size_t i;

	try_bases();
	for (i = 0; i < nr_broken_vhdx; i++)
		try_one(&broken_vhdx[i]);
	for (i = 0; i < nr_broken_vhd; i++)
		try_one(&broken_vhd[i]);
	lint();
	printf("1..%u\n", tests);
	return failures ? 1 : 0;
}

static bool is_wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

/* corrupt, sound but untidy, wrong image, failed */
static int check_exit_code(enum vhdx_finding finding)
{
	if (vhdx_finding_severity(finding) != VHDX_SEVERITY_FATAL)
		return 7;
	switch (vhdx_finding_errno(finding)) {
	case EUCLEAN:
	case EBADMSG:
		return 6;
	case EOPNOTSUPP:
	case EMEDIUMTYPE:
		return 4;
	default:
		return 1;
	}
}

static void write_one(const struct broken *broken, const char *dir,
		      FILE *expected)
{
	static const char *const severities[] = {
		[VHDX_SEVERITY_FATAL] = "fatal",
		[VHDX_SEVERITY_WRITE] = "write",
		[VHDX_SEVERITY_UNTIDY] = "untidy",
	};
	const char *extension = broken_extension(broken);
	char path[4096];
	struct ram ram;
	int err;

	/* Who opens a file guesses. */
	if (broken->format_named || broken->on_device)
		return;
	broken_make(broken, &ram);
	snprintf(path, sizeof(path), "%s/%s.%s", dir, broken->name, extension);
	err = ram_save(&ram, path);
	ram_destroy(&ram);
	/* Not every host file system has files of 129 TiB. */
	if (err == -EFBIG) {
		remove(path);
		return;
	}
	if (err) {
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
		failures++;
	}
	fprintf(expected, "%s.%s\t%s\t%s\t%d\n", broken->name, extension,
		vhdx_finding_name(broken->finding),
		severities[vhdx_finding_severity(broken->finding)],
		check_exit_code(broken->finding));
}

static int write_all(const char *dir, char **names)
{
	char path[4096];
	FILE *expected;
	size_t i;

	snprintf(path, sizeof(path), "%s/EXPECTED", dir);
	expected = fopen(path, "w");
	if (!expected) {
		perror(path);
		return 1;
	}
	for (i = 0; i < nr_broken_vhdx; i++)
		if (is_wanted(broken_vhdx[i].name, names))
			write_one(&broken_vhdx[i], dir, expected);
	for (i = 0; i < nr_broken_vhd; i++)
		if (is_wanted(broken_vhd[i].name, names))
			write_one(&broken_vhd[i], dir, expected);
	if (fclose(expected))
		failures++;
	return failures ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return check_all();
	if (argc >= 3 && !strcmp(argv[1], "--write"))
		return write_all(argv[2], argv + 3);
	fputs("usage: broken [--write DIR [NAME]...]\n", stderr);
	return 1;
}
