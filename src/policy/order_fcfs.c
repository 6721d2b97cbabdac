/* fcfs - first come, first served; who was preempted returns to the head of the queue. */
#include "policy/order.h"

const struct order_ops order_fcfs_ops = {
    .policy = {.name = "fcfs", .help = "first come, first served; the preempted before all others"},
};
