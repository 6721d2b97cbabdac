/*
 * fuzz_iter.c - any bytes as a study: its variables, constraint and expressions may not crash, hang or leak; what is
 * taken has points that can be numbered, named and put in place; what is refused is refused with a message.
 *
 * As fuzz_traces.c, libFuzzer's target and fuzz_replay.c's.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/iter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEMAND(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "fuzz_iter: not so: %s\n", #condition);                                                    \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static void check_points(struct iter *it, struct ini_entries *es, struct arena *a, struct diags *d)
{
    DEMAND(it->n_sets >= 1 && it->n_sets <= ITER_POINTS_MAX && it->n_points == it->n_sets * it->sweep.repeat);
    for (int i = 0; i < it->n_vars; i++) {
        DEMAND(it->vars[i].n >= 1 && expr_name(it->vars[i].name) == strlen(it->vars[i].name));
        DEMAND(iter_value(it, i, 0)->text && iter_value(it, i, it->n_sets - 1)->text);
    }
    DEMAND(iter_label(it, it->n_sets - 1, a));
    if (!iter_apply(it, it->n_points - 1, es, a, d)) {
        DEMAND(d->n > 0);
        return;
    }
    for (size_t i = 0; it->is_study && i < es->n; i++)
        DEMAND(strcmp(es->at[i].section, "sweep") != 0 && (es->at[i].key == NULL || *es->at[i].value != '\0'));
}

static void check_expression(const char *text, struct arena *a)
{
    char why[512] = "";

    DEMAND(expr_parse(text, a, why, sizeof why) || *why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ini_entries es = {.n = 0};
    struct iter it;
    struct diags d;
    struct arena a;

    arena_init(&a);
    diags_init(&d);
    char *text = arena_printf(&a, "%.*s", (int)size, size ? (const char *)data : "");
    check_expression(text, &a);
    ini_load_text(&es, "fuzz.ini", text, INI_RANK_SCENARIO, &a, &d);
    if (d.n == 0 && iter_read(&it, &es, &a, &d))
        check_points(&it, &es, &a, &d);
    else
        DEMAND(d.n > 0);
    diags_free(&d);
    ini_entries_free(&es);
    arena_free(&a);
    return 0;
}
