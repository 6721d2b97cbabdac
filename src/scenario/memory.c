/*
 * memory.c - the tiers in use, in order, and what the names in them mean; what a tier or link alone can have wrong.
 *
 * The sections are bound as they stand in the files. memory_options.tier is a copy in order of use, so that the normal
 * form, which prints what was bound, keeps the files' order and the tiers that are not in use.
 */
#include <inttypes.h>
#include <string.h>

#include "scenario/check.h"

struct resolver {
    struct check c;
    struct scenario *sc;      /* that of c; its arena holds the names */
    struct tier_options *all; /* as in the files */
    int64_t n_all;
    struct memory_options *m;
};

/* "tier ddr5" */
static const char *section_of(struct resolver *r, const char *kind, const char *name)
{
    return arena_printf(&r->sc->arena, "%s %s", kind, name);
}

/* A mistake about a key that is missing stands where the section says its gpus, which it must. */
static void missing(struct resolver *r, const char *section, const char *key, const char *want)
{
    const struct ini_entry *e = check_origin(r->c.sc, section, "gpus");

    diags_add(r->c.d, e->file, e->line, "[%s] %s is missing: %s", section, key, want);
}

/* ---- names ---- */

static bool is_none(const char *list)
{
    return strcmp(list, "none") == 0;
}

static const char blanks[] = " \t,";

/* The next word of a list, NULL at its end. */
static const char *next_word(const char **at, struct arena *a)
{
    *at += strspn(*at, blanks);
    size_t n = strcspn(*at, blanks);
    const char *word = n ? arena_printf(a, "%.*s", (int)n, *at) : NULL;
    *at += n;
    return word;
}

static int64_t find_tier(const struct tier_options *t, int64_t n, const char *name)
{
    for (int64_t i = 0; i < n; i++)
        if (strcmp(t[i].name, name) == 0)
            return i;
    return -1;
}

static int64_t find_link(const struct memory_options *m, const char *name)
{
    for (int64_t i = 0; i < m->n_links; i++)
        if (strcmp(m->link[i].name, name) == 0)
            return i;
    return -1;
}

/* Names start every struct: what lists of links and of tiers have in common. */
static void unknown_name(struct resolver *r, const char *section, const char *key, const char *kind, const char *name)
{
    struct arena *a = &r->sc->arena;
    bool links = strcmp(kind, "link") == 0;
    int64_t n = links ? r->m->n_links : r->n_all;
    const char **names = arena_alloc(a, (size_t)(n + 1) * sizeof *names);

    for (int64_t i = 0; i < n; i++)
        names[i] = links ? r->m->link[i].name : r->all[i].name;
    const char *nearest = opt_nearest(name, names, (size_t)n);
    if (nearest)
        check_wrong(&r->c, section, key, "there is no [%s %s]; did you mean \"%s\"?", kind, name, nearest);
    else
        check_wrong(&r->c, section, key, "there is no [%s %s]", kind, name);
}

/* ---- which tiers ---- */

static void use(struct resolver *r, const struct tier_options *t)
{
    r->m->tier[r->m->n_all++] = *t;
}

static void use_named(struct resolver *r)
{
    struct arena *a = &r->sc->arena;
    const char *at = r->m->tiers, *name;

    while ((name = next_word(&at, a)) != NULL) {
        int64_t i = find_tier(r->all, r->n_all, name);
        if (i < 0)
            unknown_name(r, "memory", "tiers", "tier", name);
        else if (find_tier(r->m->tier, r->m->n_all, name) >= 0)
            check_wrong(&r->c, "memory", "tiers", "\"%s\" is named twice", name);
        else
            use(r, &r->all[i]);
    }
}

static void select_tiers(struct resolver *r)
{
    struct memory_options *m = r->m;

    r->all = m->tier;
    r->n_all = m->n_tiers;
    m->tier = arena_alloc(&r->sc->arena, (size_t)(r->n_all + 1) * sizeof *m->tier);
    m->n_all = 0;
    if (strcmp(m->tiers, "all") == 0)
        for (int64_t i = 0; i < r->n_all; i++)
            use(r, &r->all[i]);
    else if (!is_none(m->tiers))
        use_named(r);
    m->n_tiers = m->n_all;
}

