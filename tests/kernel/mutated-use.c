// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done with an image that the module has taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/dm.h"
#include "mutated.h"

int complain(const struct subject *s, const char *what, int err)
{
	printf("image %llu (%s%s): %s", (unsigned long long)s->number, s->path,
	       s->read_only ? ", read-only" : "", what);
	if (err)
		printf(": %s", strerror(abs(err)));
	putchar('\n');
	fflush(stdout);
	return -1;
}

/* ---- the mapping ------------------------------------------------------------- */

/* The arguments of the table line; noted as far as they change what is seen. */
static const char *choose_arguments(struct subject *s)
{
	static const char *const arguments[] = {
		"0", "0", "0", "0", "1 buffered", "1 no_punch",
		"1 detect_zeroes", "1 no_discard", "2 commit_ms 1",
		"3 buffered commit_ms 3",
	};
	const char *chosen = arguments[chance_below(&s->chance,
						    ARRAY_SIZE(arguments))];

	s->keeps_data = strstr(chosen, "no_punch");
	return s->read_only ? "1 read_only" : chosen;
}

int subject_map(struct subject *s)
{
	bool known = !s->before.read_err || !s->before.write_err;
	char parameters[sizeof(s->path) + 64];
	struct vhdx_dm_table table = {
		.sectors = known ? s->before.geometry.virtual_bytes / 512 : 8,
		.target = "vhdx",
		.parameters = parameters,
		.read_only = s->read_only,
	};
	struct vhdx_error error;

	snprintf(parameters, sizeof(parameters), "%s %s", s->path,
		 choose_arguments(s));
	return vhdx_dm_create(s->name, "", &table, &error);
}

int subject_unmap(struct subject *s)
{
	struct vhdx_error error;

	return vhdx_dm_remove(s->name, false, &error);
}

static void forget(struct subject *s)
{
	unsigned int i;

	for (i = 0; i < s->places; i++)
		s->place[i].known = false;
}

/*
 * The same table once more: suspend, finish the image, open it again. If it
 * cannot be finished, what was not flushed may be lost. If it cannot be opened,
 * the device is suspended and answers nobody until it can.
 */
static int reload(struct subject *s)
{
	struct vhdx_dm_table table;
	struct vhdx_error error;
	char *text;
	int err;

	err = vhdx_dm_read_table(s->name, false, &table, &text, &error);
	if (err)
		return err;
	err = vhdx_dm_reload(s->name, &table, &error);
	if (err && s->faults) {
		set_faults(s, 0);
		if (vhdx_dm_reload(s->name, &table, &error)) {
			complain(s, error.text, 0);
			exit(1);
		}
	}
	free(text);
	if (s->faults)
		forget(s);
	return err;
}

static int message(struct subject *s, const char *text, char **reply)
{
	struct vhdx_error error;

	return vhdx_dm_message(s->name, text, reply, &error);
}

static int compact(struct subject *s)
{
	static const char *const modes[] = { "quick", "pretrimmed", "retrim" };
	char text[64], *reply = NULL;
	bool running = true;
	int err;

	snprintf(text, sizeof(text), "compact start %s%s",
		 modes[chance_below(&s->chance, 3)],
		 chance_one(&s->chance, 4) ? " 1 no_move" : "");
	err = message(s, text, NULL);
	if (!err && chance_one(&s->chance, 8))
		return message(s, "compact cancel", NULL);
	s->tally->compactions += !err;
	while (!err && running) {
		usleep(2000);
		err = message(s, "compact status", &reply);
		running = !err && !strncmp(reply, "running", 7);
		free(reply);
		reply = NULL;
	}
	return err;
}

/* ---- places --------------------------------------------------------------------- */

static int open_core(struct vhdx_container *container,
		     struct vhdx_image **image)
{
	const struct vhdx_open_options how = { .any_format = true };
	struct vhdx_report report = { 0 };

	return vhdx_image_open(container, &how, &report, image);
}

/* What the core in this process reads there, out of the image as it was made. */
static void learn(struct subject *s)
{
	struct vhdx_image *image;
	struct place *p;

	if (open_core(&s->ram->container, &image))
		return;
	for (p = s->place; p < s->place + s->places; p++)
		p->known = !vhdx_image_read(image, p->at, p->holds, p->len);
	vhdx_image_close(image);
}

/* s->buf is what is there now. */
static int compare_place(const struct subject *s, const struct place *p,
			 const char *when)
{
	u32 i;

	if (!p->known)
		return 0;
	for (i = 0; i < p->len && s->buf[i] == p->holds[i]; i++)
		;
	if (i == p->len)
		return 0;
	printf("bytes %llu to %llu, from %llu on: %02x, not %02x\n",
	       (unsigned long long)p->at,
	       (unsigned long long)p->at + p->len - 1,
	       (unsigned long long)p->at + i, s->buf[i], p->holds[i]);
	return complain(s, when, 0);
}

int subject_verify(struct subject *s, struct vhdx_container *container)
{
	struct vhdx_image *image;
	struct place *p;
	int err = 0;

	if (open_core(container, &image))
		return complain(s, "cannot be opened any more", 0);
	for (p = s->place; p < s->place + s->places && !err; p++) {
		err = vhdx_image_read(image, p->at, s->buf, p->len);
		if (err)
			complain(s, "cannot be read any more", err);
		else
			err = compare_place(s, p, "lost when it was unmapped");
	}
	vhdx_image_close(image);
	return err;
}

static bool is_taken(const struct subject *s, u64 slot)
{
	unsigned int i;

	for (i = 0; i < s->places; i++)
		if (s->place[i].at / PLACE_BYTES == slot)
			return true;
	return false;
}

