// SPDX-License-Identifier: GPL-2.0-only
/*
 * nbd-server [OPTION...] SOCKET FILE - a disk that forgets when the power goes
 *
 * Serves FILE to one client as an NBD export of its size. What the client has
 * not flushed is in memory only (vdisk.h). The power goes when the client
 * vanishes without a word, or on SIGUSR1: a part of it survives. A client that
 * says goodbye has switched the power off, and everything survives. After SIGUSR2
 * the client is killed as soon as there is enough to lose, and the power goes.
 *
 *   --seed=N    decides what survives
 *   --mood=N    enum vdisk_mood, instead of what the seed says
 *   --enough=N  changes that are not flushed [1]; half of that with each flush
 *		that comes before
 *   --spare     do not kill the client
 *   --lies=N    so many percent of the flushes are acknowledged and not done
 *
 * The last line of the output tells what was lost.
 */
#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vdisk.h"

/* Of the protocol, https://github.com/NetworkBlockDevice/nbd doc/proto.md */
#define NBD_MAGIC		0x4e42444d41474943ull
#define NBD_OPTION_MAGIC	0x49484156454f5054ull
#define NBD_REPLY_MAGIC		0x0003e889045565a9ull
#define NBD_REQUEST_MAGIC	0x25609513u
#define NBD_ANSWER_MAGIC	0x67446698u
#define NBD_FIXED_NEWSTYLE	1
#define NBD_NO_ZEROES		2
#define NBD_OPT_EXPORT_NAME	1
#define NBD_OPT_ABORT		2
#define NBD_OPT_INFO		6
#define NBD_OPT_GO		7
#define NBD_REP_ACK		1u
#define NBD_REP_INFO		3u
#define NBD_REP_ERR_UNSUP	0x80000001u
#define NBD_INFO_EXPORT		0
#define NBD_INFO_BLOCK_SIZE	3
#define NBD_CMD_READ		0
#define NBD_CMD_WRITE		1
#define NBD_CMD_DISC		2
#define NBD_CMD_FLUSH		3
#define NBD_CMD_TRIM		4
#define NBD_CMD_WRITE_ZEROES	6
#define NBD_CMD_FUA		1
/* has flags, flush, FUA, trim, write zeroes */
#define NBD_EXPORT_FLAGS	(1 | 4 | 8 | 32 | 64)
#define NBD_EINVAL		22

#define REQUEST_MAX (32 << 20)
#define PREFERRED 4096

struct nbd_option {
	uint64_t magic;
	uint32_t option;
	uint32_t len;
} __attribute__((packed));

struct nbd_option_reply {
	uint64_t magic;
	uint32_t option;
	uint32_t type;
	uint32_t len;
} __attribute__((packed));

struct nbd_request {
	uint32_t magic;
	uint16_t flags;
	uint16_t type;
	uint64_t handle;
	uint64_t offset;
	uint32_t len;
} __attribute__((packed));

struct nbd_answer {
	uint32_t magic;
	uint32_t error;
	uint64_t handle;
} __attribute__((packed));

enum end { GOES_ON, POWER_OFF, POWER_CUT };

static struct {
	struct vdisk disk;
	int client;
	uint8_t *buf;
	uint64_t flushes;
	uint64_t enough;
	int spare;
	sigset_t undisturbed;	/* signals are let in while we wait only */
} s;

static atomic_int cut;
static atomic_int armed;

