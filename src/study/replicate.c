#include "study/replicate.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "study/interval.h"
#include "study/outcome.h"

/* More than one parameter set is no replication of one scenario. */
static bool is_one(const struct replicate *r)
{
    struct study s;
    struct diags d;

    diags_init(&d);
    bool ok = study_open(&s, r->ask.study, r->ask.sets, r->ask.n_sets, &d), one = s.n_params == 1;
    if (!ok)
        diags_print(&d, stderr);
    else if (!one)
        fprintf(stderr,
                "tiersim: %s: is a study of %" PRId64 " parameter sets: `tiersim sweep %s -s sweep.repeat=%" PRId64
                "` runs each so often\n",
                r->ask.study, s.n_params, r->ask.study, r->n);
    study_free(&s);
    diags_free(&d);
    return ok && one;
}

static int sweep_n(const struct replicate *r, int64_t n)
{
    char repeat[64], **sets = mem_zalloc(r->ask.n_sets + 1, sizeof *sets);
    struct sweep ask = r->ask;

    memcpy(sets, r->ask.sets, r->ask.n_sets * sizeof *sets);
    snprintf(repeat, sizeof repeat, "sweep.repeat=%" PRId64, n);
    sets[ask.n_sets++] = repeat;
    ask.sets = sets;
    int code = sweep_run(&ask);
    free(sets);
    return code;
}

/* By how much too wide the interval is: 1 or less is good. -1 with err. */
static double excess(const struct outcome *o, const struct replicate_target *t, struct err *e)
{
    const struct outcome_metric *m = outcome_metric(o, t->metric);

    if (m == NULL)
        return err_set(e, EXIT_CODE_USAGE, "--until-ci: the scenario's runs have no metric \"%s\"", t->metric);
    struct interval i = interval_of(m->value, o->n_runs, INTERVAL_CONFIDENCE);
    if (isnan(i.mean))
        return err_set(e, EXIT_CODE_FAILED, "--until-ci: %s is not defined in all of the runs", t->metric);
    return interval_relative(&i) / t->share;
}

/* The worst of all targets; *of is its metric. */
static double worst_excess(const struct replicate *r, const char **of, struct err *e)
{
    struct outcome o;
    double worst = 0;

    outcome_read(&o, r->ask.out, e);
    for (int64_t k = 0; k < r->n_targets && e->code == 0; k++) {
        double x = excess(&o, &r->targets[k], e);
        *of = x > worst ? r->targets[k].metric : *of;
        worst = x > worst ? x : worst;
    }
    outcome_free(&o);
    return worst;
}

/* An interval narrows with the square root of their number. */
static int64_t next_n(const struct replicate *r, int64_t n, double excess_now)
{
    double want = ceil((double)n * excess_now * excess_now);
    int64_t next = want < 2.0 * (double)n ? (int64_t)want : 2 * n;

    next = next > n ? next : n + 1;
    return next < r->most ? next : r->most;
}

int replicate_run(const struct replicate *r)
{
    int64_t n = r->n;
    const char *of = "";
    struct err e = {0};

    if (!is_one(r))
        return EXIT_CODE_USAGE;
    for (;;) {
        int code = sweep_n(r, n);
        if (code != EXIT_CODE_OK || r->n_targets == 0)
            return code;
        double x = worst_excess(r, &of, &e);
        if (e.code) {
            fprintf(stderr, "tiersim: %s\n", e.msg);
            return e.code;
        }
        if (x <= 1)
            return EXIT_CODE_OK;
        if (n >= r->most) {
            fprintf(stderr,
                    "tiersim: after %" PRId64
                    " replications, the interval of %s is still %.2f times as wide as asked for "
                    "(--max-replications)\n",
                    n, of, x);
            return EXIT_CODE_FAILED;
        }
        if (!r->ask.quiet)
            fprintf(stderr,
                    "tiersim: after %" PRId64 " replications, the interval of %s is %.2f times as wide as asked for\n",
                    n, of, x);
        n = next_n(r, n, x);
        unlink(r->ask.out); /* this command's own, of too few */
    }
}
