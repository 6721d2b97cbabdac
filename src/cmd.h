/*
 * cmd.h - the commands, and what they share. Each parses its own arguments (argp) and returns the exit code.
 */
#ifndef CMD_H
#define CMD_H

#include <stddef.h>

#include "base/diag.h"

int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_report(int argc, char **argv);

/* The -s assignments of a command line; they point into argv. */
struct cmd_sets {
    char **at;
    size_t n, cap;
};
void cmd_sets_add(struct cmd_sets *s, char *assignment);
void cmd_sets_free(struct cmd_sets *s);

/* All mistakes and their number, on stderr. */
void cmd_print_mistakes(const struct diags *d);

#endif
