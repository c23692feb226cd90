// SPDX-License-Identifier: GPL-2.0-only
/*
 * Findings: every one can be named and told, and a report keeps the gravest.
 */
#include "finding.h"
#include "unit.h"

static int f;

static void each_has_a_name_and_a_sentence(void **state)
{
	int g;

	(void)state;
	for (f = 1; f < VHDX_F_COUNT; f++) {
		const char *name = vhdx_finding_name(f);
		const char *sentence = vhdx_finding_sentence(f);

		assert_non_null(name);
		assert_true(strlen(name) > 3);
		assert_int_equal(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"),
				 strlen(name));
		assert_true(strlen(sentence) > 10);
		assert_true(sentence[strlen(sentence) - 1] != '.');
		for (g = 1; g < f; g++) {
			assert_string_not_equal(name, vhdx_finding_name(g));
			assert_string_not_equal(sentence,
						vhdx_finding_sentence(g));
		}
	}
}

static void what_refuses_has_an_errno(void **state)
{
	(void)state;
	for (f = 1; f < VHDX_F_COUNT; f++) {
		int err = vhdx_finding_errno(f);

		assert_true(err >= 0);
		if (vhdx_finding_severity(f) != VHDX_SEVERITY_UNTIDY)
			assert_true(err > 0);
	}
	assert_int_equal(vhdx_finding_errno(VHDX_F_NONE), 0);
}

static unsigned int heard;
static enum vhdx_finding last;

static void hear(struct vhdx_report *report, enum vhdx_finding finding,
		 u64 where, u64 value)
{
	(void)report;
	assert_int_equal(where, 10 * value);
	heard++;
	last = finding;
}

static void the_gravest_is_kept(void **state)
{
	struct vhdx_report report = { .found = hear };

	(void)state;
	heard = 0;
	assert_int_equal(vhdx_report(&report, VHDX_F_LOG_DIRTY, 10, 1), 0);
	assert_int_equal(report.worst, VHDX_F_LOG_DIRTY);
	assert_int_equal(vhdx_report(&report, VHDX_F_VHD_FOOTERS_DIFFER, 20, 2),
			 -EUCLEAN);
	assert_int_equal(report.worst, VHDX_F_VHD_FOOTERS_DIFFER);
	assert_int_equal(vhdx_report(&report, VHDX_F_BAT_STATE, 30, 3),
			 -EUCLEAN);
	assert_int_equal(vhdx_report(&report, VHDX_F_BLOCK_OVERLAP, 40, 4),
			 -EUCLEAN);
	vhdx_report(&report, VHDX_F_TAIL_UNUSED, 50, 5);
	assert_int_equal(report.worst, VHDX_F_BAT_STATE);
	assert_int_equal(report.where, 30);
	assert_int_equal(report.value, 3);
	assert_int_equal(heard, 5);
	assert_int_equal(last, VHDX_F_TAIL_UNUSED);
	assert_int_equal(report.count[VHDX_SEVERITY_FATAL], 2);
	assert_int_equal(report.count[VHDX_SEVERITY_WRITE], 1);
	assert_int_equal(report.count[VHDX_SEVERITY_UNTIDY], 2);
}

static void errors_of_the_host_are_findings(void **state)
{
	struct vhdx_report report = { 0 };

	(void)state;
	assert_int_equal(vhdx_report_io(&report, -EIO, 4096), -EIO);
	assert_int_equal(report.worst, VHDX_F_IO_ERROR);
	assert_int_equal(report.where, 4096);
	assert_int_equal(report.value, EIO);
	memset(&report, 0, sizeof(report));
	assert_int_equal(vhdx_report_io(&report, -ENOMEM, 1), -ENOMEM);
	assert_int_equal(report.worst, VHDX_F_NO_MEMORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_a_name_and_a_sentence),
		cmocka_unit_test(what_refuses_has_an_errno),
		cmocka_unit_test(the_gravest_is_kept),
		cmocka_unit_test(errors_of_the_host_are_findings),
	};

	return cmocka_run_group_tests_name("finding", tests, NULL, NULL);
}
