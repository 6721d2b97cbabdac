#include "study/capacity_search.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "study/trials.h"

const char *const capacity_status_names[CAPACITY_STATUSES] = {[CAPACITY_LEFT_OUT] = "left out",
                                                              [CAPACITY_DEARER] = "dearer",
                                                              [CAPACITY_GIVEN_UP] = "given up",
                                                              [CAPACITY_FAILS] = "fails",
                                                              [CAPACITY_FAILS_DOWN] = "fails with domains down",
                                                              [CAPACITY_HOLDS] = "holds"};

/* ---- which sets there are ---- */

static const char *first_line(const struct diags *d, struct arena *a)
{
    struct err e = {0};

    trials_mistake(d, &e);
    return arena_strdup(a, e.msg);
}

static int look_at(struct capacity_search *s, int64_t set, struct err *e)
{
    struct capacity_set *x = &s->sets[set];
    struct scenario sc;
    struct diags d;

    diags_init(&d);
    *x = (struct capacity_set){
        .set = set, .params = study_label(&s->c.study, set, &s->c.arena), .status = CAPACITY_DEARER};
    if (!study_load(&s->c.study, set * s->c.study.repeat, &sc, &d))
        x->why = first_line(&d, &s->c.arena);
    else if (capacity_fleet_make(&x->fleet, &sc, &s->c.options, s->supply, s->n_supply, e) == 0 && *x->fleet.why_not)
        x->why = arena_strdup(&s->c.arena, x->fleet.why_not);
    s->priced |= x->fleet.priced;
    x->status = x->why ? CAPACITY_LEFT_OUT : CAPACITY_DEARER;
    scenario_free(&sc);
    diags_free(&d);
    return e->code ? -1 : 0;
}

static int by_cost(const void *x, const void *y)
{
    const struct capacity_set *a = x, *b = y;
    double p = a->why ? INFINITY : a->fleet.cost, q = b->why ? INFINITY : b->fleet.cost;

    return p != q ? (p > q) - (p < q) : (a->set > b->set) - (a->set < b->set);
}

static int list_sets(struct capacity_search *s, struct err *e)
{
    s->sets = arena_alloc(&s->c.arena, (size_t)s->c.study.n_params * sizeof *s->sets);
    if (capacity_supply_read(s->c.options.supply, s->supply, &s->n_supply, e) != 0)
        return -1;
    for (; s->n_sets < s->c.study.n_params; s->n_sets++)
        if (look_at(s, s->n_sets, e) != 0)
            return -1;
    for (int64_t i = 0; i < s->n_sets; i++) /* prices for some would put US$ beside GPUs */
        if (!s->sets[i].why && s->sets[i].fleet.priced != s->priced)
            return err_set(e, EXIT_CODE_USAGE, "%s: some sets have [prices] and some have not", s->ask->path);
    qsort(s->sets, (size_t)s->n_sets, sizeof *s->sets, by_cost);
    if (s->sets[0].why) /* all may have the same mistake */
        return err_set(e, EXIT_CODE_USAGE, "%s: no set is left: %s", s->ask->path, s->sets[0].why);
    return 0;
}

/* A name that nothing goes by is a slip. */
static int check_supply(const struct capacity_search *s, int64_t n, struct err *e)
{
    for (int k = 0; k < s->n_supply; k++) {
        double used = 0;
        for (int64_t m = 0; m < n; m++)
            for (int64_t i = 0; i < s[m].n_sets; i++)
                used += s[m].sets[i].fleet.used[k];
        if (used == 0)
            return err_set(e, EXIT_CODE_USAGE, "[capacity] supply: no fleet has a part \"%s\"", s->supply[k].name);
    }
    return 0;
}

/* ---- trying one ---- */

static struct interval interval_from(const struct trial *at, int64_t n, const char *metric, bool inverse)
{
    double *x = mem_zalloc((size_t)n, sizeof *x);

    for (int64_t i = 0; i < n; i++) {
        const struct outcome_metric *m = outcome_metric(&at[i].of, metric);
        x[i] = m ? inverse ? 1000 / *m->value : *m->value : NAN;
    }
    struct interval v = interval_of(x, n, INTERVAL_CONFIDENCE);
    free(x);
    return v;
}

