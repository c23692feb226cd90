// SPDX-License-Identifier: GPL-2.0-only
/*
 * The footer at the end of a VHD and its copy at the start: read both, judge
 * them, choose one, and take from it what it says about the disk.
 *
 * A dynamic image has two footers so that one is good at any time; a fixed
 * image has only the one at the end, and whatever is at its start was written
 * by the guest. So the copy counts only if it says that the image is dynamic.
 */
#include "vhd.h"

/**
 * vhd_found() - report what is wrong with the image that is being opened
 * @o: the open
 * @finding: what
 * @where: file offset in bytes
 * @value: the offending number
 *
 * Return: 0 if the open can go on, else the finding's negative errno.
 */
int vhd_found(struct vhd_opening *o, enum vhdx_finding finding, u64 where,
	      u64 value)
{
	enum vhdx_severity severity = vhdx_finding_severity(finding);
	bool refuse = severity == VHDX_SEVERITY_FATAL ||
		(severity == VHDX_SEVERITY_WRITE && o->options->writable);
	int err;

	if (!refuse && !o->options->check)
		return 0;
	err = vhdx_report(o->report, finding, where, value);
	return refuse ? err : 0;
}

/**
 * vhd_found_but_go_on() - the same where a check can look for more
 * @o: the open
 * @finding: what
 * @where: file offset in bytes
 * @value: the offending number
 *
 * Return: as vhd_found(), but 0 in a check: it is refused at the end.
 */
int vhd_found_but_go_on(struct vhd_opening *o, enum vhdx_finding finding,
			u64 where, u64 value)
{
	int err = vhd_found(o, finding, where, value);

	if (!o->options->check)
		return err;
	if (!o->err)
		o->err = err;
	return 0;
}

/**
 * vhd_checksum() - the checksum of a structure
 * @disk: the structure
 * @bytes: its length
 * @field_bytes: where in it the checksum is, which counts as 0
 */
u32 vhd_checksum(const void *disk, size_t bytes, size_t field_bytes)
{
	const u8 *p = disk;
	u32 sum = 0;
	size_t i;

	for (i = 0; i < bytes; i++)
		if (i < field_bytes || i >= field_bytes + sizeof(u32))
			sum += p[i];
	return ~sum;
}

static u32 vhd_footer_checksum(const struct vhd_footer_disk *footer)
{
	return vhd_checksum(footer, sizeof(*footer),
			    offsetof(struct vhd_footer_disk, checksum));
}

/**
 * vhd_footer_seal() - set the checksum of a complete footer
 * @footer: the footer
 */
void vhd_footer_seal(struct vhd_footer_disk *footer)
{
	footer->checksum = cpu_to_be32(vhd_footer_checksum(footer));
}

/**
 * vhd_creator_is() - who made the image
 * @footer: its footer
 * @name: four characters, the last one a blank; a NUL will do instead
 */
bool vhd_creator_is(const struct vhd_footer_disk *footer, const char *name)
{
	const u8 *creator = footer->creator_application;

	return !memcmp(creator, name, 3) && (creator[3] == ' ' || !creator[3]);
}

/* Early Xen releases hid an image without sealing the footer again. */
static bool vhd_footer_sum_is_right(const struct vhd_footer_disk *footer)
{
	u32 sum = be32_to_cpu(footer->checksum);
	u32 is = vhd_footer_checksum(footer);

	if (sum == is)
		return true;
	return vhd_creator_is(footer, VHD_CREATOR_XEN) &&
		sum == is + footer->hidden;
}

static enum vhd_footer_state vhd_footer_judge(const struct vhd_footer_disk *f)
{
	if (!memcmp(f->cookie, VHD_FOOTER_COOKIE_POISON, sizeof(f->cookie)))
		return VHD_FOOTER_POISONED;
	if (memcmp(f->cookie, VHD_FOOTER_COOKIE, sizeof(f->cookie)))
		return VHD_FOOTER_ABSENT;
	if (!vhd_footer_sum_is_right(f))
		return VHD_FOOTER_BAD_CHECKSUM;
	return VHD_FOOTER_GOOD;
}

static int vhd_footer_read(struct vhd_opening *o, u64 at_bytes, size_t bytes,
			   struct vhd_footer_seen *seen)
{
	int err = vhdx_read(o->container, at_bytes, &seen->disk, bytes);

