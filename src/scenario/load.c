#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "conf/iter.h"
#include "scenario/capacity.h"
#include "scenario/pools.h"
#include "scenario/tables.h"

enum { NAMED_MAX = 1000 }; /* sections of one kind */

/* Is [section] the one that s describes: [run], [class chat]? */
static bool is_of(const char *section, const struct section *s)
{
    size_t n = strlen(s->name);
    return strncmp(section, s->name, n) == 0 && section[n] == (s->named ? ' ' : '\0');
}

/* ---- presets ---- */

/* Presets of s fill s and the sections that are its part: those of a GPU also [node]. */
static bool preset_may(const struct section *s, const struct ini_entry *e)
{
    const struct section *all = sections_get();

    for (int i = 0; i < SECTIONS; i++)
        if (is_of(e->section, &all[i]))
            return strcmp(all[i].name, s->name) == 0 || (all[i].preset_of && strcmp(all[i].preset_of, s->name) == 0);
    return false;
}

static const char *value_of(const struct loader *l, const char *section, const char *key)
{
    const struct ini_entry *e = ini_find(&l->es, section, key);
    return e ? e->value : NULL;
}

/* [engine] preset = NAME means NAME-GENERATION of the GPU where there is such a file. */
static const char *preset_path(struct loader *l, const struct section *s, const struct ini_entry *named)
{
    const char *generation = value_of(l, "gpu", "generation");

    if (strcmp(s->name, "engine") == 0 && generation && !strchr(named->value, '/')) {
        const char *path = preset_variant(s->preset_folder, named->value, generation, &l->sc->arena);
        if (path)
            return path;
    }
    return preset_file(s->preset_folder, named, &l->sc->arena, l->d);
}

static bool load_one_preset(struct loader *l, const struct section *s, const struct ini_entry *named)
{
    const char *path = preset_path(l, s, named);
    size_t first = l->es.n, kept = first, mistakes = l->d->n;

    if (path == NULL || !ini_load(&l->es, path, INI_RANK_PRESET, &l->sc->arena, l->d))
        return false;
    for (size_t i = first; i < l->es.n; i++) {
        struct ini_entry e = l->es.at[i];
        if (s->preset_from && strcmp(e.section, s->preset_from) == 0)
            e.section = s->name;
        if (!preset_may(s, &e))
            diags_add(l->d, e.file, e.line, "[%s] has no place in a preset of [%s]", e.section, s->name);
        else if (e.key && strcmp(e.key, "preset") == 0)
            diags_add(l->d, e.file, e.line, "[%s] preset: a preset cannot name another", e.section);
        else
            l->es.at[kept++] = e;
    }
    l->es.n = kept;
    return l->d->n == mistakes;
}

bool load_preset(struct loader *l, const struct section *s, const struct ini_entry *named)
{
    struct ini_entry one = *named; /* entries move when more are read */
    bool ok = true;

    if (!s->many_presets)
        return load_one_preset(l, s, &one);
    char *rest = arena_strdup(&l->sc->arena, named->value);
    for (char *name = strtok_r(rest, " \t", &rest); name; name = strtok_r(NULL, " \t", &rest)) {
        one.value = name;
        ok &= load_one_preset(l, s, &one);
    }
    return ok;
}

/* ---- binding tables to structs ---- */

static struct opt_bind *bind(struct loader *l, const char *section, const char *prefix, const struct opt_table *table,
                             void *base, bool lenient)
{
    struct scenario *sc = l->sc;

    sim_assert(sc->n_binds < l->cap_binds);
    struct opt_bind *b = &sc->binds[sc->n_binds++];
    *b = (struct opt_bind){.section = section, .prefix = prefix, .table = table, .base = base, .lenient = lenient};
    opt_apply(b, &l->es, &sc->arena, l->d);
    return b;
}

/* The keys of policies that were not chosen: unknown here, but worth a better message than "unknown". Those that a
 * choice of higher rank has put out of use (-s "class chat.input=constant" over a file's lognormal) are no mistake. */
