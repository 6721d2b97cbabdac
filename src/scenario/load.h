/*
 * load.h - what load.c and load_alone.c share: entries of files on their way into the structs of a scenario.
 */
#ifndef SCENARIO_LOAD_H
#define SCENARIO_LOAD_H

#include "scenario/scenario.h"
#include "scenario/tables.h"

struct loader {
    struct scenario *sc;
    struct ini_entries es;
    struct diags *d;
    bool garbled;           /* the files have syntax errors: what is missing may stand in a line that was refused */
    bool lenient[SECTIONS]; /* the same for one section, whose preset could not be read */
    size_t cap_binds;
};

/* Reads the preset that the entry names (of [memory]: presets) behind the other entries. False with diags. */
bool load_preset(struct loader *l, const struct section *s, const struct ini_entry *named);

/* Where sc->binds has room for the sections that the entries name. Call when all entries are read. */
void load_binds(struct loader *l);

/* Fills the section's struct; for a named section its array, one struct for each name. */
void load_section(struct loader *l, const struct section *s, bool lenient);

/* [class b] extends = a: gives sections what they lack of the one that they extend (extend.c). When presets are read. */
void extend_sections(struct loader *l);

#endif