/* Trials of n replications, of which the first *done are run so far: runs as many more as there are workers, or all. */
static int more_of(struct capacity_search *s, struct trial *at, struct capacity_sign *signs, int64_t n, int64_t *done,
                   bool all, struct err *e)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t step = s->ask->workers > 0 ? s->ask->workers
                   : cores > 0         ? cores
                                       : 1,
            end = all || *done + step > n ? n : *done + step;

    if (trials_run(at + *done, end - *done, s->ask->workers, e) != 0)
        return -1;
    for (; *done < end; ++*done)
        if (capacity_sign(&at[*done].of, &signs[*done], e) != 0)
            return -1;
    return 0;
}

/* Whether the others can still bring the mean to the target, and OVERLOADED to no more than half. */
static bool can_hold(const struct capacity_options *o, const struct capacity_sign *s, int64_t done, int64_t n)
{
    double sum = (double)(n - done);
    int64_t overloaded = 0;

    for (int64_t i = 0; i < done; i++) {
        sum += s[i].attainment;
        overloaded += s[i].overloaded;
    }
    return sum / (double)n >= o->target && !(o->stable && 2 * overloaded > n);
}

/* All replications of a study's set into files named after `name`; *v is NaN and false where it was given up. */
static int try_study(struct capacity_search *s, const struct study *study, int64_t set, const char *name,
                     struct trial *at, struct capacity_verdict *v, struct err *e)
{
    int64_t n = study->repeat, done = 0, enough = n; /* enough: the fewest that show that it cannot hold */
    struct capacity_sign *signs = mem_zalloc((size_t)n, sizeof *signs);
    struct diags d;

    diags_init(&d);
    *v = (struct capacity_verdict){.holds = false};
    for (int64_t i = 0; i < n && e->code == 0; i++) {
        struct scenario sc;
        int64_t point = set * n + i;
        const char *file = name ? arena_printf(&s->c.arena, "%s/%s-%06" PRId64 ".db", s->dir, name, point)
                                : shard_path(s->dir, point, &s->c.arena);
        at[i] = (struct trial){.study = study, .point = point, .file = file};
        if (study_load(study, point, &sc, &d))
            at[i].want = shard_wanted(&sc);
        else
            trials_mistake(&d, e);
        scenario_free(&sc);
    }
    while (e->code == 0 && done < n && enough == n) {
        int64_t before = done;
        more_of(s, at, signs, n, &done, s->ask->all, e);
        for (int64_t k = done < n ? done : n - 1; k > before && !s->ask->all; k--)
            enough = can_hold(&s->c.options, signs, k, n) ? enough : k;
    }
    done = enough < done ? enough : done; /* the same with any number of workers */
    s->runs += done;
    if (e->code == 0)
        *v = capacity_judge(&s->c.options, signs, done);
    v->holds &= done == n;
    v->attainment.n = done;
    free(signs);
    diags_free(&d);
    return e->code ? -1 : 0;
}

/* The study with the faults, as a file beside its runs. */
static const char *write_down(struct capacity_search *s, int64_t set, int64_t pool, const char *faults, struct err *e)
{
    char *full = realpath(s->ask->path, NULL);
    const char *path = arena_printf(&s->c.arena, "%s/down-%06" PRId64 "-%" PRId64 ".ini", s->dir, set, pool);
    FILE *f = fopen(path, "w");

    if (full == NULL || f == NULL || fprintf(f, "include %s\n%s", full, faults) < 0)
        err_set(e, EXIT_CODE_IO, "%s: %s", path, strerror(errno));
    if (f && fclose(f) != 0)
        err_set(e, EXIT_CODE_IO, "%s: %s", path, strerror(errno));
    free(full);
    return path;
}

static int try_down(struct capacity_search *s, struct capacity_set *x, int64_t pool, const char *faults, struct err *e)
{
    int64_t n = s->c.study.repeat;
    struct trial *at = mem_zalloc((size_t)n, sizeof *at);
    struct capacity_verdict v = {.holds = false};
    const char *path = write_down(s, x->set, pool, faults, e);
    struct study study = {0};
    struct diags d;

    diags_init(&d);
    if (e->code == 0 && !study_open(&study, path, s->c.sets, s->c.n_sets, &d))
        trials_mistake(&d, e);
    if (e->code == 0)
        try_study(s, &study, x->set, arena_printf(&s->c.arena, "down-%" PRId64, pool), at, &v, e);
    if (x->down.attainment.n == 0 || v.attainment.mean < x->down.attainment.mean)
        x->down = v;
    if (!v.holds)
        x->status = CAPACITY_FAILS_DOWN;
    study_free(&study);
    diags_free(&d);
    trials_free(at, n);
    free(at);
    return e->code ? -1 : 0;
}

