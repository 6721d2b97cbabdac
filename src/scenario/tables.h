/*
 * tables.h - the sections of a scenario: which keys, which presets, which policies.
 *
 * load.c walks this list to fill a scenario, explain.c to describe it. A new key is a row in tables.c; a new policy
 * brings its own table (policy.h) and needs nothing here.
 *
 * Offsets point into struct scenario, for a named section into its own struct.
 */
#ifndef SCENARIO_TABLES_H
#define SCENARIO_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/opt.h"
#include "policy/policy.h"

/* A key of the section that picks a policy, whose options are then keys of the section too. */
struct section_choice {
    struct opt_table table; /* one row, an int: index into policy_list(kind) */
    enum policy_kind kind;
    const char *prefix;  /* of the policy's keys: "input_" */
    size_t ops, options; /* where the pointers go */
};

/* One of several structs of the same table in a section, told apart by the prefix of their keys. */
struct section_item {
    const char *prefix;
    size_t base;
    const char *help;
};

/* [class NAME]: an array of structs, one a section. */
struct section_named {
    const char *title;   /* "class NAME" */
    const char *example; /* of a name */
    const char *missing; /* what to say when there is none; NULL: nothing */
    size_t size;         /* of a struct; its first member is const char *name */
    size_t array, count; /* where the array and its length (int64_t) go in struct scenario */
};

enum { SECTION_CHOICES = 10 };

struct section {
    const char *name, *help;
    const struct section_named *named; /* NULL: there is one of it */
    const char *preset_folder;         /* of data/, or, with a - at its end, how files of data/ begin; NULL: no presets */
    const char *preset_from;           /* whose section of a preset's file fills it; NULL: its own */
    bool optional;                     /* with a preset folder: it may be left out */
    bool unbound;                      /* where it is left out, it has no defaults, and no place in the normal form */
    bool many_presets;                 /* `preset` may name several; where they differ the later ones hold */
    const char *preset_of;             /* the section whose presets may fill this one, too; NULL: none */
    struct opt_table table;
    size_t base; /* of the struct that the table fills */
    struct section_choice choice[SECTION_CHOICES];
    int n_choices;
    int n_traced; /* of the choices, the first so many: a trace may say them (the law trace) */
    const struct section_item *items;
    size_t n_items;
    struct opt_table item_table;
};

enum { SECTIONS = 32 };

/* In the order of the normal form; the classes come last. Call sections_get first: it fills in the policies' names. */
const struct section *sections_get(void);

/* The key `preset` of sections that have presets: one row, a const char *. */
extern const struct opt_table preset_table;

/* A file of data/FOLDER by its preset's name; NULL after a diag that lists the known ones. A name with a / is a
 * path (as seen from e's file). The folder data/ is the first there is of: $TIERSIM_DATA (then no other is tried), the
 * source tree's, the one beside the program's build folder, the one installed beside the program, the installed one. */
const char *preset_file(const char *folder, const struct ini_entry *e, struct arena *a, struct diags *d);
/* FOLDER/NAME-VARIANT.ini, NULL where there is none. */
const char *preset_variant(const char *folder, const char *name, const char *variant, struct arena *a);
/* The presets of a folder, sorted; at most max of them. */
size_t preset_names(const char *folder, const char **names, size_t max, struct arena *a);

struct scenario;

/* Sets sc->resolved and sc->config_hash (print.c). */
void print_normal_form(struct scenario *sc);

#endif
