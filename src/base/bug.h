/*
 * bug.h - the program's own mistakes: say where the run was, then abort.
 *
 * Three kinds of trouble are kept apart (DESIGN.md, "Errors"):
 *   the user's       struct diags (diag.h): collected, all reported, nothing run
 *   the environment  struct err (err.h): returned, one message
 *   ours             sim_assert here, and memory running out: never returned
 *
 * bug_context names the instant for the message. One run has one simulating thread, which
 * owns it; other threads must not call bug_at.
 */
#ifndef BASE_BUG_H
#define BASE_BUG_H

#include <stddef.h>
#include <stdint.h>

struct bug_context {
    int64_t t_ns;  /* simulated time of the event being handled */
    uint64_t seq;  /* how many events were handled before it */
    uint64_t seed; /* of the run */
};

extern struct bug_context bug_context;

_Noreturn void bug_abort(const char *file, int line, const char *what);

#define sim_assert(cond)                                                                                               \
    do {                                                                                                               \
        if (__builtin_expect(!(cond), 0))                                                                              \
            bug_abort(__FILE__, __LINE__, #cond);                                                                      \
    } while (0)

/* malloc and kin that never return NULL: out of memory is reported like a bug. */
void *mem_alloc(size_t bytes);
void *mem_zalloc(size_t n, size_t bytes);
void *mem_realloc(void *p, size_t bytes);

/* Routes GSL's error handler to bug_abort. Call once at start. */
void bug_catch_gsl(void);

#endif