static void check_unchosen(struct loader *l, const char *section, const struct section_choice *c,
                           const struct policy *chosen, bool unset, int rank)
{
    const struct policy *const *list = policy_list(c->kind);

    for (size_t i = 0; i < l->es.n; i++) {
        struct ini_entry *e = &l->es.at[i];
        if (e->key == NULL || e->used || strcmp(e->section, section) != 0 ||
            strncmp(e->key, c->prefix, strlen(c->prefix)) != 0)
            continue;
        for (size_t p = 0; list[p] && !e->used; p++)
            for (size_t k = 0; k < list[p]->options.n && !e->used; k++) {
                if (strcmp(e->key + strlen(c->prefix), list[p]->options.rows[k].name) != 0)
                    continue;
                e->used = true;
                if (chosen && e->rank >= rank)
                    diags_add(l->d, e->file, e->line, "[%s] %s is a key of %s = %s, but %s = %s was chosen", section,
                              e->key, c->table.rows->name, list[p]->name, c->table.rows->name, chosen->name);
                else if (unset)
                    diags_add(l->d, e->file, e->line, "[%s] %s is a key of %s = %s, but %s is not given", section,
                              e->key, c->table.rows->name, list[p]->name, c->table.rows->name);
            }
    }
}

/* NULL if a mistake was made; its message is there then. */
static const struct policy *bind_choice(struct loader *l, const char *section, const struct section_choice *c,
                                        char *base)
{
    struct scenario *sc = l->sc;
    int *index = arena_alloc(&sc->arena, sizeof *index);
    size_t mistakes = l->d->n;
    const struct policy *p = NULL;

    *index = -1;
    const struct ini_entry *by = bind(l, section, "", &c->table, index, l->garbled)->origin[0];
    if (l->d->n == mistakes && *index >= 0) {
        p = policy_list(c->kind)[*index];
        void *options = arena_alloc(&sc->arena, p->options_size ? p->options_size : 1);
        memcpy(base + c->ops, &p, sizeof p); /* a struct KIND_ops begins with its struct policy */
        memcpy(base + c->options, &options, sizeof options);
        bind(l, section, c->prefix, &p->options, options, l->garbled);
    }
    check_unchosen(l, section, c, p, by == NULL && p == NULL && c->table.rows->deflt, by ? by->rank : INI_RANK_PRESET);
    return p;
}

static bool section_given(const struct loader *l, const char *section)
{
    for (size_t i = 0; i < l->es.n; i++)
        if (strcmp(l->es.at[i].section, section) == 0)
            return true;
    return false;
}

/* [kernels] may be named by the GPU's preset: nothing is missing where that could not be read. */
static bool named_by_lenient(const struct loader *l, const struct section *sections, const struct section *s)
{
    if (strcmp(s->name, "kernels") != 0)
        return false;
    for (int i = 0; i < SECTIONS; i++)
        if (strcmp(sections[i].name, "gpu") == 0)
            return l->lenient[i];
    return false;
}

static void load_presets(struct loader *l, const struct section *sections)
{
    for (int i = 0; i < SECTIONS; i++) {
        const struct section *s = &sections[i];
        if (s->preset_folder == NULL)
            continue;
        const struct ini_entry *named = ini_find(&l->es, s->name, "preset");
        if (named == NULL && strcmp(s->name, "kernels") == 0)
            named = ini_find(&l->es, "gpu", "kernels");
        if (named) {
            l->lenient[i] = !load_preset(l, s, named);
        } else if (named_by_lenient(l, sections, s)) {
            l->lenient[i] = true;
        } else if (!s->optional && !section_given(l, s->name) && !l->garbled) {
            diags_add(l->d, l->sc->path, 0,
                      "[%s] is missing: %s (want e.g. preset = NAME; `tiersim explain %s` lists them)", s->name,
                      s->help, s->name);
            l->lenient[i] = true;
        }
    }
}

static void bind_section(struct loader *l, const struct section *s, bool lenient, const char *name, char *base)
{
    lenient |= l->garbled;
    if (s->preset_folder)
        bind(l, name, "", &preset_table, arena_alloc(&l->sc->arena, sizeof(const char *)), false);
    if (s->table.n)
        bind(l, name, "", &s->table, base + s->base, lenient);
    for (size_t i = 0; i < s->n_items; i++)
        bind(l, name, s->items[i].prefix, &s->item_table, base + s->items[i].base, lenient);
    for (int i = 0; i < s->n_choices; i++)
        bind_choice(l, name, &s->choice[i], base);
}

/* ---- named sections ---- */

/* A preset's come first, then those that the scenario adds. */
static const char *const *names_of(struct loader *l, const struct section *s, size_t *n)
{
    const char **names = arena_alloc(&l->sc->arena, (l->es.n + 1) * sizeof *names);

    *n = 0;
    for (int own = 0; own < 2; own++)
        for (size_t i = 0; i < l->es.n; i++) {
            const struct ini_entry *e = &l->es.at[i];
            bool seen = false;
            if (!is_of(e->section, s) || e->rank == INI_RANK_SET || own != (e->rank > INI_RANK_PRESET))
                continue;
            for (size_t k = 0; k < *n && !seen; k++)
                seen = strcmp(names[k], e->section) == 0;
            if (!seen)
                names[(*n)++] = e->section;
        }
    return names;
}