static void on_signal(int signal)
{
	if (signal == SIGUSR1)
		cut = 1;
	else
		armed = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "nbd-server: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* False when the power is gone. */
static bool wait_for(int fd)
{
	struct pollfd poll = { .fd = fd, .events = POLLIN };

	while (!cut) {
		if (ppoll(&poll, 1, NULL, &s.undisturbed) > 0)
			return true;
		if (errno != EINTR)
			die("poll");
	}
	return false;
}

/* False when the client is gone, or the power. */
static bool get(void *buf, size_t len)
{
	ssize_t got;

	for (; len; buf = (char *)buf + got, len -= got) {
		if (!wait_for(s.client))
			return false;
		got = recv(s.client, buf, len, 0);
		if (got <= 0)
			return false;
	}
	return true;
}

static bool put(const void *buf, size_t len)
{
	ssize_t sent;

	for (; len; buf = (const char *)buf + sent, len -= sent) {
		sent = send(s.client, buf, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
	}
	return true;
}

/* ---- the beginning ------------------------------------------------------ */

static bool reply(uint32_t option, uint32_t type, const void *data, size_t len)
{
	struct nbd_option_reply head = {
		.magic = htobe64(NBD_REPLY_MAGIC),
		.option = htobe32(option),
		.type = htobe32(type),
		.len = htobe32(len),
	};

	return put(&head, sizeof(head)) && put(data, len);
}

static bool tell_export(uint32_t option)
{
	struct {
		uint16_t type;
		uint64_t bytes;
		uint16_t flags;
	} __attribute__((packed)) export = {
		htobe16(NBD_INFO_EXPORT), htobe64(s.disk.bytes),
		htobe16(NBD_EXPORT_FLAGS),
	};
	struct {
		uint16_t type;
		uint32_t min;
		uint32_t preferred;
		uint32_t max;
	} __attribute__((packed)) sizes = {
		htobe16(NBD_INFO_BLOCK_SIZE), htobe32(VDISK_SECTOR),
		htobe32(PREFERRED), htobe32(REQUEST_MAX),
	};

	return reply(option, NBD_REP_INFO, &export, sizeof(export)) &&
	       reply(option, NBD_REP_INFO, &sizes, sizeof(sizes)) &&
	       reply(option, NBD_REP_ACK, NULL, 0);
}

static bool tell_export_old_way(bool zeroes)
{
	struct {
		uint64_t bytes;
		uint16_t flags;
		uint8_t zeroes[124];
	} __attribute__((packed)) export = {
		.bytes = htobe64(s.disk.bytes),
		.flags = htobe16(NBD_EXPORT_FLAGS),
	};

	return put(&export, zeroes ? sizeof(export) : 10);
}

/* Until the client has chosen its export; false if it did not. */
static bool negotiate(void)
{
	struct {
		uint64_t magic[2];
		uint16_t flags;
	} __attribute__((packed)) hello = {
		{ htobe64(NBD_MAGIC), htobe64(NBD_OPTION_MAGIC) },
		htobe16(NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES),
	};
	struct nbd_option option;
	uint32_t flags, code, len;

	if (!put(&hello, sizeof(hello)) || !get(&flags, sizeof(flags)))
		return false;
	for (;;) {
		if (!get(&option, sizeof(option)))
			return false;
		code = be32toh(option.option);
		len = be32toh(option.len);
		if (be64toh(option.magic) != NBD_OPTION_MAGIC ||
		    len > REQUEST_MAX || !get(s.buf, len))
			return false;
		switch (code) {
		case NBD_OPT_GO:
			return tell_export(code);
		case NBD_OPT_EXPORT_NAME:
			return tell_export_old_way(!(be32toh(flags) &
						     NBD_NO_ZEROES));
		case NBD_OPT_INFO:
			if (!tell_export(code))
				return false;
			break;
		case NBD_OPT_ABORT:
			reply(code, NBD_REP_ACK, NULL, 0);
			return false;
		default:
			if (!reply(code, NBD_REP_ERR_UNSUP, NULL, 0))
				return false;
		}
	}
}

/* ---- requests ----------------------------------------------------------- */

static int serve(uint16_t type, uint64_t offset, uint32_t len, bool fua)
{
	switch (type) {
	case NBD_CMD_READ:
		return vdisk_read(&s.disk, offset, s.buf, len);
	case NBD_CMD_WRITE:
		return vdisk_write(&s.disk, offset, s.buf, len, fua);
	case NBD_CMD_TRIM:
	case NBD_CMD_WRITE_ZEROES:
		return vdisk_zero(&s.disk, offset, len, fua);
	case NBD_CMD_FLUSH:
		s.flushes++;
		if (armed)
			s.enough = (s.enough + 1) / 2;
		return vdisk_flush(&s.disk);
	default:
		return -EINVAL;
	}
}

static enum end one_request(void)
{
	struct nbd_request request;
	struct nbd_answer answer = { .magic = htobe32(NBD_ANSWER_MAGIC) };
	uint16_t type;
	uint32_t len;
	int err;

	if (!get(&request, sizeof(request)) ||
	    be32toh(request.magic) != NBD_REQUEST_MAGIC)
		return POWER_CUT;
	type = be16toh(request.type);
	len = be32toh(request.len);
	if (type == NBD_CMD_DISC)
		return POWER_OFF;
	if ((type == NBD_CMD_READ || type == NBD_CMD_WRITE) && len > REQUEST_MAX)
		return POWER_CUT;
	if (type == NBD_CMD_WRITE && !get(s.buf, len))
		return POWER_CUT;
	err = serve(type, be64toh(request.offset), len,
		    be16toh(request.flags) & NBD_CMD_FUA);
	if (err && err != -EINVAL) {
		errno = -err;
		die("the file");
	}
	answer.error = htobe32(err ? NBD_EINVAL : 0);
	answer.handle = request.handle;
	if (!put(&answer, sizeof(answer)) ||
	    (type == NBD_CMD_READ && !err && !put(s.buf, len)))
		return POWER_CUT;
	return GOES_ON;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		die(path);
	}
	memcpy(address.sun_path, path, strlen(path));
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 1))
		die(path);
	return fd;
}

