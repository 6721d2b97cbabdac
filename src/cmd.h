/*
 * cmd.h - the commands, and what they share. Each parses its own arguments (argp) and returns the exit code.
 */
#ifndef CMD_H
#define CMD_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "study/replicate.h"

int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_sweep(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_describe(int argc, char **argv);
int cmd_demand(int argc, char **argv);
int cmd_validate(int argc, char **argv);
int cmd_calibrate(int argc, char **argv);
int cmd_capacity(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_marginal(int argc, char **argv);

/* What a command that takes a scenario is given; the strings are argv's. */
struct cmd_scenario {
    const char *path;
    char **sets; /* -s SECTION.KEY=VALUE, in order */
    size_t n_sets, cap_sets;
};
void cmd_scenario_free(struct cmd_scenario *s);

/* argp's child of the commands that take a scenario: the SCENARIO argument and -s. Its input is a struct cmd_scenario,
 * which the parent names in child_inputs at ARGP_KEY_INIT. */
extern const struct argp cmd_scenario_argp;

/* The N of -j: how many rows are simulated at once. What is no such number ends the program by argp_error. */
int cmd_workers(const char *text, struct argp_state *state);

/* The N of --replications, likewise. */
int64_t cmd_replications(const char *text, struct argp_state *state);

/* cmd_run_replicate.c: argp's child of run, --replications and --until-ci. Its input is a struct replicate
 * (study/replicate.h) of which it fills ask.workers, n, most and targets; n = 0: one run. */
extern const struct argp cmd_replicate_argp;

/* cmd_run_memory.c: what the results file says of the run's memories. It borrows from the scenario and the world. */
struct scenario;
struct store_memory;
struct world;
void cmd_run_memory(const struct scenario *sc, const struct world *w, struct store_memory *out);
void cmd_run_memory_free(struct store_memory *m);

/* cmd_run_store.c: its results file at path, the scenario's options in it. Classes and pools are the caller's to free; the
 * classes must outlive the store. */
struct store;
struct store_class;
struct store_pool;
struct workload;
struct err;
struct store_class *cmd_run_classes(const struct scenario *sc);
struct store_pool *cmd_run_pools(const struct scenario *sc);
int cmd_run_open(struct store **out, const char *path, bool force, const struct scenario *sc, const struct workload *load,
                 const struct store_class *classes, struct err *e);

/* cmd_run_bill.c: what it costs, by [prices]; no part without. It borrows from the scenario. */
struct store_bill;
void cmd_run_bill(const struct scenario *sc, struct store_bill *out);

/* The K of --point. */
int64_t cmd_point(const char *text, struct argp_state *state);

/* All mistakes and their number, on stderr. */
void cmd_print_mistakes(const struct diags *d);

#endif