/* Its mistake was said: no second message for its section or key. */
static void forget(const struct loader *l, struct ini_entry *e)
{
    sim_assert(l->sc->n_binds > 0);
    e->section = l->sc->binds[0].section;
    e->used = true;
}

static void check_unnamed(struct loader *l, const struct section *s)
{
    for (size_t i = 0; i < l->es.n; i++) {
        struct ini_entry *e = &l->es.at[i];
        if (strcmp(e->section, s->name) != 0)
            continue;
        if (e->key == NULL || e->rank == INI_RANK_SET)
            diags_add(l->d, e->file, e->line, "[%s] needs a name, e.g. [%s %s]", s->name, s->name, s->named->example);
        forget(l, e);
    }
}

/* -s may change a class, not make one: that is how a misspelt name is noticed. Nothing is said where a preset that
 * may have had the name could not be read. */
static void check_set(struct loader *l, const struct section *s, const char *const *names, size_t n, bool lenient)
{
    for (size_t i = 0; i < l->es.n; i++) {
        struct ini_entry *e = &l->es.at[i];
        bool known = false;
        if (e->rank != INI_RANK_SET || !is_of(e->section, s))
            continue;
        for (size_t k = 0; k < n && !known; k++)
            known = strcmp(names[k], e->section) == 0;
        if (known)
            continue;
        const char *nearest = opt_nearest(e->section, names, n);
        if (nearest && !lenient)
            diags_add(l->d, e->file, 0, "the scenario has no [%s]; did you mean [%s]?", e->section, nearest);
        else if (!lenient)
            diags_add(l->d, e->file, 0, "the scenario has no [%s]", e->section);
        forget(l, e);
    }
}

static void bind_named(struct loader *l, const struct section *s, bool lenient)
{
    struct scenario *sc = l->sc;
    size_t n, mistakes = l->d->n;
    const char *const *names = names_of(l, s, &n);

    check_set(l, s, names, n, lenient);
    check_unnamed(l, s);
    if (n > NAMED_MAX) {
        diags_add(l->d, sc->path, 0, "too many [%s NAME] (at most %d)", s->name, NAMED_MAX);
        return;
    }
    if (n == 0 && s->named->missing && !l->garbled && l->d->n == mistakes)
        diags_add(l->d, sc->path, 0, "%s", s->named->missing);
    char *array = arena_alloc(&sc->arena, (n + 1) * s->named->size);
    int64_t count = (int64_t)n;
    memcpy((char *)sc + s->named->array, &array, sizeof array);
    memcpy((char *)sc + s->named->count, &count, sizeof count);
    for (size_t i = 0; i < n; i++) {
        const char *name = names[i] + strlen(s->name) + 1;
        memcpy(array + i * s->named->size, &name, sizeof name);
        bind_section(l, s, lenient, names[i], array + i * s->named->size);
    }
}

void load_binds(struct loader *l)
{
    const struct section *s = sections_get();
    size_t n, named = 0;

    for (int i = 0; i < SECTIONS; i++)
        if (s[i].named) {
            names_of(l, &s[i], &n);
            named += n;
        }
    l->cap_binds = (2 + 2 * SECTION_CHOICES) * (SECTIONS + named) + KERNEL_COUNT;
    l->sc->binds = arena_alloc(&l->sc->arena, l->cap_binds * sizeof *l->sc->binds);
}

void load_section(struct loader *l, const struct section *s, bool lenient)
{
    if (s->named)
        bind_named(l, s, lenient);
    else
        bind_section(l, s, lenient, s->name, (char *)l->sc);
}

/* ---- the whole ---- */

static bool read_all(struct loader *l, const char *text, char *const *sets, size_t n_sets)
{
    struct scenario *sc = l->sc;

    if (text ? !ini_load_text(&l->es, sc->path, text, INI_RANK_SCENARIO, &sc->arena, l->d)
             : !ini_load(&l->es, sc->path, INI_RANK_SCENARIO, &sc->arena, l->d))
        return false;
    l->garbled = l->d->n > 0;
    for (size_t i = 0; i < n_sets; i++)
        ini_set(&l->es, sets[i], &sc->arena, l->d);
    if (l->es.text)
        sc->text = arena_strdup(&sc->arena, l->es.text);
    return true;
}

