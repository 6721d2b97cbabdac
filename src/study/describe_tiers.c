/*
 * describe_tiers.c - the memories of a machine in figures: what each holds, what a GPU reaches, how long it reads.
 *
 * A GPU that reads a tier crosses its own HBM port, the tier's links, the tier it bounces through (once in and once
 * out: 1 / (1/write + 1/read)) and the tier itself; the slowest of these is what it reaches:
 *
 *   alone    min over the path of what the hop can do
 *   all      min over the path of what the hop can do / GPUs that share it: all of them read at once
 *   time     latencies + fragments * fragment_time + bytes / alone
 *
 * A conversion is one more hop: on an idle machine it goes on while the bytes still come. KV in another dtype has other
 * bytes. The same equations as of a run's transfer on an idle machine; fair shares alone, whatever the rules are.
 * Not told: writes but for the tier's own bandwidth, waits for garbage collection.
 */
#include <inttypes.h>
#include <math.h>

#include "report/json.h"
#include "study/describe.h"

static const double GB = 1e9, KV_TOKENS = 1e6;

struct figures {
    const char *name;
    int64_t gpus;           /* that share a unit; 0: unknown (the cluster's) */
    int64_t capacity_bytes; /* of a unit */
    double gpu_bytes;       /* a GPU's share of it, without what is reserved; NaN: unknown */
    double read_Bps, write_Bps, alone_Bps, all_Bps;
    int64_t latency_ns;
    double usd_per_gb;
    double gb_s, kv_s, kv_bytes;
};

static int64_t sharers(const struct describe_tiers *d, int64_t gpus)
{
    return gpus > 0 ? gpus : d->cluster_gpus;
}

/* One more hop that so many GPUs share. */
static void add_hop(struct figures *f, double Bps, int64_t gpus)
{
    double all = gpus > 0 ? Bps / (double)gpus : NAN;

    f->alone_Bps = Bps < f->alone_Bps ? Bps : f->alone_Bps;
    f->all_Bps = all < f->all_Bps || isnan(all) ? all : f->all_Bps;
}

static double kv_bytes(const struct describe_tiers *d, int dtype)
{
    struct kv_format f = kv_format_of(d->model, dtype, KV_PRODUCTION);

    return attn_stored(d->model, &f, 1, 1, KV_TOKENS);
}

static double read_s(const struct figures *f, const struct tier_options *t, double bytes)
{
    double piece = t->fragment_bytes > 0 ? (double)t->fragment_bytes : bytes, n = ceil(bytes / piece);
    double grain = (double)t->granularity_bytes;
    double last = bytes - (n - 1) * piece, moved = (n - 1) * ceil(piece / grain) * grain + ceil(last / grain) * grain;

    return (double)f->latency_ns * 1e-9 + n * (double)t->fragment_ns * 1e-9 + moved / f->alone_Bps;
}

static struct figures hbm_figures(const struct describe_tiers *d)
{
    const struct gpu_options *g = d->gpu;
    struct figures f = {.name = "hbm",
                        .gpus = 1,
                        .capacity_bytes = g->memory_bytes,
                        .gpu_bytes = (double)g->memory_bytes,
                        .read_Bps = g->memory_Bps,
                        .write_Bps = g->memory_Bps,
                        .alone_Bps = g->memory_Bps,
                        .all_Bps = g->memory_Bps,
                        .latency_ns = d->memory->hbm_latency_ns,
                        .usd_per_gb = d->memory->hbm_usd_per_gb,
                        .kv_bytes = kv_bytes(d, d->kv_dtype)};

    f.gb_s = (double)f.latency_ns * 1e-9 + GB / g->memory_Bps;
    f.kv_s = (double)f.latency_ns * 1e-9 + f.kv_bytes / g->memory_Bps;
    return f;
}

static void add_bounce(const struct describe_tiers *d, const struct tier_options *b, struct figures *f)
{
    double read = tier_read_Bps(b, b->modules) * b->efficiency, write = tier_write_Bps(b, b->modules) * b->efficiency;

    add_hop(f, 1 / (1 / write + 1 / read), sharers(d, b->gpus));
    f->latency_ns += b->latency_ns;
}

static struct figures tier_figures(const struct describe_tiers *d, const struct tier_options *t)
{
    const struct memory_options *m = d->memory;
    int64_t gpus = sharers(d, t->gpus);
    struct figures f = {.name = t->name,
                        .gpus = gpus,
                        .capacity_bytes = tier_capacity_bytes(t, t->modules),
                        .read_Bps = tier_read_Bps(t, t->modules) * t->efficiency,
                        .write_Bps = tier_write_Bps(t, t->modules) * t->efficiency,
                        .alone_Bps = INFINITY,
                        .all_Bps = INFINITY,
                        .latency_ns = t->latency_ns,
                        .usd_per_gb = t->usd_per_gb,
                        .kv_bytes = kv_bytes(d, t->kv_dtype ? t->kv_dtype - 1 : d->kv_dtype)};

    f.gpu_bytes = gpus > 0 ? (double)(f.capacity_bytes - t->reserved_bytes) / (double)gpus : NAN;
    if (d->gpu->memory_bytes > 0)
        add_hop(&f, d->gpu->memory_Bps, 1);
    for (int64_t i = 0; i < t->n_links; i++) {
        const struct link_options *l = &m->link[t->link_at[i]];
        add_hop(&f, l->to_gpu_Bps, sharers(d, l->gpus));
        f.latency_ns += l->latency_ns;
    }
    if (t->bounce_at >= 0)
        add_bounce(d, &m->tier[t->bounce_at], &f);
    add_hop(&f, f.read_Bps, gpus);
    f.gb_s = read_s(&f, t, GB);
    struct figures kv = f;
    if (t->convert_Bps > 0) /* in bytes of HBM's format */
        add_hop(&kv, t->convert_Bps * f.kv_bytes / kv_bytes(d, d->kv_dtype), 1);
    f.kv_s = read_s(&kv, t, f.kv_bytes);
    return f;
}

