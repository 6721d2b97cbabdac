#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "scenario/scenario.h"
#include "scenario/tables.h"

enum { CLASSES_MAX = 1000 };

struct loader {
    struct scenario *sc;
    struct ini_entries es;
    struct diags *d;
    bool garbled;           /* the files have syntax errors: what is missing may stand in a line that was refused */
    bool lenient[SECTIONS]; /* the same for one section, whose preset could not be read */
    size_t cap_binds;
};

static bool is_class(const char *section)
{
    return strncmp(section, "class ", 6) == 0;
}

/* ---- presets ---- */

/* A preset file may fill its own section, one for a GPU also [node]. */
static bool preset_may(const struct section *s, const struct ini_entry *e)
{
    return strcmp(e->section, s->name) == 0 || (strcmp(s->name, "gpu") == 0 && strcmp(e->section, "node") == 0);
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

static bool load_preset(struct loader *l, const struct section *s, const struct ini_entry *named)
{
    const char *path = preset_path(l, s, named);
    size_t first = l->es.n, kept = first, mistakes = l->d->n;

    if (path == NULL || !ini_load(&l->es, path, INI_RANK_PRESET, &l->sc->arena, l->d))
        return false;
    for (size_t i = first; i < l->es.n; i++) {
        struct ini_entry e = l->es.at[i];
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
                           const struct policy *chosen, int rank)
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
    check_unchosen(l, section, c, p, by ? by->rank : INI_RANK_PRESET);
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
            struct ini_entry kept = *named; /* entries move when more are read */
            l->lenient[i] = !load_preset(l, s, &kept);
        } else if (named_by_lenient(l, sections, s)) {
            l->lenient[i] = true;
        } else if (!section_given(l, s->name) && !l->garbled) {
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

/* ---- classes ---- */

static const char *const *class_sections(struct loader *l, size_t *n)
{
    struct arena *a = &l->sc->arena;
    const char **names = arena_alloc(a, (l->es.n + 1) * sizeof *names);

    *n = 0;
    for (size_t i = 0; i < l->es.n; i++) {
        const struct ini_entry *e = &l->es.at[i];
        bool seen = false;
        if (!is_class(e->section) || e->rank == INI_RANK_SET)
            continue;
        for (size_t k = 0; k < *n && !seen; k++)
            seen = strcmp(names[k], e->section) == 0;
        if (!seen)
            names[(*n)++] = e->section;
    }
    return names;
}

/* Its mistake was said: no second message for its section or key. */
static void forget(struct ini_entry *e)
{
    e->section = "run";
    e->used = true;
}

static void check_unnamed_classes(struct loader *l)
{
    for (size_t i = 0; i < l->es.n; i++) {
        struct ini_entry *e = &l->es.at[i];
        if (strcmp(e->section, "class") != 0)
            continue;
        if (e->key == NULL || e->rank == INI_RANK_SET)
            diags_add(l->d, e->file, e->line, "[class] needs a name, e.g. [class chat]");
        forget(e);
    }
}

/* -s may change a class, not make one: that is how a misspelt name is noticed. */
static void check_set_classes(struct loader *l, const char *const *names, size_t n)
{
    for (size_t i = 0; i < l->es.n; i++) {
        struct ini_entry *e = &l->es.at[i];
        bool known = false;
        if (e->rank != INI_RANK_SET || !is_class(e->section))
            continue;
        for (size_t k = 0; k < n && !known; k++)
            known = strcmp(names[k], e->section) == 0;
        if (known)
            continue;
        const char *nearest = opt_nearest(e->section, names, n);
        if (nearest)
            diags_add(l->d, e->file, 0, "the scenario has no [%s]; did you mean [%s]?", e->section, nearest);
        else
            diags_add(l->d, e->file, 0, "the scenario has no [%s]", e->section);
        forget(e);
    }
}

static void bind_classes(struct loader *l, const struct section *s, const char *const *names, size_t n)
{
    struct scenario *sc = l->sc;

    sc->classes = arena_alloc(&sc->arena, (n + 1) * sizeof *sc->classes);
    for (size_t i = 0; i < n; i++) {
        struct class_options *c = &sc->classes[sc->n_classes++];
        c->name = names[i] + strlen("class ");
        bind_section(l, s, false, names[i], (char *)c);
    }
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

static void bind_all(struct loader *l)
{
    const struct section *s = sections_get();
    size_t n_classes;
    const char *const *classes = class_sections(l, &n_classes);

    check_set_classes(l, classes, n_classes);
    size_t mistakes = l->d->n;
    check_unnamed_classes(l);
    if (n_classes > CLASSES_MAX) {
        diags_add(l->d, l->sc->path, 0, "too many classes (at most %d)", CLASSES_MAX);
        return;
    }
    if (n_classes == 0 && !l->garbled && l->d->n == mistakes)
        diags_add(l->d, l->sc->path, 0,
                  "there is no [class NAME]: a scenario needs at least one, with input and output lengths");
    l->cap_binds = 6 * (SECTIONS + n_classes) + KERNEL_COUNT;
    l->sc->binds = arena_alloc(&l->sc->arena, l->cap_binds * sizeof *l->sc->binds);
    load_presets(l, s);
    for (int i = 0; i < SECTIONS; i++) {
        if (s[i].named)
            bind_classes(l, &s[i], classes, n_classes);
        else
            bind_section(l, &s[i], l->lenient[i], s[i].name, (char *)l->sc);
    }
    opt_check_unknown(l->sc->binds, l->sc->n_binds, &l->es, l->d);
}

static bool load(struct scenario *sc, const char *path, const char *text, char *const *sets, size_t n_sets,
                 struct diags *d)
{
    struct loader l = {.sc = sc, .d = d};
    size_t before = d->n;

    *sc = (struct scenario){.text = ""};
    arena_init(&sc->arena);
    sc->path = arena_strdup(&sc->arena, path);
    if (read_all(&l, text, sets, n_sets)) {
        bind_all(&l);
        if (d->n == before)
            scenario_check(sc, d);
        if (d->n == before)
            print_normal_form(sc);
    }
    ini_entries_free(&l.es);
    return d->n == before;
}

bool scenario_load(struct scenario *sc, const char *path, char *const *sets, size_t n_sets, struct diags *d)
{
    return load(sc, path, NULL, sets, n_sets, d);
}

bool scenario_load_text(struct scenario *sc, const char *name, const char *text, char *const *sets, size_t n_sets,
                        struct diags *d)
{
    return load(sc, name, text, sets, n_sets, d);
}

/* ---- presets alone ---- */

static bool belongs(const char *section, const char *to)
{
    return strcmp(section, to) == 0 ||
           (strcmp(to, "gpu") == 0 && (strcmp(section, "kernels") == 0 || strcmp(section, "node") == 0));
}

/* Loads the presets of [gpu] and [kernels], or of [model], into sc. */
static bool load_alone(struct scenario *sc, const char *section, const char *name, struct arena *a, struct diags *d)
{
    const struct section *s = sections_get();
    struct loader l = {.sc = sc, .d = d};
    size_t before = d->n;
    char *set = arena_printf(a, "%s.preset=%s", section, name);

    *sc = (struct scenario){.text = "", .path = "describe"};
    arena_init(&sc->arena);
    ini_set(&l.es, set, a, d);
    for (size_t i = 0; i < l.es.n; i++)
        l.es.at[i].file = "tiersim"; /* it is no -s of the user's */
    l.cap_binds = 8 + KERNEL_COUNT;
    sc->binds = arena_alloc(&sc->arena, l.cap_binds * sizeof *sc->binds);
    for (int i = 0; i < SECTIONS; i++) {
        bool kernels = strcmp(s[i].name, "kernels") == 0;
        const struct ini_entry *named =
            belongs(s[i].name, section) ? ini_find(&l.es, kernels ? "gpu" : s[i].name, kernels ? "kernels" : "preset")
                                        : NULL;
        if (named) {
            struct ini_entry kept = *named;
            l.lenient[i] = !load_preset(&l, &s[i], &kept);
        }
    }
    for (int i = 0; i < SECTIONS; i++)
        if (belongs(s[i].name, section))
            bind_section(&l, &s[i], l.lenient[i], s[i].name, (char *)sc);
    opt_check_unknown(sc->binds, sc->n_binds, &l.es, d);
    ini_entries_free(&l.es);
    return d->n == before;
}

bool scenario_load_model(const char *name, struct model_options *out, struct arena *a, struct diags *d)
{
    struct scenario sc;
    bool ok = load_alone(&sc, "model", name, a, d);

    *out = sc.layout.model;
    if (out->name)
        out->name = arena_strdup(a, out->name);
    scenario_free(&sc);
    return ok;
}

bool scenario_load_gpu(const char *name, struct gpu_options *gpu, struct kernels *kernels, struct arena *a,
                       struct diags *d)
{
    struct scenario sc;
    bool ok = load_alone(&sc, "gpu", name, a, d);
    const char **texts[] = {&gpu->name, &gpu->generation, &gpu->kernels, &kernels->name};

    *gpu = sc.layout.gpu;
    *kernels = sc.layout.kernels;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (*texts[i])
            *texts[i] = arena_strdup(a, *texts[i]);
    scenario_free(&sc);
    return ok;
}

void scenario_free(struct scenario *sc)
{
    arena_free(&sc->arena);
    *sc = (struct scenario){0};
}
