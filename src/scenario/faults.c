/*
 * faults.c - what [fault NAME] names: tiers and links in use, units that there are; and which keys go together.
 */
#include <inttypes.h>
#include <string.h>

#include "scenario/check.h"

struct resolver {
    struct check c;
    struct scenario *sc; /* that of c; its arena holds the names */
    const char *section;
};

static bool is_none(const struct fault_options *f)
{
    return strcmp(f->target, "none") == 0;
}

/* ---- the target ---- */

static bool link_used(const struct memory_options *m, int64_t link)
{
    for (int64_t t = 0; t < m->n_all; t++)
        for (int64_t i = 0; i < m->tier[t].n_links; i++)
            if (m->tier[t].link_at[i] == link)
                return true;
    return false;
}

static void resolve_target(struct resolver *r, struct fault_options *f)
{
    const struct memory_options *m = &r->sc->memory;
    bool links = f->what == FAULT_LINK;
    int64_t n = links ? m->n_links : m->n_all;
    const char **names = arena_alloc(&r->sc->arena, (size_t)(n + 1) * sizeof *names);

    f->target_at = -1;
    for (int64_t i = 0; i < n; i++) {
        names[i] = links ? m->link[i].name : m->tier[i].name;
        if (strcmp(names[i], f->target) == 0)
            f->target_at = i;
    }
    if (is_none(f) && f->what != FAULT_HOST) {
        check_wrong(&r->c, r->section, "what", "needs target = the name of a %s", links ? "link" : "tier");
    } else if (!is_none(f) && f->target_at < 0) {
        const char *nearest = opt_nearest(f->target, names, (size_t)n);
        check_wrong(&r->c, r->section, "target", "there is no %s \"%s\" in use%s%s%s", links ? "link" : "tier",
                    f->target, nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    } else if (links && !link_used(m, f->target_at)) {
        check_wrong(&r->c, r->section, "target", "no tier in use is reached over %s", f->target);
        f->target_at = -1;
    }
}

/* ---- units ---- */

static int64_t units_in(const struct scenario *sc, const struct layout *l, const struct fault_options *f)
{
    if (f->what == FAULT_GPU)
        return l->replica.count * layout_gpus(l);
    if (f->what == FAULT_HOST)
        return layout_hosts(l);
    if (f->target_at < 0)
        return 0;
    return layout_units(l,
                        f->what == FAULT_LINK ? sc->memory.link[f->target_at].gpus : sc->memory.tier[f->target_at].gpus);
}

static bool is_one_for_all(const struct scenario *sc, const struct fault_options *f)
{
    bool line = f->what != FAULT_GPU && f->what != FAULT_HOST && f->target_at >= 0;

    return line &&
           (f->what == FAULT_LINK ? sc->memory.link[f->target_at].gpus : sc->memory.tier[f->target_at].gpus) == 0;
}

/* Of all pools, one after the other. */
static int64_t units_of(const struct scenario *sc, const struct fault_options *f)
{
    int64_t n = 0;

    if (is_one_for_all(sc, f))
        return 1;
    for (int64_t i = 0; i < sc->n_pools; i++)
        n += units_in(sc, &sc->pools[i].as->layout, f);
    return n;
}

static void resolve_units(struct resolver *r, struct fault_options *f)
{
    f->units = units_of(r->sc, f);
    if (f->units > 0 && f->unit >= f->units)
        check_wrong(&r->c, r->section, "unit", "there is no %" PRId64 "; the last one is %" PRId64, f->unit,
                    f->units - 1);
}

/* ---- keys that go together ---- */

static void no_effect(struct resolver *r, bool idle, const char *key, const char *why)
{
    if (idle)
        check_wrong(&r->c, r->section, key, "has no effect %s", why);
}

static void check_times(struct resolver *r, const struct fault_options *f)
{
    if (f->mtbf_ns == 0 && check_origin(r->sc, r->section, "at") == NULL)
        check_wrong(&r->c, r->section, "what", "when? (want at, or mtbf)");
    if (f->duration_ns > 0 && f->mttr_ns > 0)
        check_wrong(&r->c, r->section, "mttr", "and duration: how long it lasts is said twice");
}

static void check_modules(struct resolver *r, const struct fault_options *f)
{
    bool loses = f->what == FAULT_DRIVE || f->what == FAULT_MODULE;
    const struct tier_options *t = f->what == FAULT_LINK || f->target_at < 0 ? NULL : &r->sc->memory.tier[f->target_at];

    if (loses && f->modules == 0)
        check_wrong(&r->c, r->section, "what", "needs modules, how many are lost");
    no_effect(r, f->modules > 0 && !loses && f->what != FAULT_HOST, "modules",
              "with this `what` (want drive, module or host)");
    if (f->what == FAULT_HOST && f->modules > 0 && is_none(f))
        check_wrong(&r->c, r->section, "modules", "needs target, the tier that loses them");
    if (f->modules == 0 || t == NULL || !(loses || f->what == FAULT_HOST))
        return;
    if (t->modules == 0)
        check_wrong(&r->c, r->section, "modules", "[tier %s] is not made of modules (its key modules)", t->name);
    else if (f->modules > t->modules)
        check_wrong(&r->c, r->section, "modules", "%" PRId64 ", but a unit of [tier %s] has %" PRId64, f->modules,
                    t->name, t->modules);
    if (t->modules > 0 && t->capacity_bytes > 0)
        check_wrong(&r->c, r->section, "modules",
                    "[tier %s] gives capacity for all, however many modules there are (want module_capacity)", t->name);
}

static bool inside_host(const struct scenario *sc, const struct tier_options *t)
{
    return t->gpus > 0 && t->gpus <= sc->layout.node.gpus;
}

static void check_place(struct resolver *r, const struct fault_options *f)
{
    bool of_tier = f->what == FAULT_HOST && f->target_at >= 0;

    if (of_tier && !inside_host(r->sc, &r->sc->memory.tier[f->target_at]))
        check_wrong(&r->c, r->section, "target", "%s lies in no host: its units serve more GPUs than a node has",
                    f->target);
}

static void check_keys(struct resolver *r, const struct fault_options *f)
{
    bool slow = f->speed > 0, tier = f->what != FAULT_LINK && f->what != FAULT_GPU;

    no_effect(r, slow && (f->what == FAULT_DRIVE || f->what == FAULT_MODULE), "speed",
              "with what = drive or module: what is left has its own speed");
    no_effect(r, slow && f->modules > 0 && f->what == FAULT_HOST, "modules", "with a speed: the host goes on");
    no_effect(r, f->data == FAULT_KEPT && (!tier || f->what == FAULT_MODULE), "data",
              "here: a link has none, and HBM and a unit that loses a module keep none");
    no_effect(r, f->data == FAULT_KEPT && slow, "data", "with a speed: nothing is lost");
    no_effect(r, f->requests != FAULT_AUTO && slow, "requests", "with a speed: none is hit");
    no_effect(r, !is_none(f) && f->what == FAULT_GPU, "target", "with what = gpu (unit says which)");
    no_effect(r, !is_none(f) && f->what == FAULT_HOST && f->modules == 0, "target", "without modules, which it loses");
}

void faults_resolve(struct scenario *sc, struct diags *d)
{
    struct resolver r = {.c = {.sc = sc, .d = d}, .sc = sc};

    for (int64_t i = 0; i < sc->n_faults; i++) {
        struct fault_options *f = &sc->faults[i];
        r.section = arena_printf(&sc->arena, "fault %s", f->name);
        f->target_at = -1;
        if (f->what != FAULT_GPU && !(f->what == FAULT_HOST && is_none(f)))
            resolve_target(&r, f);
        resolve_units(&r, f);
        check_times(&r, f);
        check_modules(&r, f);
        check_keys(&r, f);
        check_place(&r, f);
    }
}
