// SPDX-License-Identifier: GPL-2.0-only
/* The device mapper, see dm.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dm.h"

#define PAYLOAD 1024

struct request {
	struct dm_ioctl head;
	union {
		struct dm_target_spec spec;
		struct dm_target_msg message;
		char bytes[PAYLOAD];
	};
};

static int call(unsigned long command, const char *name, struct request *request)
{
	int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	request->head.version[0] = DM_VERSION_MAJOR;
	request->head.data_size = sizeof(*request);
	request->head.data_start = sizeof(request->head);
	snprintf(request->head.name, sizeof(request->head.name), "%s", name);
	ret = ioctl(fd, command, request);
	close(fd);
	return ret;
}

int dm_create(const char *name, uint64_t sectors, const char *target,
	      const char *params)
{
	struct request create = { 0 }, resume = { 0 };
	struct request load = {
		.head.target_count = 1,
		.spec = { .length = sectors },
	};

	if (strlen(params) >= PAYLOAD - sizeof(load.spec)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(load.spec.target_type, DM_MAX_TYPE_NAME, "%s", target);
	snprintf(load.bytes + sizeof(load.spec), PAYLOAD - sizeof(load.spec),
		 "%s", params);
	if (call(DM_DEV_CREATE, name, &create) ||
	    call(DM_TABLE_LOAD, name, &load))
		return -1;
	return call(DM_DEV_SUSPEND, name, &resume);
}

int dm_message(const char *name, const char *message)
{
	struct request request = { 0 };

	snprintf(request.bytes + sizeof(request.message),
		 PAYLOAD - sizeof(request.message), "%s", message);
	return call(DM_TARGET_MSG, name, &request);
}
