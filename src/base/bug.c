#include "base/bug.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <gsl/gsl_errno.h>

struct bug_context bug_context;

_Noreturn void bug_abort(const char *file, int line, const char *what)
{
    fprintf(stderr, "tiersim: bug: %s:%d: %s\n  at t=%" PRId64 " ns, event %" PRIu64 ", seed %" PRIu64 "\n", file, line,
            what, bug_context.t_ns, bug_context.seq, bug_context.seed);
    abort();
}

static void *checked(void *p)
{
    if (p == NULL)
        bug_abort(__FILE__, __LINE__, "out of memory");
    return p;
}

void *mem_alloc(size_t bytes)
{
    return checked(malloc(bytes ? bytes : 1));
}

void *mem_zalloc(size_t n, size_t bytes)
{
    return checked(calloc(n ? n : 1, bytes ? bytes : 1));
}

void *mem_realloc(void *p, size_t bytes)
{
    return checked(realloc(p, bytes ? bytes : 1));
}

static void gsl_failed(const char *reason, const char *file, int line, int gsl_errno)
{
    (void)gsl_errno;
    bug_abort(file, line, reason);
}

void bug_catch_gsl(void)
{
    gsl_set_error_handler(gsl_failed);
}