	if (err)
		return vhdx_report_io(o->report, err, at_bytes);
	seen->at_bytes = at_bytes;
	seen->is_short = bytes < VHD_FOOTER_BYTES;
	seen->state = vhd_footer_judge(&seen->disk);
	return 0;
}

static int vhd_footer_read_both(struct vhd_opening *o)
{
	u64 whole = ALIGN_DOWN(o->size_bytes, VHD_SECTOR_BYTES);
	int err;

	if (o->size_bytes - whole == VHD_FOOTER_SHORT_BYTES)
		err = vhd_footer_read(o, whole, VHD_FOOTER_SHORT_BYTES,
				      &o->end);
	else
		err = vhd_footer_read(o, whole - VHD_FOOTER_BYTES,
				      VHD_FOOTER_BYTES, &o->end);
	if (err)
		return err;
	return vhd_footer_read(o, 0, VHD_FOOTER_BYTES, &o->copy);
}

/*
 * Fields in which the two may differ: whoever changed one may have died before
 * the other.
 */
static bool vhd_footers_may_differ_at(size_t i)
{
	return (i >= offsetof(struct vhd_footer_disk, timestamp) &&
		i < offsetof(struct vhd_footer_disk, creator_application)) ||
		(i >= offsetof(struct vhd_footer_disk, checksum) &&
		 i < offsetof(struct vhd_footer_disk, unique_id)) ||
		i == offsetof(struct vhd_footer_disk, saved_state) ||
		i == offsetof(struct vhd_footer_disk, hidden);
}

static bool vhd_footers_agree(const struct vhd_footer_disk *a,
			      const struct vhd_footer_disk *b)
{
	const u8 *p = (const u8 *)a;
	const u8 *q = (const u8 *)b;
	size_t i;

	for (i = 0; i < sizeof(*a); i++)
		if (p[i] != q[i] && !vhd_footers_may_differ_at(i))
			return false;
	return true;
}

static bool vhd_footer_has_copy(const struct vhd_footer_disk *footer)
{
	u32 type = be32_to_cpu(footer->disk_type);

	return type == VHD_DISK_DYNAMIC || type == VHD_DISK_DIFFERENCING;
}

static int vhd_footer_is_missing(struct vhd_opening *o)
{
	enum vhdx_finding finding = VHDX_F_VHD_NO_FOOTER;

	if (o->end.state == VHD_FOOTER_BAD_CHECKSUM ||
	    o->copy.state == VHD_FOOTER_BAD_CHECKSUM)
		finding = VHDX_F_VHD_FOOTER_CHECKSUM;
	else if (o->options->any_format)
		finding = VHDX_F_NOT_AN_IMAGE;
	return vhd_found(o, finding, o->end.at_bytes, 0);
}

/* The footer at the end is good. Is its copy? */
static int vhd_footer_check_copy(struct vhd_opening *o)
{
	struct vhd_image *vhd = o->vhd;

	if (!vhd_footer_has_copy(&vhd->footer))
		return 0;
	vhd->copy_good = o->copy.state == VHD_FOOTER_GOOD;
	if (!vhd->copy_good)
		return vhd_found(o, VHDX_F_VHD_FOOTER_COPY_BAD, 0, 0);
	if (!vhd_footers_agree(&o->end.disk, &o->copy.disk))
		return vhd_found(o, VHDX_F_VHD_FOOTERS_DIFFER, 0, 0);
	return 0;
}

static int vhd_footer_choose(struct vhd_opening *o)
{
	struct vhd_image *vhd = o->vhd;

	if (o->end.state == VHD_FOOTER_POISONED ||
	    (o->end.state != VHD_FOOTER_GOOD &&
	     o->copy.state == VHD_FOOTER_POISONED))
		return vhd_found(o, VHDX_F_VHD_DISABLED, o->end.at_bytes, 0);
	if (o->end.state == VHD_FOOTER_GOOD) {
		vhd->footer = o->end.disk;
		vhd->footer_bytes = o->end.at_bytes;
		vhd->footer_at_end = true;
		if (o->end.is_short)
			vhd_found(o, VHDX_F_VHD_FOOTER_SHORT, o->end.at_bytes,
				  VHD_FOOTER_SHORT_BYTES);
		return vhd_footer_check_copy(o);
	}
	if (o->copy.state == VHD_FOOTER_GOOD &&
	    vhd_footer_has_copy(&o->copy.disk)) {
		vhd->footer = o->copy.disk;
		vhd->copy_good = true;
		return vhd_found(o, VHDX_F_VHD_FOOTER_MISSING, o->end.at_bytes,
				 0);
	}
	return vhd_footer_is_missing(o);
}

