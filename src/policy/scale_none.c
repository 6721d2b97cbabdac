/* none - all replicas of the pool are there from the start to the end. */
#include "policy/scaler.h"

const struct scaler_ops scale_none_ops = {
    .policy = {.name = "none", .help = "all replicas are there from the start to the end"},
};
