/*
 * main.c - tiersim COMMAND ...: one thin file a command; the work is in libtiersim.a.
 */
#include "config.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/err.h"
#include "cmd.h"
#include "conf/opt.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"run", cmd_run, "simulate a scenario into a results file and report"},
    {"check", cmd_check, "read a scenario and say what is wrong with it, or what it resolves to"},
    {"explain", cmd_explain, "what a key, a section or a policy means"},
    {"sweep", cmd_sweep, "run all points of a study, a scenario with ${...} values, into one file"},
    {"merge", cmd_merge, "put the points of a study that ran elsewhere into one file"},
    {"report", cmd_report, "print what a results file says"},
    {"capacity", cmd_capacity, "the highest load that a fleet holds, or the cheapest fleet that holds its load"},
    {"marginal", cmd_marginal, "what one more token costs, beside what is attributed to it"},
    {"compare", cmd_compare, "two sets of runs against each other: differences with intervals, what is significant"},
    {"export", cmd_export, "what a results file holds, in another form: a trace to replay"},
    {"describe", cmd_describe, "what a model or a GPU of the catalogue, tiers or a trace are, in figures"},
    {"demand", cmd_demand, "what memory a system takes that serves so many tokens a day as a run did, and what it costs"},
    {"validate", cmd_validate, "simulate measured deployments and say how far off the predictions are"},
    {"calibrate", cmd_calibrate, "fit the model's figures to measurements"},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void usage(FILE *out)
{
    fprintf(out, "Usage: tiersim COMMAND [ARGUMENT...]\n"
                 "Simulates datacenters that serve large language models; every event goes to SQLite.\n\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-9s  %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\n`tiersim COMMAND --help` says more.\n");
}

static int run_command(int argc, char **argv)
{
    const char *names[N_COMMANDS];

    if (argc < 2) {
        usage(stderr);
        return EXIT_CODE_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return EXIT_CODE_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts(PACKAGE_STRING);
        return EXIT_CODE_OK;
    }
    for (int i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i].name;
        if (strcmp(argv[1], commands[i].name) == 0) {
            char name[64];
            snprintf(name, sizeof name, "tiersim %s", commands[i].name);
            argv[1] = name; /* argp prints it in its usage */
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    const char *near = opt_nearest(argv[1], names, N_COMMANDS);
    fprintf(stderr, "tiersim: no command \"%s\"%s%s%s; see tiersim --help\n", argv[1], near ? " (did you mean " : "",
            near ? near : "", near ? "?)" : "");
    return EXIT_CODE_USAGE;
}

int main(int argc, char **argv)
{
    bug_catch_gsl();
    argp_err_exit_status = EXIT_CODE_USAGE;
    int code = run_command(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout) || (close(STDOUT_FILENO) != 0 && errno != EBADF)) {
        fprintf(stderr, "tiersim: cannot write to standard output: %s\n", strerror(errno));
        return code == EXIT_CODE_OK ? EXIT_CODE_IO : code;
    }
    return code;
}
