#include "config.h"

#include "study/engine_slice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

#define SECONDARY_WEIGHT 0.25 /* of rows whose protocol is not known */

static bool is_headline(const struct silicon_row *r)
{
    return strcmp(r->config.proto, "ix10c") == 0 && *r->flag == '\0';
}

void slice_add(struct slice *s, const struct silicon_row *row, int64_t interval, struct predict_case *c)
{
    char name[96];
    int64_t g = 0;

    s->rows = mem_realloc(s->rows, (size_t)(s->n + 1) * sizeof *s->rows);
    s->cases = mem_realloc(s->cases, (size_t)(s->n + 1) * sizeof *s->cases);
    s->interval = mem_realloc(s->interval, (size_t)(s->n + 1) * sizeof *s->interval);
    s->group = mem_realloc(s->group, (size_t)(s->n + 1) * sizeof *s->group);
    s->headline = mem_realloc(s->headline, (size_t)(s->n + 1) * sizeof *s->headline);
    snprintf(name, sizeof name, "%s %s", row->config.model, row->config.system);
    while (g < s->n_groups && strcmp(s->groups[g].name, name) != 0)
        g++;
    if (g == s->n_groups) {
        s->groups = mem_realloc(s->groups, (size_t)(g + 1) * sizeof *s->groups);
        s->groups[g] = (struct group){.n = 0};
        snprintf(s->groups[g].name, sizeof s->groups[g].name, "%s", name);
        s->n_groups++;
    }
    s->groups[g].n++;
    s->rows[s->n] = row;
    s->cases[s->n] = *c;
    s->interval[s->n] = interval;
    s->common_interval = s->n == 0 || s->common_interval == interval ? interval : 0;
    s->group[s->n] = (int)g;
    s->headline[s->n] = is_headline(row);
    s->n_headline += s->headline[s->n];
    s->n++;
}

void slice_close(struct slice *s)
{
    s->engine = mem_zalloc((size_t)s->n, sizeof *s->engine);
    s->engines = mem_zalloc((size_t)s->n, sizeof *s->engines);
    s->results = mem_zalloc((size_t)s->n, sizeof *s->results);
    s->r0 = mem_zalloc(2 * (size_t)s->n, sizeof *s->r0);
    s->jacobian = mem_zalloc(2 * (size_t)s->n * ENGINE_KEYS, sizeof *s->jacobian);
    memcpy(s->estimate, s->prior, sizeof s->prior);
    for (int64_t i = 0; i < s->n; i++) {
        s->engine[i] = s->cases[i].sc.layout.engine;
        s->engines[i] = &s->engine[i];
    }
}

void slice_free(struct slice *s)
{
    for (int64_t i = 0; i < s->n; i++)
        predict_release(&s->cases[i]);
    free(s->rows);
    free(s->cases);
    free(s->engine);
    free(s->engines);
    free(s->results);
    free(s->r0);
    free(s->jacobian);
    free(s->interval);
    free(s->group);
    free(s->headline);
    free(s->groups);
}

void slice_residuals(struct slice *s, const double *p, double *r)
{
    for (int64_t i = 0; i < s->n; i++) {
        engine_set(&s->engine[i], p);
        if (s->interval[i] > 0)
            s->engine[i].stream_interval = s->interval[i];
    }
    predict_all(s->cases, s->n, s->engines, s->workers, s->results);
    for (int64_t i = 0; i < s->n; i++) {
        const struct predict_result *x = &s->results[i];
        double tpot = log(x->tpot_ms / s->rows[i]->tpot_ms), ttft = log(x->ttft_ms / s->rows[i]->ttft_ms);
        r[i] = x->ok && isfinite(tpot) ? tpot : 0;
        r[s->n + i] = x->ok && isfinite(ttft) && s->headline[i] ? ttft : 0;
    }
}

void slice_weights(const struct slice *s, int64_t leave_out, double *w)
{
    for (int64_t i = 0; i < s->n; i++) {
        double each = 1 / sqrt(sqrt((double)s->groups[s->group[i]].n));
        if (s->group[i] == leave_out)
            each = 0;
        w[i] = each * (s->headline[i] ? 1 : SECONDARY_WEIGHT);
        w[s->n + i] = s->headline[i] ? each : 0;
    }
}

void slice_jacobian(struct slice *s, const double *at, double *r0, double *jacobian)
{
    double *r = mem_zalloc(2 * (size_t)s->n, sizeof *r);

    slice_residuals(s, at, r0);
    for (int k = 0; k < ENGINE_KEYS; k++) {
        double p[ENGINE_KEYS], step = engine_keys[k].kind == ENGINE_COUNT ? 0.5 : 0.05;
        memcpy(p, at, sizeof p);
        p[k] *= exp(step);
        slice_residuals(s, p, r);
        for (int64_t i = 0; i < 2 * s->n; i++)
            jacobian[(size_t)i * ENGINE_KEYS + (size_t)k] = (r[i] - r0[i]) / step;
    }
    free(r);
}