/* ---- one tier ---- */

static void resolve_links(struct resolver *r, struct tier_options *t, const char *section)
{
    struct arena *a = &r->sc->arena;
    const char *at = t->links, *name;

    t->n_links = 0;
    if (is_none(t->links))
        return;
    while ((name = next_word(&at, a)) != NULL) {
        int64_t link = find_link(r->m, name);
        bool twice = false;
        for (int64_t i = 0; i < t->n_links; i++)
            twice |= t->link_at[i] == link;
        if (link < 0)
            unknown_name(r, section, "links", "link", name);
        else if (twice)
            check_wrong(&r->c, section, "links", "\"%s\" is named twice", name);
        if (link < 0 || twice)
            continue;
        if (t->n_links < MEMORY_LINKS_MAX)
            t->link_at[t->n_links] = link;
        t->n_links++;
    }
}

/* HBM, each link (and what both of its directions share), the tier bounced through, the tier. */
static void check_ports(struct resolver *r, const struct tier_options *t, const char *section)
{
    int64_t ports = 2 + t->n_links + (t->bounce_at >= 0);

    for (int64_t i = 0; i < t->n_links && i < MEMORY_LINKS_MAX; i++)
        ports += r->m->link[t->link_at[i]].both_Bps > 0;
    if (ports > MEMORY_PORTS_MAX)
        check_wrong(&r->c, section, "links",
                    "the way has %" PRId64 " ports, more than %d: HBM, each link (twice where it has both), what it "
                    "bounces through, and the tier",
                    ports, MEMORY_PORTS_MAX);
}

/* A tier that is bounced through is a port on the way even where it keeps no KV: then it goes behind those in use. */
static void resolve_bounce(struct resolver *r, struct tier_options *t, const char *section)
{
    struct memory_options *m = r->m;
    int64_t i = find_tier(r->all, r->n_all, t->bounce);

    t->bounce_at = -1;
    if (is_none(t->bounce))
        return;
    if (strcmp(t->bounce, t->name) == 0) {
        check_wrong(&r->c, section, "bounce",
                    "a tier cannot bounce through itself (want another, or none where access is direct)");
    } else if (i < 0) {
        unknown_name(r, section, "bounce", "tier", t->bounce);
    } else if (!is_none(r->all[i].bounce)) {
        check_wrong(&r->c, section, "bounce", "[tier %s] bounces, too; a path has one bounce", t->bounce);
    } else {
        if (find_tier(m->tier, m->n_all, t->bounce) < 0)
            use(r, &r->all[i]);
        t->bounce_at = find_tier(m->tier, m->n_all, t->bounce);
    }
}

/* Names that stand in lists. */
static void check_name(struct resolver *r, const char *section, const char *name, bool is_tier)
{
    bool taken = strcmp(name, "none") == 0 || (is_tier && (strcmp(name, "hbm") == 0 || strcmp(name, "all") == 0));
    const struct ini_entry *e = check_origin(r->c.sc, section, "gpus");

    if (taken)
        diags_add(r->c.d, e->file, e->line, "[%s] cannot be called %s, which means something else", section, name);
    if (strpbrk(name, blanks))
        diags_add(r->c.d, e->file, e->line, "[%s] the name must be one word: it stands in lists", section);
}

/* The second key would be without effect, and it was written over the first: a preset has one, the scenario the other.
 * (The normal form spells both out.) */
static void check_overruled(struct resolver *r, const char *section, const char *holds, const char *idle)
{
    const struct ini_entry *a = check_origin(r->c.sc, section, holds), *b = check_origin(r->c.sc, section, idle);

    if (a && b && b->rank > a->rank)
        check_wrong(&r->c, section, idle, "has no effect, since %s:%d gives %s; set that", a->file, a->line, holds);
}

static void check_capacity(struct resolver *r, const struct tier_options *t, const char *section)
{
    int64_t bytes = tier_capacity_bytes(t, t->modules);

    check_overruled(r, section, "capacity", "modules");
    check_overruled(r, section, "capacity", "module_capacity");
    if (bytes <= 0)
        missing(r, section, "capacity", "how much a unit holds (want capacity, or modules and module_capacity)");
    else if (t->reserved_bytes >= bytes)
        check_wrong(&r->c, section, "reserved", "leaves nothing of the unit's %.6g GB", (double)bytes / 1e9);
}

