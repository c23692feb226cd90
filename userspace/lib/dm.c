// SPDX-License-Identifier: GPL-2.0-only
/* Device-mapper control through libdevmapper. */
#include <fcntl.h>
#include <libdevmapper.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/dm.h"

#define CLEANUP_TASK CLEANUP(cleanup_task)

static void cleanup_task(struct dm_task **task)
{
	if (*task)
		dm_task_destroy(*task);
}

/* libdevmapper prints by itself unless somebody else takes its words. */
static void silent(int level, const char *file, int line, int dm_errno,
		   const char *format, ...)
{
	(void)level, (void)file, (void)line, (void)dm_errno, (void)format;
}

static struct dm_task *new_task(int type, const char *name)
{
	struct dm_task *task;

	dm_log_with_errno_init(silent);
	task = dm_task_create(type);
	if (task && name && !dm_task_set_name(task, name)) {
		dm_task_destroy(task);
		return NULL;
	}
	return task;
}

/* Why the device-mapper cannot be talked to at all; 0 if it can be. */
static int control_errno(void)
{
	CLEANUP_CLOSE int fd = -1;

	fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return 0;
	return errno == EACCES || errno == EPERM ? EACCES : ENODEV;
}

static int no_device_mapper(int err, struct vhdx_error *error)
{
	if (err == EACCES)
		return vhdx_error_set(error, err,
				      "no access to the device-mapper; run as root");
	return vhdx_error_set(error, ENODEV,
			      "the kernel offers no device-mapper; load it with 'modprobe dm-mod'");
}

/* libdevmapper does not say why it could not make a task. */
static int no_task(struct vhdx_error *error)
{
	int err = control_errno();

	return err ? no_device_mapper(err, error) :
		     vhdx_error_set(error, ENOMEM, "out of memory");
}

/* Run @task; on failure say what failed: @doing is "create" and the like. */
static int run(struct dm_task *task, const char *doing, const char *name,
	       struct vhdx_error *error)
{
	int err;

	if (dm_task_run(task))
		return 0;

	err = dm_task_get_errno(task);
	if (!err)
		err = control_errno();
	switch (err) {
	case ENXIO:
		return vhdx_error_set(error, ENODEV,
				      "%s: there is no such mapping", name);
	case EACCES:
	case EPERM:
		return no_device_mapper(EACCES, error);
	case ENODEV:
		return no_device_mapper(ENODEV, error);
	case EBUSY:
		return vhdx_error_set(error, EBUSY,
				      "%s: cannot %s: it is in use", name,
				      doing);
	default:
		return vhdx_error_set(error, err ? err : EIO,
				      "%s: cannot %s: %s; the kernel log says more",
				      name, doing,
				      strerror(err ? err : EIO));
	}
}

/* As run(), but the device node has appeared or gone on return. */
static int run_and_settle(struct dm_task *task, const char *doing,
			  const char *name, struct vhdx_error *error)
{
	u16 flags = 0;
	u32 cookie = 0;
	int ret;

	if (dm_udev_get_sync_support())
		flags = DM_UDEV_DISABLE_LIBRARY_FALLBACK;
	if (!dm_task_set_cookie(task, &cookie, flags))
		return vhdx_error_set(error, EIO,
				      "%s: cannot prepare to wait for udev",
				      name);
	ret = run(task, doing, name, error);
	dm_udev_wait(cookie);
	dm_task_update_nodes();
	return ret;
}

int vhdx_dm_require_target(const char *target, struct vhdx_error *error)
{
	CLEANUP_TASK struct dm_task *task = NULL;
	int err;

	task = new_task(DM_DEVICE_GET_TARGET_VERSION, target);
	if (!task)
		return no_task(error);
	if (dm_task_run(task))
		return 0;
	err = dm_task_get_errno(task);
	if (err && err != EACCES && err != EPERM)
		return vhdx_error_set(error, ENODEV,
				      "the kernel module dm-%s is not available; install it for this kernel and load it with 'modprobe dm-%s'",
				      target, target);
	return run(task, "ask for the target", target, error);
}

static bool add_table(struct dm_task *task, const struct vhdx_dm_table *table)
{
	return dm_task_add_target(task, 0, table->sectors, table->target,
				  table->parameters) &&
	       (!table->read_only || dm_task_set_ro(task));
}

static int resume(const char *name, struct vhdx_error *error)
{
	CLEANUP_TASK struct dm_task *task = new_task(DM_DEVICE_RESUME, name);

	if (!task)
		return no_task(error);
	return run_and_settle(task, "activate the table", name, error);
}

int vhdx_dm_reload(const char *name, const struct vhdx_dm_table *table,
		   struct vhdx_error *error)
{
	CLEANUP_TASK struct dm_task *task = new_task(DM_DEVICE_RELOAD, name);
	int ret;

	if (!task || !add_table(task, table))
		return no_task(error);
	ret = run(task, "load the table", name, error);
	return ret ? ret : resume(name, error);
}

static int create_empty(const char *name, const char *uuid,
			struct vhdx_error *error)
{
	CLEANUP_TASK struct dm_task *task = new_task(DM_DEVICE_CREATE, name);

	if (!task || !dm_task_set_uuid(task, uuid))
		return no_task(error);
	return run(task, "create the mapping", name, error);
}

/* In three steps: done in one, libdevmapper loses the errno of the table. */
static int create(const char *name, const char *uuid,
		  const struct vhdx_dm_table *table, struct vhdx_error *error)
{
	struct vhdx_error ignored;
	int ret;

	ret = create_empty(name, uuid, error);
	if (ret)
		return ret;
	ret = vhdx_dm_reload(name, table, error);
	if (ret)
		vhdx_dm_remove(name, false, &ignored);
	return ret;
}

