/*
 * diag.h - the user's mistakes: all of them collected, each with file:line and the fix.
 *
 *   chat.ini:14: [replica] tp: "x" is not a whole number (want e.g. 4)
 *
 * Owner: whoever calls diags_init; messages live until diags_free.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stddef.h>
#include <stdio.h>

struct diag {
    const char *file; /* owned copy; NULL where the mistake has no place (a missing section) */
    int line;         /* 0: none */
    char *text;       /* owned */
};

struct diags {
    struct diag *at;
    size_t n, cap;
};

void diags_init(struct diags *d);
void diags_free(struct diags *d);

/* file may be NULL and line 0; fmt gives the message without file:line and without newline. */
void diags_add(struct diags *d, const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* So many are printed: a file that is no text at all must not flood the terminal. */
enum { DIAGS_SHOWN = 100 };

/* One line each, in the order found, sorted by (file as first seen, line); the first DIAGS_SHOWN of them. */
void diags_print(const struct diags *d, FILE *out);

#endif
