/*
 * marginal.h - what a little more of a token would cost, beside what attribution says it does.
 *
 * Three runs with common random numbers, in replications: as it is; with all tokens that come in times 1 + more; with
 * all that are generated ([workload] input_scale, output_scale). A fleet costs the same by the hour whatever it does,
 * so what counts is how much more of it is used, u = cost_usd (1 - cost_idle_share), at the share of idle that it has
 * now:
 *
 *   u_in  - u = m_in di_in  + m_out do_in           di, do: tokens computed of prompts, of answers, more than before
 *   u_out - u = m_in di_out + m_out do_out          marginal cost of a token = m / (1 - cost_idle_share)
 *
 * (answers of sessions and agents come back as prompts, so both sides change in both runs). One solution a replication;
 * Student intervals over them. Input tokens found cached are left to m_in.
 *
 * Marginal and attributed costs differ where costs are shared: weights that a step reads are there for one token as for
 * a hundred, so the next token is cheaper than the mean one; longer prompts make all later steps longer, which
 * attribution has the answers pay. `covered` says how much of the bill marginal prices would bring in.
 */
#ifndef STUDY_MARGINAL_H
#define STUDY_MARGINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "study/interval.h"

enum marginal_token { MARGINAL_INPUT, MARGINAL_OUTPUT, MARGINAL_TOKENS };

struct marginal_ask {
    const char *path;
    char *const *sets;
    size_t n_sets;
    double more; /* 0.01: 1 % more */
    int64_t replications;
    int workers; /* 0: one a core */
};

struct marginal_result {
    struct interval attributed[MARGINAL_TOKENS], marginal[MARGINAL_TOKENS], ratio[MARGINAL_TOKENS]; /* US$ a million */
    struct interval covered; /* marginal prices times tokens, over what attribution gives them */
};

/* -1 with err: the scenario is wrong, has no [prices], or a run failed. */
int marginal_find(const struct marginal_ask *ask, struct marginal_result *out, struct err *e);
void marginal_print(const struct marginal_result *r, const struct marginal_ask *ask, bool json, FILE *out);

#endif
