/*
 * load_alone.c - presets without a scenario, as `describe` shows them.
 */
#include <string.h>

#include "scenario/load.h"

/* What is loaded for one of them, in this order: a preset may name that of a later section. */
static const char *const model_sections[] = {"model", NULL};
static const char *const gpu_sections[] = {"gpu", "node", "kernels", NULL};
static const char *const memory_sections[] = {"memory", "link", "tier", "gpu", "node", NULL};

static const struct ini_entry *preset_of(const struct ini_entries *es, const char *section)
{
    if (strcmp(section, "kernels") == 0)
        return ini_find(es, "gpu", "kernels");
    const struct ini_entry *e = ini_find(es, section, "preset");
    return e == NULL && strcmp(section, "gpu") == 0 ? ini_find(es, "memory", "gpu") : e;
}

static int section_at(const struct section *all, const char *name)
{
    int i = 0;

    while (strcmp(all[i].name, name) != 0)
        i++;
    return i;
}

static void add_preset(struct loader *l, const char *section, const char *name)
{
    size_t first = l->es.n;

    ini_set(&l->es, arena_printf(&l->sc->arena, "%s.preset=%s", section, name), &l->sc->arena, l->d);
    for (size_t i = first; i < l->es.n; i++)
        l->es.at[i].file = "tiersim"; /* it is no -s of the user's */
}

/* Fills the sections from what their presets and the entries so far say. Frees the entries. */
static bool load_alone(struct loader *l, const char *const *wanted, size_t mistakes_before)
{
    const struct section *all = sections_get();
    bool lenient = false;

    for (int i = 0; wanted[i]; i++) {
        const struct section *s = &all[section_at(all, wanted[i])];
        const struct ini_entry *named = s->preset_folder ? preset_of(&l->es, wanted[i]) : NULL;
        if (named)
            lenient |= !load_preset(l, s, named);
    }
    load_binds(l);
    for (int i = 0; wanted[i]; i++) {
        const struct section *s = &all[section_at(all, wanted[i])];
        bool unnamed = s->preset_folder && preset_of(&l->es, wanted[i]) == NULL;
        load_section(l, s, lenient || unnamed);
    }
    opt_check_unknown(l->sc->binds, l->sc->n_binds, &l->es, l->d);
    ini_entries_free(&l->es);
    return l->d->n == mistakes_before;
}

static struct loader alone_begin(struct scenario *sc, struct diags *d)
{
    *sc = (struct scenario){.text = "", .path = "describe"};
    arena_init(&sc->arena);
    return (struct loader){.sc = sc, .d = d};
}

bool scenario_load_model(const char *name, struct model_options *out, struct arena *a, struct diags *d)
{
    struct scenario sc;
    struct loader l = alone_begin(&sc, d);
    size_t before = d->n;

    add_preset(&l, "model", name);
    bool ok = load_alone(&l, model_sections, before);

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
    struct loader l = alone_begin(&sc, d);
    size_t before = d->n;

    add_preset(&l, "gpu", name);
    bool ok = load_alone(&l, gpu_sections, before);
    const char **texts[] = {&gpu->name, &gpu->generation, &gpu->kernels, &kernels->name};

    *gpu = sc.layout.gpu;
    *kernels = sc.layout.kernels;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (*texts[i])
            *texts[i] = arena_strdup(a, *texts[i]);
    scenario_free(&sc);
    return ok;
}

bool scenario_load_memory(struct scenario *sc, const char *preset, char *const *sets, size_t n_sets, struct diags *d)
{
    struct loader l = alone_begin(sc, d);
    size_t before = d->n;

    add_preset(&l, "memory", preset);
    for (size_t i = 0; i < n_sets; i++)
        ini_set(&l.es, sets[i], &sc->arena, d);
    if (load_alone(&l, memory_sections, before))
        memory_resolve(sc, d);
    return d->n == before;
}