static int try_all_down(struct capacity_search *s, struct capacity_set *x, struct err *e)
{
    struct scenario sc;
    struct diags d;

    diags_init(&d);
    if (!study_load(&s->c.study, x->set * s->c.study.repeat, &sc, &d))
        trials_mistake(&d, e);
    for (int64_t pool = 0; e->code == 0 && pool < sc.n_pools && x->status == CAPACITY_HOLDS; pool++) {
        const char *faults = capacity_faults(&sc, &s->c.options, pool, &s->c.arena);
        if (faults == NULL)
            x->status = CAPACITY_FAILS_DOWN;
        else
            try_down(s, x, pool, faults, e);
    }
    scenario_free(&sc);
    diags_free(&d);
    return e->code ? -1 : 0;
}

static int try_set(struct capacity_search *s, struct capacity_set *x, struct err *e)
{
    int64_t n = s->c.study.repeat;
    struct trial *at = mem_zalloc((size_t)n, sizeof *at);

    if (try_study(s, &s->c.study, x->set, NULL, at, &x->whole, e) == 0) {
        x->status = x->whole.attainment.n < n ? CAPACITY_GIVEN_UP : x->whole.holds ? CAPACITY_HOLDS : CAPACITY_FAILS;
        int64_t done = x->whole.attainment.n;
        x->cost = s->priced ? interval_from(at, done, "cost_usd_per_h", false)
                            : (struct interval){done, x->fleet.gpus, 0, x->fleet.gpus, x->fleet.gpus};
        x->usd_per_m_output = interval_from(at, done, "usd_per_m_output", false);
        x->tokens_per_s_user = interval_from(at, done, "mean_tpot_ms", true);
        x->output_per_gpu = interval_from(at, done, "output_throughput_per_gpu", false);
    }
    trials_free(at, n);
    free(at);
    if (e->code == 0 && x->status == CAPACITY_HOLDS && s->c.options.spare > 0)
        try_all_down(s, x, e);
    return e->code ? -1 : 0;
}

/* ---- all ---- */

static bool no_worse(double a, double b) /* where more is better; NaN says nothing */
{
    return a >= b || isnan(a) || isnan(b);
}

static bool dominates(const struct capacity_set *a, const struct capacity_set *b)
{
    double a_usd = -a->usd_per_m_output.mean, b_usd = -b->usd_per_m_output.mean;
    double a_user = a->tokens_per_s_user.mean, b_user = b->tokens_per_s_user.mean;
    double a_gpu = a->output_per_gpu.mean, b_gpu = b->output_per_gpu.mean;

    return no_worse(a_usd, b_usd) && no_worse(a_user, b_user) && no_worse(a_gpu, b_gpu) &&
           (a_usd > b_usd || a_user > b_user || a_gpu > b_gpu);
}

static void mark_front(struct capacity_search *s)
{
    for (int64_t i = 0; i < s->n_sets; i++) {
        s->sets[i].front = s->sets[i].status == CAPACITY_HOLDS;
        for (int64_t k = 0; k < s->n_sets && s->sets[i].front; k++)
            s->sets[i].front = s->sets[k].status != CAPACITY_HOLDS || !dominates(&s->sets[k], &s->sets[i]);
    }
}

static void show(const struct capacity_search *s, int64_t i)
{
    if (!s->ask->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "\r%" PRId64 " of %" PRId64 " sets, %" PRId64 " runs\033[K", i, s->n_sets, s->runs);
}

