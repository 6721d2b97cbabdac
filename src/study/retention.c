#include "study/retention.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "policy/attn.h"
#include "report/json.h"
#include "study/describe.h"

static const double GB = 1e9, S_PER_H = 3600, DAYS_A_YEAR = 365;

/* The pool that computes prompts. */
static int64_t prompt_pool(const struct scenario *sc)
{
    for (int64_t i = 0; i < sc->n_pools; i++)
        if (sc->pools[i].role == POOL_PREFILL)
            return i;
    return 0;
}

/* ---- computing it again ---- */

static double prompt_s(const struct scenario *as, int64_t tokens)
{
    void *state = mem_zalloc(1, as->cost->state_size ? as->cost->state_size : 1);
    struct cost_knees knees = cost_knees(&as->layout);
    int64_t budget = as->layout.limits.max_num_batched_tokens, ns = 0;

    as->cost->prepare(as->cost_options, &as->layout, state);
    for (int64_t from = 0, n; from < tokens; from += n) {
        struct cost_step step = {0};
        n = tokens - from < budget ? tokens - from : budget;
        cost_add_chunk(&step, &knees, from, n, from + n == tokens);
        step.rank_tokens = n;
        ns += as->cost->step_ns(state, &step);
    }
    if (as->cost->release)
        as->cost->release(state);
    free(state);
    return (double)ns * 1e-9;
}

/* An hour of a pool without its tiers. */
static double gpus_usd_per_h(const struct bill *b, int64_t pool)
{
    double usd = 0;

    for (int64_t i = 0; i < b->n_parts; i++)
        usd += b->part[i].pool == pool && b->part[i].tier < 0 ? b->part[i].usd_per_h : 0;
    return usd;
}

void retention_prompt(const struct scenario *sc, const struct bill *b, int64_t tokens, struct retention_prompt *out)
{
    int64_t pool = prompt_pool(sc);
    const struct bill_power *w = &b->power[pool];
    double steps = w->gpus * (w->busy_W - w->idle_W) / 1000 * b->pue * b->usd_per_kwh;
    double usd_per_h = (gpus_usd_per_h(b, pool) + steps) / (double)w->replicas;

    out->tokens = tokens;
    out->recompute_s = prompt_s(sc->pools[pool].as, tokens);
    out->recompute_usd = out->recompute_s / S_PER_H * usd_per_h;
}

/* ---- keeping it ---- */

static double kv_bytes(const struct layout *l, int64_t tokens)
{
    double token, state;

    cost_kv_bytes(l, &token, &state);
    return token * (double)tokens + state;
}

/* What tp and the like replicate of it in HBM. */
static double copies(const struct layout *l)
{
    double token, state, gpus = (double)(layout_gpus(l) / l->replica.dp);

    cost_kv_bytes(l, &token, &state);
    return token > 0 ? cost_memory(l).kv_token_bytes * gpus / token : 1;
}

static double per_token(const struct model_options *m, int dtype, bool scales)
{
    struct kv_format f = kv_format_of(m, dtype, scales ? KV_PRODUCTION : KV_PLAIN);

    return attn_stored(m, &f, 1, 1, 1e6);
}

/* In a tier's format, over that of HBM. */
static double converted(const struct layout *l, const struct tier_options *t)
{
    const struct replica_options *r = &l->replica;

    return t->kv_dtype == 0 ? 1
                            : per_token(&l->model, t->kv_dtype - 1, r->kv_scales) /
                                  per_token(&l->model, r->kv_dtype, r->kv_scales);
}

static double usd_per_gb_h(const struct bill *b, int64_t pool, int64_t tier)
{
    double usd = 0, bytes = 0;

    for (int64_t i = 0; i < b->n_parts; i++) {
        const struct bill_part *p = &b->part[i];
        if (p->bytes > 0 && p->tier == tier && (p->pool == pool || p->pool < 0)) {
            usd += p->usd_per_h;
            bytes += p->bytes;
        }
    }
    return usd / (bytes / GB);
}

static double wear_usd(const struct scenario *sc, int64_t pool, int64_t tier, double bytes)
{
    const struct tier_options *t = &sc->memory.tier[tier];
    struct memory_price m = bill_memory_price(sc, pool, tier);

    if (t->kind != TIER_NAND || !(t->drive_writes_per_day > 0))
        return 0;
    return bytes / GB * t->write_amplification * memory_price_paid(&m) /
           (t->drive_writes_per_day * DAYS_A_YEAR * t->warranty_years);
}

static double hbm_bytes(const struct bill *b, int64_t pool)
{
    for (int64_t i = 0; i < b->n_parts; i++)
        if (b->part[i].kind == BILL_HBM && b->part[i].pool == pool)
            return b->part[i].bytes;
    return NAN;
}

static void finish(struct retention_room *r, const struct retention_prompt *p)
{
    r->usd_per_h = r->bytes / GB * r->usd_per_gb_h;
    r->break_even_s = (p->recompute_usd - r->wear_usd) / r->usd_per_h * S_PER_H;
}