static void check_bandwidth(struct resolver *r, const struct tier_options *t, const char *section)
{
    check_overruled(r, section, "module_bandwidth", "read_bandwidth");
    check_overruled(r, section, "module_bandwidth", "write_bandwidth");
    if (t->module_Bps > 0 && t->modules == 0)
        missing(r, section, "modules", "module_bandwidth is that of each");
    else if (tier_read_Bps(t, t->modules) <= 0)
        missing(r, section, "read_bandwidth",
                "how fast a unit is read (want read_bandwidth, or modules and module_bandwidth)");
    if (t->module_write_Bps > 0 && t->module_Bps <= 0)
        check_wrong(&r->c, section, "module_write_bandwidth", "needs module_bandwidth, that of reads");
}

static void check_nand(struct resolver *r, const struct tier_options *t, const char *section)
{
    const struct {
        const char *key;
        bool set;
    } keys[] = {{"write_amplification", t->write_amplification != 1},
                {"drive_writes_per_day", t->drive_writes_per_day != 0},
                {"gc_share", t->gc_share != 0},
                {"gc_time", t->gc_ns != 0}};

    for (size_t i = 0; i < sizeof keys / sizeof *keys && t->kind != TIER_NAND; i++)
        if (keys[i].set)
            check_wrong(&r->c, section, keys[i].key, "has no effect with kind = dram (want kind = nand)");
    if (t->kind == TIER_NAND && t->gc_share > 0 && t->gc_ns == 0)
        check_wrong(&r->c, section, "gc_share", "has no effect without gc_time");
    if (t->kind == TIER_NAND && t->gc_share == 0 && t->gc_ns > 0)
        check_wrong(&r->c, section, "gc_time", "has no effect without gc_share");
}

static void check_servers(struct resolver *r, const char *section, int rule, int64_t servers)
{
    if (servers > 1 && rule != MEMORY_FIFO)
        check_wrong(&r->c, section, "servers", "has no effect without rule = fifo");
}

static void resolve_tier(struct resolver *r, struct tier_options *t)
{
    const char *section = section_of(r, "tier", t->name);

    check_name(r, section, t->name, true);
    check_capacity(r, t, section);
    check_bandwidth(r, t, section);
    check_nand(r, t, section);
    check_servers(r, section, t->rule, t->servers);
    if (t->kv_dtype == 0 && t->convert_Bps > 0)
        check_wrong(&r->c, section, "convert", "has no effect with kv_dtype = same");
    resolve_links(r, t, section);
    resolve_bounce(r, t, section);
    check_ports(r, t, section);
}

static void check_link(struct resolver *r, const struct link_options *l)
{
    const char *section = section_of(r, "link", l->name);
    double from = link_from_gpu_Bps(l), more = l->to_gpu_Bps > from ? l->to_gpu_Bps : from;

    check_name(r, section, l->name, false);
    check_servers(r, section, l->rule, l->servers);
    if (l->both_Bps > 0 && (l->both_Bps < more || l->both_Bps > l->to_gpu_Bps + from))
        check_wrong(
            &r->c, section, "both",
            "%.6g GB/s; both directions together reach at least the faster alone and at most their sum, %.6g to %.6g "
            "GB/s",
            l->both_Bps / 1e9, more / 1e9, (l->to_gpu_Bps + from) / 1e9);
}

void memory_resolve(struct scenario *sc, struct diags *d)
{
    struct resolver r = {.c = {.sc = sc, .d = d}, .sc = sc, .m = &sc->memory};

    select_tiers(&r);
    for (int64_t i = 0; i < sc->memory.n_links; i++)
        check_link(&r, &sc->memory.link[i]);
    for (int64_t i = 0; i < sc->memory.n_all; i++) /* more of them while bounces are resolved */
        resolve_tier(&r, &sc->memory.tier[i]);
    if (sc->memory.n_all > MEMORY_TIERS_MAX)
        check_wrong(&r.c, "memory", "tiers", "%" PRId64 " tiers are in use or bounced through, more than %d",
                    sc->memory.n_all, MEMORY_TIERS_MAX);
}
