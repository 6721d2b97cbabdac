/* advance.h - a clock in whole ns that goes on by seconds, without losing the fractions. */
#ifndef WORKLOAD_ADVANCE_H
#define WORKLOAD_ADVANCE_H

#include <stdbool.h>
#include <stdint.h>

/* Adds s seconds to *t_ns, to the ns below, and leaves the rest in *carry. False where the clock would end. */
static inline bool advance(int64_t *t_ns, double *carry, double s)
{
    double ns = s * 1e9 + *carry;

    if (!(ns < (double)(INT64_MAX - *t_ns)))
        return false;
    int64_t whole = (int64_t)ns;
    *carry = ns - (double)whole;
    *t_ns += whole;
    return true;
}

#endif