static int try_sets(struct capacity_search *s, bool everything, struct err *e)
{
    for (int64_t i = 0; i < s->n_sets && !s->sets[i].why; i++) {
        struct capacity_set *x = &s->sets[i];
        if (!everything && s->best >= 0 && x->fleet.cost >= s->sets[s->best].cost.mean)
            break;
        show(s, i);
        if (try_set(s, x, e) != 0)
            return -1;
        if (x->status == CAPACITY_HOLDS && (s->best < 0 || x->cost.mean < s->sets[s->best].cost.mean))
            s->best = i;
    }
    if (!s->ask->quiet && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    return 0;
}

/* ---- several studies ---- */

struct choosing {
    struct capacity_search *s;
    int64_t n;
    int64_t *now, *best;
    double best_cost;
};

static bool within(const struct choosing *c, int64_t last)
{
    const struct capacity_search *first = &c->s[0];
    double racks = 0;

    for (int k = 0; k < first->n_supply; k++) {
        double used = 0;
        for (int64_t i = 0; i <= last; i++)
            used += c->s[i].sets[c->now[i]].fleet.used[k];
        if (used > first->supply[k].amount)
            return false;
    }
    for (int64_t i = 0; first->c.options.racks > 0 && i <= last; i++)
        racks += c->s[i].sets[c->now[i]].fleet.racks;
    return racks <= (double)first->c.options.racks || first->c.options.racks == 0;
}

static void choose_from(struct choosing *c, int64_t i, double cost)
{
    if (cost >= c->best_cost)
        return;
    if (i == c->n) {
        c->best_cost = cost;
        memcpy(c->best, c->now, (size_t)c->n * sizeof *c->now);
        return;
    }
    for (int64_t k = 0; k < c->s[i].n_sets; k++) {
        c->now[i] = k;
        if (c->s[i].sets[k].status == CAPACITY_HOLDS && within(c, i))
            choose_from(c, i + 1, cost + c->s[i].sets[k].cost.mean);
    }
}

/* Sets `chosen` of each, -1 where no choice is within the limits. */
static void choose(struct capacity_search *s, int64_t n)
{
    struct choosing c = {s, n, mem_zalloc((size_t)n, sizeof *c.now), mem_zalloc((size_t)n, sizeof *c.best), INFINITY};

    choose_from(&c, 0, 0);
    for (int64_t i = 0; i < n; i++)
        s[i].chosen = isinf(c.best_cost) ? -1 : c.best[i];
    free(c.now);
    free(c.best);
}

/* ---- the whole ---- */

static int open_search(struct capacity_search *s, const struct capacity_ask *ask, const struct capacity_search *first,
                       struct err *e)
{
    size_t n = strlen(ask->out);

    *s = (struct capacity_search){.ask = ask, .best = -1, .chosen = -1};
    if (capacity_open(&s->c, ask, e) != 0)
        return -1;
    if (first != s) { /* what all share */
        s->c.options.supply = first->c.options.supply;
        s->c.options.rack_kw = first->c.options.rack_kw;
        s->c.options.racks = first->c.options.racks;
    }
    s->dir =
        arena_printf(&s->c.arena, "%.*s.d", (int)(n > 3 && strcmp(ask->out + n - 3, ".db") == 0 ? n - 3 : n), ask->out);
    if (access(ask->out, F_OK) == 0 && !ask->force)
        return err_set(e, EXIT_CODE_USAGE, "%s: exists; --force replaces it (runs in %s are not run again)", ask->out,
                       s->dir);
    return list_sets(s, e);
}

static int run_search(struct capacity_search *s, bool everything, struct err *e)
{
    if (mkdir(s->dir, 0777) != 0 && errno != EEXIST)
        return err_set(e, EXIT_CODE_IO, "%s: cannot be made: %s", s->dir, strerror(errno));
    if (try_sets(s, everything, e) != 0)
        return -1;
    mark_front(s);
    s->chosen = s->best;
    return 0;
}

int capacity_search_run(struct capacity_search *s, const struct capacity_ask *ask, int64_t n, struct err *e)
{
    for (int64_t i = 0; i < n; i++)
        s[i] = (struct capacity_search){.best = -1};
    for (int64_t i = 0; i < n; i++)
        if (open_search(&s[i], &ask[i], s, e) != 0)
            return -1;
    for (int64_t i = 1; i < n; i++)
        if (s[i].priced != s->priced)
            return err_set(e, EXIT_CODE_USAGE, "%s has [prices], %s has not", s[s->priced ? 0 : i].ask->path,
                           s[s->priced ? i : 0].ask->path);
    if (check_supply(s, n, e) != 0)
        return -1;
    bool shared = n > 1 && (s->n_supply > 0 || s->c.options.racks > 0);
    for (int64_t i = 0; i < n; i++)
        if (run_search(&s[i], shared || ask->all, e) != 0)
            return -1;
    if (n > 1)
        choose(s, n);
    return 0;
}

void capacity_search_free(struct capacity_search *s)
{
    capacity_close(&s->c);
}