/* Whether a preset that could have filled the section could not be read. */
static bool is_lenient(const struct loader *l, const struct section *sections, int i)
{
    bool lenient = l->lenient[i];

    for (int k = 0; k < SECTIONS && sections[i].preset_of; k++)
        if (strcmp(sections[k].name, sections[i].preset_of) == 0)
            lenient |= l->lenient[k];
    return lenient;
}

static void bind_all(struct loader *l)
{
    const struct section *s = sections_get();

    load_presets(l, s);
    extend_sections(l);
    load_binds(l);
    for (int i = 0; i < SECTIONS; i++)
        if (!s[i].unbound || section_given(l, s[i].name))
            load_section(l, &s[i], is_lenient(l, s, i));
    opt_check_unknown(l->sc->binds, l->sc->n_binds, &l->es, l->d);
}

bool load_entries(struct loader *l, bool pool, size_t before)
{
    bind_all(l);
    if (l->d->n > before)
        return false;
    memory_resolve(l->sc, l->d);
    experts_resolve(l->sc, l->d);
    lower_resolve(l->sc, l->d);
    speculation_resolve(l->sc, l->d);
    calibration_resolve(l->sc, l->d);
    agents_resolve(l->sc, l->d);
    if (pool || l->sc->n_pools == 0) /* else each pool is checked in its place */
        scenario_check(l->sc, l->d);
    return l->d->n == before;
}

enum { NO_POINT = -1 }; /* of scenario_load */

/* A study's variables get their values; a study without variables left open is a scenario. */
static bool put_point(struct loader *l, int64_t point)
{
    struct iter it;

    if (!iter_read(&it, &l->es, &l->sc->arena, l->d))
        return false;
    if (point == NO_POINT && it.n_points > 1) {
        diags_add(l->d, l->sc->path, 0,
                  "is a study of %" PRId64 " points: `tiersim sweep %s` runs them all, `tiersim run %s --point K` one, "
                  "from 0 on", it.n_points, l->sc->path, l->sc->path);
        return false;
    }
    if (point >= it.n_points) {
        diags_add(l->d, l->sc->path, 0, "there is no point %" PRId64 ": points are numbered from 0 to %" PRId64, point,
                  it.n_points - 1);
        return false;
    }
    if (!iter_apply(&it, point == NO_POINT ? 0 : point, &l->es, &l->sc->arena, l->d))
        return false;
    struct capacity_options capacity;
    bool ok = capacity_read(&capacity, &l->es, &l->sc->arena, l->d);
    capacity_drop(&l->es);
    return ok;
}

static bool load(struct scenario *sc, const char *path, const char *text, char *const *sets, size_t n_sets,
                 int64_t point, struct diags *d)
{
    struct loader l = {.sc = sc, .d = d};
    struct pools_raw raw = {.n_own = 0};
    size_t before = d->n;

    *sc = (struct scenario){.text = ""};
    arena_init(&sc->arena);
    sc->path = arena_strdup(&sc->arena, path);
    if (read_all(&l, text, sets, n_sets) && put_point(&l, point)) {
        pools_split(&l, &raw);
        if (load_entries(&l, false, l.garbled ? before : d->n))
            pools_load(&l, &raw);
        if (d->n == before)
            faults_resolve(sc, d);
        if (d->n == before)
            prices_resolve(sc, d);
        if (d->n == before)
            print_normal_form(sc);
    }
    pools_raw_free(&raw);
    ini_entries_free(&l.es);
    return d->n == before;
}

bool scenario_load(struct scenario *sc, const char *path, char *const *sets, size_t n_sets, struct diags *d)
{
    return load(sc, path, NULL, sets, n_sets, NO_POINT, d);
}

bool scenario_load_point(struct scenario *sc, const char *path, char *const *sets, size_t n_sets, int64_t point,
                         struct diags *d)
{
    return load(sc, path, NULL, sets, n_sets, point, d);
}

bool scenario_load_text(struct scenario *sc, const char *name, const char *text, char *const *sets, size_t n_sets,
                        struct diags *d)
{
    return load(sc, name, text, sets, n_sets, NO_POINT, d);
}

void scenario_free(struct scenario *sc)
{
    for (int64_t i = 0; i < sc->n_pools; i++)
        if (sc->pools[i].own)
            arena_free(&sc->pools[i].as->arena);
    arena_free(&sc->arena);
    *sc = (struct scenario){0};
}
