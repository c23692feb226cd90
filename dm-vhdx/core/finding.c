// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names, sentences and errnos of findings, and how a report collects them.
 */
#include "finding.h"

struct vhdx_finding_text {
	const char *name;
	const char *sentence;
	int err;
	enum vhdx_severity severity;
};

static const struct vhdx_finding_text vhdx_finding_texts[VHDX_F_COUNT] = {
	[VHDX_F_NONE] = { "NONE", "nothing is wrong", 0, VHDX_SEVERITY_UNTIDY },
#define VHDX_FINDING_TEXT(name, err, severity, sentence) \
	[VHDX_F_##name] = { #name, sentence, err, VHDX_SEVERITY_##severity },
	VHDX_FINDINGS(VHDX_FINDING_TEXT)
#undef VHDX_FINDING_TEXT
};

/**
 * vhdx_finding_name() - the name that every face prints
 * @finding: a finding
 */
const char *vhdx_finding_name(enum vhdx_finding finding)
{
	return vhdx_finding_texts[finding].name;
}

/**
 * vhdx_finding_sentence() - what it means, without a full stop
 * @finding: a finding
 */
const char *vhdx_finding_sentence(enum vhdx_finding finding)
{
	return vhdx_finding_texts[finding].sentence;
}

/**
 * vhdx_finding_severity() - whether it refuses the image, writing, or nothing
 * @finding: a finding
 */
enum vhdx_severity vhdx_finding_severity(enum vhdx_finding finding)
{
	return vhdx_finding_texts[finding].severity;
}

/**
 * vhdx_finding_errno() - the positive errno a refusal for it returns
 * @finding: a finding
 */
int vhdx_finding_errno(enum vhdx_finding finding)
{
	return vhdx_finding_texts[finding].err;
}

/**
 * vhdx_report() - report one finding
 * @report: where to
 * @finding: what
 * @where: file offset in bytes
 * @value: the offending number
 *
 * Return: the negative errno of the finding. Whether it ends the work is the
 * caller's business: see enum vhdx_severity and @report->keep_going.
 */
int vhdx_report(struct vhdx_report *report, enum vhdx_finding finding,
		u64 where, u64 value)
{
	enum vhdx_severity severity = vhdx_finding_severity(finding);

	report->count[severity]++;
	if (report->worst == VHDX_F_NONE ||
	    severity < vhdx_finding_severity(report->worst)) {
		report->worst = finding;
		report->where = where;
		report->value = value;
	}
	if (report->found)
		report->found(report, finding, where, value);
	return -vhdx_finding_errno(finding);
}

/**
 * vhdx_report_io() - report a failed container operation or allocation
 * @report: where to
 * @err: its negative errno
 * @where: file offset in bytes
 *
 * Return: @err.
 */
int vhdx_report_io(struct vhdx_report *report, int err, u64 where)
{
	if (err == -ENOMEM)
		vhdx_report(report, VHDX_F_NO_MEMORY, where, 0);
	else
		vhdx_report(report, VHDX_F_IO_ERROR, where, (u64)-err);
	return err;
}