double describe_tiers_read_s(const struct describe_tiers *d, int64_t tier, double bytes)
{
    const struct tier_options *t = &d->memory->tier[tier];
    struct figures f = tier_figures(d, t);

    return read_s(&f, t, bytes);
}

/* ---- text ---- */

/* A figure in a column, or a dash where it is unknown. */
static void cell(FILE *out, int width, double value)
{
    if (isnan(value) || value <= 0)
        fprintf(out, " %*s", width, "-");
    else
        fprintf(out, value < 1000 ? " %*.4g" : " %*.0f", width, value);
}

static void print_row(const struct figures *f, double hbm_Bps, FILE *out)
{
    fprintf(out, "  %-10s", f->name);
    cell(out, 5, (double)f->gpus);
    cell(out, 10, (double)f->capacity_bytes / GB);
    cell(out, 10, f->gpu_bytes / GB);
    cell(out, 8, f->read_Bps / GB);
    cell(out, 8, f->write_Bps / GB);
    cell(out, 8, f->alone_Bps / GB);
    cell(out, 8, f->all_Bps / GB);
    cell(out, 6, hbm_Bps / f->alone_Bps);
    cell(out, 6, hbm_Bps / f->all_Bps);
    cell(out, 9, (double)f->latency_ns / 1e3);
    cell(out, 7, f->usd_per_gb);
    cell(out, 10, f->gb_s * 1e3);
    cell(out, 10, f->kv_s * 1e3);
    fputc('\n', out);
}

static void tiers_text(const struct describe_tiers *d, const struct figures *f, int64_t n, FILE *out)
{
    const struct memory_options *m = d->memory;
    double hbm = d->gpu->memory_Bps;

    fprintf(out, "%s%s%s\n", m->name, hbm > 0 ? ", GPU " : "", hbm > 0 ? d->gpu->name : "");
    fprintf(out, "\n  %-10s %5s %10s %10s %17s %17s %13s %9s %7s %21s\n", "", "GPUs", "capacity", "per GPU",
            "bandwidth, GB/s", "a GPU gets, GB/s", "HBM is, times", "latency", "US$", "time to read, ms");
    fprintf(out, "  %-10s %5s %10s %10s %8s %8s %8s %8s %6s %6s %9s %7s %10s %10s\n", "tier", "each", "GB", "GB",
            "read", "write", "alone", "all do", "alone", "all do", "us", "a GB", "1 GB", "1M tokens");
    for (int64_t i = 0; i < n; i++)
        print_row(&f[i], hbm, out);
    fprintf(
        out,
        "  bandwidth of a unit as it is reached; what one GPU gets of it over its links while the others are idle, or "
        "read as it does\n"
        "  KV of 1e6 tokens of %s: %.2f GB in HBM; a dash: not known\n",
        d->model->name, kv_bytes(d, d->kv_dtype) / GB);
}

/* ---- JSON ---- */

static void json_known(struct json *j, const char *key, double value)
{
    json_real(j, key, value > 0 ? value : NAN);
}

static void json_row(struct json *j, const struct figures *f, double hbm_Bps)
{
    json_open(j, NULL, '{');
    json_text(j, "name", f->name);
    json_known(j, "unit_gpus", (double)f->gpus);
    json_int(j, "capacity_bytes", f->capacity_bytes);
    json_known(j, "capacity_per_gpu_bytes", f->gpu_bytes);
    json_real(j, "read_Bps", f->read_Bps);
    json_real(j, "write_Bps", f->write_Bps);
    json_real(j, "gpu_alone_Bps", f->alone_Bps);
    json_known(j, "gpu_all_Bps", f->all_Bps);
    json_known(j, "hbm_over_alone", hbm_Bps / f->alone_Bps);
    json_known(j, "hbm_over_all", hbm_Bps / f->all_Bps);
    json_known(j, "latency_s", (double)f->latency_ns / 1e9);
    json_known(j, "usd_per_gb", f->usd_per_gb);
    json_real(j, "read_1gb_s", f->gb_s);
    json_real(j, "kv_bytes", f->kv_bytes);
    json_real(j, "read_kv_s", f->kv_s);
    json_close(j, '}');
}

static void tiers_json(const struct describe_tiers *d, const struct figures *f, int64_t n, FILE *out)
{
    struct json j = {.out = out};

    json_open(&j, NULL, '{');
    json_text(&j, "name", d->memory->name);
    json_text(&j, "gpu", d->gpu->memory_bytes > 0 ? d->gpu->name : NULL);
    json_text(&j, "model", d->model->name);
    json_real(&j, "kv_tokens", KV_TOKENS);
    json_open(&j, "tiers", '[');
    for (int64_t i = 0; i < n; i++)
        json_row(&j, &f[i], d->gpu->memory_Bps);
    json_close(&j, ']');
    json_close(&j, '}');
}

void describe_tiers(const struct describe_tiers *d, bool json, FILE *out)
{
    struct figures f[1 + MEMORY_TIERS_MAX];
    int64_t n = 0;

    if (d->gpu->memory_bytes > 0)
        f[n++] = hbm_figures(d);
    for (int64_t i = 0; i < d->memory->n_tiers; i++)
        f[n++] = tier_figures(d, &d->memory->tier[i]);
    if (json)
        tiers_json(d, f, n, out);
    else
        tiers_text(d, f, n, out);
}
