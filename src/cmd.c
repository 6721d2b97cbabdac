#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"

void cmd_sets_add(struct cmd_sets *s, char *assignment)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 8;
        s->at = mem_realloc(s->at, s->cap * sizeof *s->at);
    }
    s->at[s->n++] = assignment;
}

void cmd_sets_free(struct cmd_sets *s)
{
    free(s->at);
    *s = (struct cmd_sets){0};
}

void cmd_print_mistakes(const struct diags *d)
{
    fflush(stdout);
    diags_print(d, stderr);
    fprintf(stderr, "%zu mistake%s%s; nothing was run\n", d->n, d->n == 1 ? "" : "s",
            d->n > DIAGS_SHOWN ? ", the first of them above" : "");
}
