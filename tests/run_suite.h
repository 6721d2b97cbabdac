/*
 * run_suite.h - what each Check program ends with: runs the suite, prints Check's summary, gives the exit code.
 *
 * Check writes a line to a file at each assertion that holds, so that it can tell the last one before a crash: in loops
 * of a million that takes longer than what is tested. Here an assertion that holds costs nothing; of a crash Check then
 * knows the test only, and a debugger or the sanitizers' build the line.
 *
 * A test case that judges the laws of very many draws has the tag "statistics" (tcase_set_tags): tools/test leaves it
 * out under sanitizers (CK_EXCLUDE_TAGS), which other tests give the same code to look at.
 */
#ifndef TESTS_RUN_SUITE_H
#define TESTS_RUN_SUITE_H

#include <check.h>
#include <stdlib.h>

#define _mark_point(file, line) ((void)0)

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