/* Each in a slot of its own; the last slot of the disk often is one of them. */
static void choose_places(struct subject *s)
{
	const struct vhdx_geometry *geometry = &s->before.geometry;
	u32 unit = geometry->sector_bytes;
	u64 slots = DIV_ROUND_UP_ULL(geometry->virtual_bytes, PLACE_BYTES);
	unsigned int i;

	for (i = 0; i < PLACES; i++) {
		struct place *p = &s->place[s->places];
		u64 slot = i ? chance_below(&s->chance, i < 4 ? min(slots, 128UL) :
						       slots) : slots - 1;
		u64 start = slot * PLACE_BYTES;
		u64 units = min(geometry->virtual_bytes - start,
				(u64)PLACE_BYTES) / unit;
		u64 first = chance_one(&s->chance, 3) ? 0 :
			    chance_below(&s->chance, units);

		if (is_taken(s, slot))
			continue;
		p->at = start + first * unit;
		p->len = (1 + chance_below(&s->chance, units - first)) * unit;
		p->holds = s->buf + (1 + i) * PLACE_BYTES;
		s->places++;
	}
}

/* ---- steps ------------------------------------------------------------------------ */

static int read_place(struct subject *s, struct place *p)
{
	if (pread(s->fd, s->buf, p->len, p->at) != p->len) {
		if (s->faults)
			return -errno;
		complain(s, "cannot be read", errno);
		exit(1);
	}
	if (compare_place(s, p, "something else is read"))
		exit(1);
	memcpy(p->holds, s->buf, p->len);
	p->known = true;
	return 0;
}

static int write_place(struct subject *s, struct place *p)
{
	u64 word = chance_one(&s->chance, 6) ? 0 : chance_next(&s->chance);
	u32 i;

	for (i = 0; i < p->len; i += sizeof(word))
		memcpy(p->holds + i, &word, sizeof(word));
	p->known = pwrite(s->fd, p->holds, p->len, p->at) == p->len;
	return p->known ? 0 : -errno;
}

static int clear_place(struct subject *s, struct place *p, bool discard)
{
	u64 range[2] = { p->at, p->len };
	int err = ioctl(s->fd, discard ? BLKDISCARD : BLKZEROOUT, range);

	p->known = !err && !(discard && s->keeps_data);
	memset(p->holds, 0, p->len);
	return err ? -errno : 0;
}

/* The whole disk: every block goes. */
static int clear_all(struct subject *s)
{
	u64 range[2] = { 0, s->before.geometry.virtual_bytes };
	int err = ioctl(s->fd, BLKDISCARD, range);
	struct place *p;

	for (p = s->place; p < s->place + s->places; p++) {
		p->known = !err && !s->keeps_data;
		memset(p->holds, 0, p->len);
	}
	return err ? -errno : 0;
}

static int step(struct subject *s)
{
	struct place *p = &s->place[chance_below(&s->chance, s->places)];
	unsigned int what = chance_below(&s->chance, 24);

	if (getenv("DM_VHDX_TRACE"))
		printf("step %u at %llu, %u bytes\n", what,
		       (unsigned long long)p->at, p->len);
	switch (what) {
	case 0 ... 5:
		return read_place(s, p);
	case 6 ... 12:
		return write_place(s, p);
	case 13 ... 15:
		return clear_place(s, p, true);
	case 16:
		return clear_place(s, p, false);
	case 17:
		return chance_one(&s->chance, 4) ? clear_all(s) : 0;
	case 18:
		return message(s, "commit", NULL);
	case 19:
		return reload(s);
	case 20 ... 21:
		return compact(s);
	default:
		return fsync(s->fd) ? -errno : 0;
	}
}

/* With failing I/O it may have become read-only, and have lost what waited. */
static bool still_writes(struct subject *s)
{
	struct vhdx_dm_table status;
	struct vhdx_error error;
	char *text;
	size_t len;
	bool rw;

	if (vhdx_dm_read_table(s->name, true, &status, &text, &error))
		return false;
	len = strlen(text);
	rw = len > 3 && !strcmp(text + len - 3, " rw");
	free(text);
	return rw;
}

static int look_at_all(struct subject *s)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < s->places; i++)
		err |= read_place(s, &s->place[i]);
	return err;
}

void subject_learn(struct subject *s)
{
	s->buf = aligned_alloc(4096, (1 + PLACES) * PLACE_BYTES);
	if (!s->buf)
		exit(2);
	choose_places(s);
	learn(s);
}

int subject_use(struct subject *s)
{
	unsigned int i, steps = 4 + chance_below(&s->chance, 20);
	char path[64];
	bool cached;
	int err;

	snprintf(path, sizeof(path), "/dev/mapper/%s", s->name);
	/* The page cache shows zeros after a discard, the device may not. */
	cached = chance_one(&s->chance, 4) && !s->faults && !s->keeps_data;
	s->fd = open(path, (s->read_only ? O_RDONLY : O_RDWR) |
		     (cached ? 0 : O_DIRECT));
	if (s->fd < 0)
		return complain(s, "the device cannot be opened", errno);
	subject_learn(s);
	look_at_all(s);
	for (i = 0; i < steps; i++) {
		err = step(s);
		s->tally->steps++;
		s->tally->failed_steps += err != 0;
	}
	look_at_all(s);
	if (close(s->fd) || s->faults)
		forget(s);
	else if (!s->read_only && !still_writes(s))
		return complain(s, "cannot be written any more", 0);
	return 0;
}