int64_t retention_rooms(const struct scenario *sc, const struct bill *b, const struct retention_prompt *p,
                        struct retention_room out[RETENTION_MEMORIES_MAX])
{
    int64_t pool = prompt_pool(sc), n = 0;
    const struct layout *l = &sc->pools[pool].as->layout;
    struct describe_tiers d = {.memory = &sc->memory, .gpu = &l->gpu, .cluster_gpus = layout_hosts(l) * l->node.gpus,
                               .model = &l->model, .kv_dtype = l->replica.kv_dtype};
    double bytes = kv_bytes(l, p->tokens);

    for (int with_gpu = 0; with_gpu < 2; with_gpu++) {
        out[n] = (struct retention_room){.tier = -1, .with_gpu = with_gpu, .bytes = bytes * copies(l)};
        out[n].usd_per_gb_h =
            with_gpu ? gpus_usd_per_h(b, pool) / (hbm_bytes(b, pool) / GB) : usd_per_gb_h(b, pool, -1);
        finish(&out[n++], p);
    }
    for (int64_t t = 0; t < sc->memory.n_tiers; t++) {
        struct retention_room *r = &out[n++];
        *r = (struct retention_room){.tier = t, .bytes = bytes * converted(l, &sc->memory.tier[t])};
        r->usd_per_gb_h = usd_per_gb_h(b, pool, t);
        r->wear_usd = wear_usd(sc, pool, t, r->bytes);
        r->read_s = describe_tiers_read_s(&d, t, r->bytes);
        finish(r, p);
    }
    return n;
}

/* ---- print ---- */

static const int64_t lengths[] = {1000, 4000, 16000, 64000, 128000, 256000, 1000000};

static const char *name_of(const struct scenario *sc, const struct retention_room *r)
{
    return r->tier >= 0 ? sc->memory.tier[r->tier].name : r->with_gpu ? "hbm+gpu" : "hbm";
}

/* In the unit that reads best. */
static void print_time(FILE *out, double s)
{
    if (!(s > 0) || isinf(s))
        fprintf(out, " %12s", s > 0 ? "always" : "never");
    else if (s < 120)
        fprintf(out, " %10.3g s", s);
    else if (s < 7200)
        fprintf(out, " %8.3g min", s / 60);
    else if (s < 172800)
        fprintf(out, " %10.3g h", s / 3600);
    else
        fprintf(out, " %10.4g d", s / 86400);
}

static void room_text(const struct scenario *sc, const struct retention_prompt *p, const struct retention_room *r, FILE *out)
{
    fprintf(out, "  %8" PRId64 " %10.4g %13.4g  %-9s %10.4g %13.4g %13.4g %11.3g %10.4g", p->tokens, p->recompute_s,
            p->recompute_usd, name_of(sc, r), r->bytes / GB, r->usd_per_gb_h, r->usd_per_h, r->wear_usd, r->read_s);
    print_time(out, r->break_even_s);
    fputc('\n', out);
}

static void room_json(struct json *j, const struct scenario *sc, const struct retention_prompt *p,
                      const struct retention_room *r)
{
    json_open(j, NULL, '{');
    json_int(j, "tokens", p->tokens);
    json_real(j, "recompute_s", p->recompute_s);
    json_real(j, "recompute_usd", p->recompute_usd);
    json_text(j, "memory", name_of(sc, r));
    json_real(j, "kv_gb", r->bytes / GB);
    json_real(j, "usd_per_gb_h", r->usd_per_gb_h);
    json_real(j, "usd_per_h", r->usd_per_h);
    json_real(j, "wear_usd", r->wear_usd);
    json_real(j, "read_s", r->read_s);
    json_real(j, "break_even_s", r->break_even_s);
    json_close(j, '}');
}

void retention_print(const struct scenario *sc, bool json, FILE *out)
{
    struct json j = {.out = out};
    struct bill b;

    bill_make(sc, &b);
    if (json)
        json_open(&j, NULL, '[');
    else
        fprintf(out,
                "prices %s. A context that is asked for again within `keep` is cheaper kept there than computed again\n\n"
                "  %8s %10s %13s  %-9s %10s %13s %13s %11s %10s %12s\n",
                sc->prices.name, "tokens", "again, s", "again, US$", "memory", "KV, GB", "US$ a GB-h", "room, US$/h",
                "wear, US$", "read, s", "keep");
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct retention_prompt p;
        struct retention_room r[RETENTION_MEMORIES_MAX];
        if (lengths[i] > scenario_layout(sc)->model.max_context)
            break;
        retention_prompt(sc, &b, lengths[i], &p);
        int64_t n = retention_rooms(sc, &b, &p, r);
        for (int64_t k = 0; k < n; k++)
            if (json)
                room_json(&j, sc, &p, &r[k]);
            else
                room_text(sc, &p, &r[k], out);
    }
    if (json)
        json_close(&j, ']');
}
