/*
 * order_predictor.h - the options of orders that go by a predicted output length: a part of each, no interface.
 *
 * The prediction is the true length times a lognormal factor of median 1: sigma 0 knows it, sigma 1 is off by a factor
 * of e or more for a third of the requests. It is drawn once for a request, from a stream of its own.
 */
#ifndef POLICY_ORDER_PREDICTOR_H
#define POLICY_ORDER_PREDICTOR_H

#include "policy/order.h"

struct predictor_options {
    double error;
};

static const struct opt predictor_rows[] = {
    {"predictor_error", OPT_REAL, UNIT_NONE, offsetof(struct predictor_options, error), 0, 10, "0", NULL,
     "sigma of the lognormal factor by which the predicted answer differs from the true one; 0: it is known"},
};

static double predictor_error(const void *options)
{
    return ((const struct predictor_options *)options)->error;
}

#endif
