/*
 * arrival_servegen.c - the superposition of clients, each with its own rate over the day, burstiness and lengths, as
 * ServeGen measured them (workload/servegen.h, which reads the files and draws).
 */
#include "policy/arrival.h"
#include "policy/servegen.h"

static const char *const choices[] = {"largest", "random", NULL};
_Static_assert(SERVEGEN_LARGEST == 0 && SERVEGEN_RANDOM == 1, "the order of choices");

static const struct opt rows[] = {
    {"servegen", OPT_PATH, UNIT_NONE, offsetof(struct servegen_options, folder), OPT_NO_LIMITS, NULL, NULL,
     "folder with chunk-N-trace.csv and chunk-N-dataset.json of each client N"},
    {"clients", OPT_INT, UNIT_NONE, offsetof(struct servegen_options, clients), 1, 1e6, "", NULL,
     "how many clients; beyond the number of files, these come again with draws of their own; without it, one each"},
    {"clients_choice", OPT_CHOICE, UNIT_NONE, offsetof(struct servegen_options, choice), OPT_NO_LIMITS, "largest",
     choices, "which files they have: by mean rate, the highest first; or each drawn anew"},
    {"rate_scale", OPT_REAL, UNIT_NONE, offsetof(struct servegen_options, rate_scale), 1e-6, 1e6, "1", NULL,
     "each client's rate at all times, times this; its burstiness stays"},
    {"day_start", OPT_TIME, UNIT_SECOND, offsetof(struct servegen_options, day_start_ns), 0, 9e6, "0s", NULL,
     "time of the measured day that is time 0; the day comes over and over"},
};

const struct arrival_ops arrival_servegen_ops = {
    .policy = {"servegen", "many clients, each as ServeGen measured it", OPT_TABLE(rows),
               sizeof(struct servegen_options)},
    .kind = ARRIVAL_CLIENTS,
};