static bool is_to_end(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
	       sigismember(&pending, SIGHUP);
}

/* A signal in between would leave a device that has the image, but no table. */
int vhdx_dm_create(const char *name, const char *uuid,
		   const struct vhdx_dm_table *table, struct vhdx_error *error)
{
	struct vhdx_error ignored;
	sigset_t ends, before;
	int ret;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, &before);
	ret = create(name, uuid, table, error);
	if (!ret && is_to_end()) {
		vhdx_dm_remove(name, false, &ignored);
		ret = vhdx_error_set(error, EINTR, "%s: stopped on request",
				     name);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ret;
}

/*
 * libdevmapper, where it makes the nodes, takes them away with every removal,
 * also with one that is yet to come: make the node what the device is.
 */
static void restore_node(const char *name)
{
	CLEANUP_TASK struct dm_task *task = new_task(DM_DEVICE_MKNODES, name);

	if (task && dm_task_run(task))
		dm_task_update_nodes();
}

int vhdx_dm_remove(const char *name, bool deferred, struct vhdx_error *error)
{
	CLEANUP_TASK struct dm_task *task = new_task(DM_DEVICE_REMOVE, name);
	int ret;

	/* Retry: udev may be looking at the device just now. */
	if (!task || (deferred ? !dm_task_deferred_remove(task) :
				 !dm_task_retry_remove(task)))
		return no_task(error);
	ret = run_and_settle(task, "remove the mapping", name, error);
	if (!ret && deferred)
		restore_node(name);
	return ret;
}

int vhdx_dm_find(const char *name, struct vhdx_dm_device *device,
		 struct vhdx_error *error)
{
	CLEANUP_TASK struct dm_task *task = new_task(DM_DEVICE_INFO, name);
	struct dm_info info;
	int ret;

	if (!task)
		return no_task(error);
	ret = run(task, "look at the mapping", name, error);
	if (ret)
		return ret;
	if (!dm_task_get_info(task, &info) || !info.exists)
		return vhdx_error_set(error, ENODEV,
				      "%s: there is no such mapping", name);

	*device = (struct vhdx_dm_device) {
		.major = info.major,
		.minor = info.minor,
		.open_count = info.open_count,
		.read_only = info.read_only,
		.suspended = info.suspended,
	};
	snprintf(device->name, sizeof(device->name), "%s", name);
	snprintf(device->uuid, sizeof(device->uuid), "%s",
		 dm_task_get_uuid(task));
	return 0;
}

/* Keep the device in the list if it is one of those wanted. */
static int add_to_list(const char *name, const char *prefix,
		       struct vhdx_dm_device **devices, size_t *count,
		       struct vhdx_error *error)
{
	struct vhdx_dm_device *grown, device;
	int ret;

	ret = vhdx_dm_find(name, &device, error);
	if (ret)
		return ret == -ENODEV ? 0 : ret;	/* it has just gone */
	if (strncmp(device.uuid, prefix, strlen(prefix)))
		return 0;

	grown = reallocarray(*devices, *count + 1, sizeof(**devices));
	if (!grown)
		return no_task(error);
	*devices = grown;
	grown[(*count)++] = device;
	return 0;
}

int vhdx_dm_list(const char *prefix, struct vhdx_dm_device **devices,
		 size_t *count, struct vhdx_error *error)
{
	CLEANUP_TASK struct dm_task *task = new_task(DM_DEVICE_LIST, NULL);
	struct dm_names *entry;
	unsigned int next = 0;
	int ret;

	*devices = NULL;
	*count = 0;
	if (!task)
		return no_task(error);
	ret = run(task, "list the mappings", "device-mapper", error);
	if (ret)
		return ret;

	entry = dm_task_get_names(task);
	if (!entry || !entry->dev)
		return 0;
	do {
		entry = (struct dm_names *)((char *)entry + next);
		ret = add_to_list(entry->name, prefix, devices, count, error);
		next = entry->next;
	} while (!ret && next);
	if (ret) {
		free(*devices);
		*devices = NULL;
	}
	return ret;
}

int vhdx_dm_read_table(const char *name, bool status,
		       struct vhdx_dm_table *table, char **text,
		       struct vhdx_error *error)
{
	CLEANUP_TASK struct dm_task *task = NULL;
	char *target = NULL, *parameters = NULL;
	uint64_t start, sectors;
	struct dm_info info;
	int ret;

	*text = NULL;
	task = new_task(status ? DM_DEVICE_STATUS : DM_DEVICE_TABLE, name);
	if (!task)
		return no_task(error);
	ret = run(task, "read the table", name, error);
	if (ret)
		return ret;
	dm_get_next_target(task, NULL, &start, &sectors, &target, &parameters);
	if (!dm_task_get_info(task, &info) || !info.exists || !target)
		return vhdx_error_set(error, ENODEV,
				      "%s: there is no such mapping", name);

	*text = strdup(parameters ? parameters : "");
	if (!*text)
		return no_task(error);
	*table = (struct vhdx_dm_table) {
		.sectors = sectors,
		.parameters = *text,
		.read_only = info.read_only,
	};
	snprintf(table->target, sizeof(table->target), "%s", target);
	return 0;
}

int vhdx_dm_message(const char *name, const char *message, char **reply,
		    struct vhdx_error *error)
{
	CLEANUP_TASK struct dm_task *task = new_task(DM_DEVICE_TARGET_MSG,
						     name);
	const char *text;
	int ret;

	if (!task || !dm_task_set_sector(task, 0) ||
	    !dm_task_set_message(task, message))
		return no_task(error);
	ret = run(task, "send a message", name, error);
	if (ret || !reply)
		return ret;
	text = dm_task_get_message_response(task);
	*reply = strdup(text ? text : "");
	return *reply ? 0 : no_task(error);
}
