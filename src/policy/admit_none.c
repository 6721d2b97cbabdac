/* none - every request is let in, as engines do by themselves: the queue takes what comes. */
#include "policy/admission.h"

const struct admission_ops admit_none_ops = {
    .policy = {.name = "none", .help = "every request is let in"},
};
