/*
 * capacity_report.c - what a search for the cheapest fleet found, as text and JSON.
 */
#include <inttypes.h>
#include <math.h>

#include "report/json.h"
#include "study/capacity_search.h"

static void json_interval(struct json *j, const char *name, const struct interval *i)
{
    json_open(j, name, '{');
    json_real(j, "mean", i->n > 0 ? i->mean : NAN);
    json_real(j, "low", i->n > 0 ? i->low : NAN);
    json_real(j, "high", i->n > 0 ? i->high : NAN);
    json_close(j, '}');
}

static void json_set(struct json *j, const struct capacity_search *s, int64_t i)
{
    const struct capacity_set *x = &s->sets[i];

    json_open(j, NULL, '{');
    json_int(j, "set", x->set);
    json_text(j, "params", x->params);
    json_text(j, "status", capacity_status_names[x->status]);
    json_text(j, "why", x->why);
    json_bool(j, "sure", x->whole.attainment.n > 0 && x->whole.sure);
    json_bool(j, "cheapest", i == s->chosen);
    json_bool(j, "front", x->front);
    json_real(j, "gpus", x->fleet.gpus);
    json_real(j, "racks", x->fleet.racks);
    json_real(j, "cost_idle", x->fleet.cost);
    json_int(j, "replications", x->whole.attainment.n);
    json_int(j, "overloaded", x->whole.overloaded);
    json_int(j, "reached", x->whole.reached);
    json_interval(j, "attainment", &x->whole.attainment);
    json_interval(j, "attainment_down", &x->down.attainment);
    json_interval(j, "cost", &x->cost);
    json_interval(j, "usd_per_m_output", &x->usd_per_m_output);
    json_interval(j, "tokens_per_s_per_user", &x->tokens_per_s_user);
    json_interval(j, "tokens_per_s_per_gpu", &x->output_per_gpu);
    json_close(j, '}');
}

static void print_json(const struct capacity_search *s, int64_t n, FILE *out)
{
    struct json j = {.out = out};
    double cost = 0;

    for (int64_t m = 0; m < n; m++)
        cost += s[m].chosen < 0 ? NAN : s[m].sets[s[m].chosen].cost.mean;
    json_open(&j, NULL, '{');
    json_text(&j, "cost_unit", s->priced ? "US$/h" : "GPUs");
    json_real(&j, "cost", cost);
    json_open(&j, "studies", '[');
    for (int64_t m = 0; m < n; m++) {
        json_open(&j, NULL, '{');
        json_text(&j, "study", s[m].ask->path);
        json_real(&j, "target", s[m].c.options.target);
        json_int(&j, "replications", s[m].c.study.repeat);
        json_int(&j, "spare", s[m].c.options.spare);
        json_int(&j, "runs", s[m].runs);
        json_text(&j, "cheapest", s[m].chosen < 0 ? NULL : s[m].sets[s[m].chosen].params);
        json_open(&j, "sets", '[');
        for (int64_t i = 0; i < s[m].n_sets; i++)
            json_set(&j, &s[m], i);
        json_close(&j, ']');
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

/* "0.9912 +-0.0034", or "-". */
static void print_interval(const struct interval *i, int width, FILE *out)
{
    char text[64] = "-";

    if (i->n > 0 && !isnan(i->mean) && !isnan(i->low))
        snprintf(text, sizeof text, "%.4g +-%.2g", i->mean, (i->high - i->low) / 2);
    else if (i->n > 0 && !isnan(i->mean))
        snprintf(text, sizeof text, "%.4g", i->mean);
    fprintf(out, " %*s", width, text);
}

static void print_set(const struct capacity_search *s, int64_t i, FILE *out)
{
    const struct capacity_set *x = &s->sets[i];

    fprintf(out, "%-34s", *x->params ? x->params : "-");
    if (x->status == CAPACITY_LEFT_OUT || x->status == CAPACITY_DEARER) {
        fprintf(out, " %6.0f  %s%s%s\n", x->fleet.gpus, capacity_status_names[x->status], x->why ? ": " : "",
                x->why ? x->why : "");
        return;
    }
    fprintf(out, " %6.0f", x->fleet.gpus);
    print_interval(&x->cost, 16, out);
    print_interval(&x->whole.attainment, 16, out);
    if (s->c.options.spare > 0)
        print_interval(&x->down.attainment, 16, out);
    print_interval(&x->tokens_per_s_user, 14, out);
    print_interval(&x->output_per_gpu, 14, out);
    print_interval(&x->usd_per_m_output, 16, out);
    fprintf(out, " %4" PRId64 "/%-3" PRId64, x->whole.reached, x->whole.attainment.n);
    fprintf(out, "  %s%s%s%s\n", capacity_status_names[x->status], x->whole.sure ? "" : " (not sure)",
            x->front ? ", front" : "", i == s->chosen ? "  <- cheapest" : "");
}

static void print_study(const struct capacity_search *s, FILE *out)
{
    const struct capacity_options *o = &s->c.options;

    fprintf(out, "%s: SLO attainment of %g %% or more", s->ask->path, 100 * o->target);
    if (o->spare > 0)
        fprintf(out, ", also with %" PRId64 " %s%s of a pool down", o->spare,
                o->domain == CAPACITY_REPLICA ? "replica"
                : o->domain == CAPACITY_HOST  ? "host"
                                              : "rack",
                o->spare == 1 ? "" : "s");
    fprintf(out, "; %" PRId64 " replications, %" PRId64 " runs; mean +- half of Student's 95 %% interval\n",
            s->c.study.repeat, s->runs);
    fprintf(out, "%-34s %6s %16s %16s", "values", "GPUs", s->priced ? "US$/h" : "GPUs", "attainment");
    if (o->spare > 0)
        fprintf(out, " %16s", "with them down");
    fprintf(out, " %14s %14s %16s %8s\n", "tok/s/user", "tok/s/GPU", "US$/M output", "reached");
    for (int64_t i = 0; i < s->n_sets; i++)
        print_set(s, i, out);
}

void capacity_search_print(const struct capacity_search *s, int64_t n, bool json, FILE *out)
{
    double cost = 0;

    if (json) {
        print_json(s, n, out);
        return;
    }
    for (int64_t m = 0; m < n; m++) {
        print_study(&s[m], out);
        cost += s[m].chosen < 0 ? NAN : s[m].sets[s[m].chosen].cost.mean;
        fputc('\n', out);
    }
    if (isnan(cost)) {
        fprintf(out, "No %s holds%s.\n", n > 1 ? "choice of sets" : "set",
                n > 1 ? " within the racks and the supply" : "");
        return;
    }
    fprintf(out, "Cheapest: %.6g %s", cost, s->priced ? "US$/h" : "GPUs");
    for (int64_t m = 0; m < n; m++)
        fprintf(out, "%s%s", m ? ", " : " with ",
                *s[m].sets[s[m].chosen].params ? s[m].sets[s[m].chosen].params : s[m].ask->path);
    fputc('\n', out);
}
