#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

static void add_set(struct cmd_scenario *s, char *assignment)
{
    if (s->n_sets == s->cap_sets) {
        s->cap_sets = s->cap_sets ? 2 * s->cap_sets : 8;
        s->sets = mem_realloc(s->sets, s->cap_sets * sizeof *s->sets);
    }
    s->sets[s->n_sets++] = assignment;
}

void cmd_scenario_free(struct cmd_scenario *s)
{
    free(s->sets);
    *s = (struct cmd_scenario){0};
}

static const struct argp_option options[] = {
    {"set", 's', "SECTION.KEY=VALUE", 0, "set a key of the scenario; may be repeated", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct cmd_scenario *s = state->input;

    switch (key) {
    case 's':
        add_set(s, arg);
        return 0;
    case ARGP_KEY_ARG:
        if (s->path)
            argp_error(state, "one scenario at a time: \"%s\" is too many", arg);
        s->path = arg;
        return 0;
    case ARGP_KEY_END:
        if (s->path == NULL)
            argp_error(state, "which scenario? e.g. %s scenarios/quickstart.ini", state->name);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp cmd_scenario_argp = {options, parse, "SCENARIO", NULL, NULL, NULL, NULL};

int cmd_workers(const char *text, struct argp_state *state)
{
    enum { MOST = 256 };
    char *end;
    long n = strtol(text, &end, 10);

    if (*end || end == text || n < 1 || n > MOST)
        argp_error(state, "-j: \"%s\" is not a whole number from 1 to %d", text, MOST);
    return (int)n;
}

int64_t cmd_replications(const char *text, struct argp_state *state)
{
    enum { MOST = 100000 };
    char *end;
    long n = strtol(text, &end, 10);

    if (*end || end == text || n < 2 || n > MOST)
        argp_error(state, "--replications: \"%s\" is not a whole number from 2 to %d", text, MOST);
    return n;
}

int64_t cmd_point(const char *text, struct argp_state *state)
{
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0' || strlen(text) > 9)
        argp_error(state, "--point: \"%s\" is not the number of a point", text);
    return strtoll(text, NULL, 10);
}

void cmd_print_mistakes(const struct diags *d)
{
    fflush(stdout);
    diags_print(d, stderr);
    fprintf(stderr, "%zu mistake%s%s; nothing was run\n", d->n, d->n == 1 ? "" : "s",
            d->n > DIAGS_SHOWN ? ", the first of them above" : "");
}
