/*
 * engine_preset.h - the figures of [engine] that are fitted, and the preset they are written to.
 *
 * One table: name, where it lies in struct engine_options, limits, and the prior, a normal law of the logarithm
 * around "as the kernels were measured". Times in seconds here, in ns there. Ownership: none kept.
 */
#ifndef STUDY_ENGINE_PRESET_H
#define STUDY_ENGINE_PRESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "policy/layout.h"

enum engine_key_kind { ENGINE_TIME, ENGINE_SCALE, ENGINE_COUNT };

struct engine_key {
    const char *name;
    enum engine_key_kind kind;
    size_t offset;
    double start, low, high, sd; /* the prior's centre, limits, deviation of the logarithm */
};

enum { ENGINE_KEYS = 17 };
extern const struct engine_key engine_keys[ENGINE_KEYS];

void engine_set(struct engine_options *e, const double *values);

struct engine_preset {
    const char *name, *engine; /* ENGINE-GENERATION, ENGINE */
    const char *date, *source;
    int64_t rows, groups, headline, held;    /* what it was fitted to; rows predicted with their group left out */
    double tpot, ttft, held_tpot, held_ttft; /* median absolute errors, % */
    double tpot_spread, ttft_spread;         /* of rows left out: 90% lie within e^-spread .. e^spread; 0: unknown */
    bool interval_said;                      /* stream_interval was not fitted: the recipes say it */
    const double *value, *error;             /* [ENGINE_KEYS], standard errors */
};

/* FOLDER/NAME.ini. False with diags. */
bool engine_preset_write(const struct engine_preset *p, const char *folder, struct diags *d);

#endif