static int vhd_footer_check_type(struct vhd_opening *o)
{
	u32 type = be32_to_cpu(o->vhd->footer.disk_type);

	switch (type) {
	case VHD_DISK_FIXED:
		o->vhd->base.geometry.type = VHDX_TYPE_FIXED;
		return 0;
	case VHD_DISK_DYNAMIC:
		o->vhd->base.geometry.type = VHDX_TYPE_DYNAMIC;
		return 0;
	case VHD_DISK_DIFFERENCING:
		return vhd_found(o, VHDX_F_DIFFERENCING,
				 o->vhd->footer_bytes, type);
	default:
		return vhd_found(o, VHDX_F_VHD_TYPE, o->vhd->footer_bytes,
				 type);
	}
}

static bool vhd_footer_says_saved(const struct vhd_opening *o)
{
	return o->vhd->footer.saved_state ||
		(o->vhd->copy_good && o->copy.disk.saved_state);
}

static int vhd_footer_check_state(struct vhd_opening *o)
{
	const struct vhd_footer_disk *footer = &o->vhd->footer;
	u64 at = o->vhd->footer_bytes;
	u32 version = be32_to_cpu(footer->format_version);
	int err;

	if (version >> 16 != VHD_FOOTER_VERSION >> 16)
		return vhd_found(o, VHDX_F_VHD_VERSION, at, version);
	if (vhd_creator_is(footer, VHD_CREATOR_XEN) && footer->hidden) {
		err = vhd_found_but_go_on(o, VHDX_F_VHD_HIDDEN, at,
					  footer->hidden);
		if (err)
			return err;
	}
	if (vhd_footer_says_saved(o))
		return vhd_found(o, VHDX_F_VHD_SAVED_STATE, at,
				 footer->saved_state);
	return 0;
}

/* The largest geometry: the disk may be larger still. */
#define VHD_CHS_BYTES_MAX (65535ULL * 16 * 255 * VHD_SECTOR_BYTES)

/*
 * Nearly everybody means current_size. A guest of Virtual PC saw only as much
 * as cylinders, heads and sectors express.
 */
static u64 vhd_footer_virtual_bytes(const struct vhd_footer_disk *footer)
{
	u64 current_bytes = be64_to_cpu(footer->current_size);
	u64 chs_bytes = ((u64)be16_to_cpu(footer->cylinders) * footer->heads *
			 footer->sectors_per_track) << VHD_SECTOR_SHIFT;

	if (vhd_creator_is(footer, VHD_CREATOR_VIRTUAL_PC) && chs_bytes &&
	    chs_bytes <= current_bytes && chs_bytes < VHD_CHS_BYTES_MAX)
		return chs_bytes;
	return current_bytes;
}

static int vhd_footer_check_size(struct vhd_opening *o)
{
	struct vhdx_geometry *geometry = &o->vhd->base.geometry;
	u64 limit = geometry->type == VHDX_TYPE_FIXED ?
		VHD_FIXED_BYTES_MAX : VHD_DYNAMIC_BYTES_MAX;
	u64 bytes = vhd_footer_virtual_bytes(&o->vhd->footer);

	geometry->virtual_bytes = bytes;
	if (!bytes || bytes > limit || !IS_ALIGNED(bytes, VHD_SECTOR_BYTES))
		return vhd_found(o, VHDX_F_VIRTUAL_SIZE, o->vhd->footer_bytes,
				 bytes);
	return 0;
}

/**
 * vhd_footer_open() - find the footer and learn from it
 * @o: the open
 *
 * Sets the type and size of the disk and its id. May sleep.
 *
 * Return: 0 or the negative errno of what has been reported.
 */
int vhd_footer_open(struct vhd_opening *o)
{
	int err;

	if (o->size_bytes < VHD_FOOTER_BYTES)
		return vhd_found(o, VHDX_F_TOO_SHORT, 0, o->size_bytes);
	err = vhd_footer_read_both(o);
	if (!err)
		err = vhd_footer_choose(o);
	if (!err)
		err = vhd_footer_check_state(o);
	if (!err)
		err = vhd_footer_check_type(o);
	if (!err)
		err = vhd_footer_check_size(o);
	if (err)
		return err;
	memcpy(o->vhd->base.geometry.id, o->vhd->footer.unique_id,
	       sizeof(o->vhd->footer.unique_id));
	return 0;
}
