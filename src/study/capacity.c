#include "study/capacity.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "report/verdict.h"
#include "study/trials.h"

static int64_t repeat_of(const struct capacity_ask *ask, int64_t own)
{
    return ask->replications > 0 ? ask->replications : own > 1 ? own : CAPACITY_REPLICATIONS;
}

static bool read_options(struct capacity_study *c, struct diags *d)
{
    struct ini_entries es = {.n = 0};
    bool ok = ini_load(&es, c->study.path, INI_RANK_SCENARIO, &c->arena, d);

    for (size_t i = 0; ok && i < c->n_sets; i++)
        ini_set(&es, c->sets[i], &c->arena, d);
    ok = ok && d->n == 0 && capacity_read(&c->options, &es, &c->arena, d);
    ini_entries_free(&es);
    return ok;
}

int capacity_open(struct capacity_study *c, const struct capacity_ask *ask, struct err *e)
{
    struct diags d;

    *c = (struct capacity_study){.n_sets = ask->n_sets};
    arena_init(&c->arena);
    c->sets = arena_alloc(&c->arena, (ask->n_sets + 1) * sizeof *c->sets);
    for (size_t i = 0; i < ask->n_sets; i++)
        c->sets[i] = ask->sets[i];
    diags_init(&d);
    bool ok = study_open(&c->study, ask->path, c->sets, c->n_sets, &d);
    if (ok) {
        c->sets[c->n_sets++] = arena_printf(&c->arena, "sweep.repeat=%" PRId64, repeat_of(ask, c->study.repeat));
        study_free(&c->study);
        ok = study_open(&c->study, ask->path, c->sets, c->n_sets, &d) && read_options(c, &d);
    }
    if (!ok)
        trials_mistake(&d, e);
    diags_free(&d);
    return e->code ? -1 : 0;
}

void capacity_close(struct capacity_study *c)
{
    study_free(&c->study);
    arena_free(&c->arena);
}

static double value_of(const struct outcome *o, const char *name)
{
    const struct outcome_metric *m = outcome_metric(o, name);

    return m ? *m->value : NAN;
}

int capacity_sign(const struct outcome *o, struct capacity_sign *s, struct err *e)
{
    double worst = value_of(o, "slo_attainment_worst");

    s->attainment = isnan(worst) ? value_of(o, "slo_attainment") : worst;
    s->overloaded = value_of(o, "verdict") == VERDICT_OVERLOADED;
    return isnan(s->attainment)
               ? err_set(e, EXIT_CODE_USAGE, "%s",
                         value_of(o, "completed") == 0
                             ? "no call was answered after warm-up, so none says whether objectives are met (raise "
                               "run.horizon, or lower run.warmup)"
                             : "no class has an objective that a call could meet (keys ttft, tpot, e2el of [class "
                               "NAME])")
               : 0;
}

struct capacity_verdict capacity_judge(const struct capacity_options *o, const struct capacity_sign *s, int64_t n)
{
    struct capacity_verdict v = {.holds = false};
    double *x = mem_zalloc((size_t)n + 1, sizeof *x);

    for (int64_t i = 0; i < n; i++) {
        x[i] = s[i].attainment;
        v.overloaded += s[i].overloaded;
        v.reached += s[i].attainment >= o->target && !(o->stable && s[i].overloaded);
    }
    v.attainment = interval_of(x, n, INTERVAL_CONFIDENCE);
    bool stable = !o->stable || 2 * v.overloaded <= n, enough = v.attainment.mean >= o->target;
    v.holds = stable && enough;
    v.sure = !stable || (enough ? v.attainment.low >= o->target : v.attainment.high < o->target);
    free(x);
    return v;
}