/* A client may come to ask only, and again to stay. */
static void wait_for_client(int listener)
{
	while (wait_for(listener)) {
		s.client = accept(listener, NULL, NULL);
		if (s.client < 0)
			die("accept");
		if (negotiate())
			return;
		close(s.client);
	}
}

static void set_up_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t disturbing;

	sigemptyset(&disturbing);
	sigaddset(&disturbing, SIGUSR1);
	sigaddset(&disturbing, SIGUSR2);
	sigprocmask(SIG_BLOCK, &disturbing, &s.undisturbed);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
}

/* Nothing that it sends from now on is looked at. */
static void kill_client(void)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(s.client, SOL_SOCKET, SO_PEERCRED, &peer, &len) ||
	    kill(peer.pid, SIGKILL))
		die("killing the client");
}

static enum end serve_client(void)
{
	enum end how = cut ? POWER_CUT : GOES_ON;

	while (how == GOES_ON) {
		how = one_request();
		if (how == GOES_ON && armed && s.disk.changes >= s.enough) {
			if (!s.spare)
				kill_client();
			how = POWER_CUT;
		}
	}
	return how;
}

static void end(enum end how, enum vdisk_mood mood, uint64_t seed)
{
	struct vdisk_loss loss = { 0 };
	int err;

	err = how == POWER_OFF ? vdisk_close(&s.disk) :
				 vdisk_cut(&s.disk, mood, seed, &loss);
	if (err) {
		errno = -err;
		die("the end");
	}
	printf("%s flushes %llu unflushed %llu kept %llu torn %llu",
	       how == POWER_OFF ? "off" : "cut", (unsigned long long)s.flushes,
	       (unsigned long long)loss.changes, (unsigned long long)loss.kept,
	       (unsigned long long)loss.torn);
	printf(" forgotten %llu lost-bytes %llu\n",
	       (unsigned long long)loss.forgotten,
	       (unsigned long long)loss.lost_bytes);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "mood", required_argument, NULL, 'm' },
		{ "enough", required_argument, NULL, 'e' },
		{ "spare", no_argument, &s.spare, 1 },
		{ "lies", required_argument, NULL, 'l' },
		{ 0 }
	};
	enum vdisk_mood mood = VDISK_ANY;
	unsigned int lies = 0;
	uint64_t seed = 1;
	int option, listener, err;

	s.enough = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			seed = strtoull(optarg, NULL, 10);
			break;
		case 'm':
			mood = strtoul(optarg, NULL, 10);
			break;
		case 'e':
			s.enough = strtoull(optarg, NULL, 10);
			break;
		case 0:
			break;
		case 'l':
			lies = strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 2 || mood >= VDISK_MOODS)
		return 2;
	s.buf = malloc(REQUEST_MAX);
	err = vdisk_open(&s.disk, argv[optind + 1]);
	if (err || !s.buf)
		die(argv[optind + 1]);
	s.disk.lies = lies;
	s.disk.random = seed;
	set_up_signals();
	listener = listen_at(argv[optind]);
	wait_for_client(listener);
	end(serve_client(), mood, seed);
	return 0;
}
