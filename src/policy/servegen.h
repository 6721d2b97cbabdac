/* servegen.h - what a scenario says of ServeGen's clients, for workload/servegen.h. */
#ifndef POLICY_SERVEGEN_H
#define POLICY_SERVEGEN_H

#include <stdint.h>

enum servegen_choice { SERVEGEN_LARGEST, SERVEGEN_RANDOM };

struct servegen_options {
    const char *folder;
    int64_t clients; /* 0: one of each file */
    int choice;      /* enum servegen_choice */
    double rate_scale;
    int64_t day_start_ns;
};

#endif
