/*
 * recipe.h - serving settings by engine, model, precision and GPU (data/recipes/NAME.ini, whose header states the
 * format).
 *
 * For each key the most specific section that has it holds: a model outweighs a precision, that a GPU, that an engine.
 * A key that starts with prefill_ or decode_ is of that pool alone.
 */
#ifndef STUDY_RECIPE_H
#define STUDY_RECIPE_H

#include <stdint.h>

#include "base/diag.h"

struct recipes;

enum { RECIPE_KEY_BYTES = 64 };

struct recipe_query {
    const char *engine, *model, *precision, *gpu;
};

/* name: of data/recipes, or a path with a slash. NULL with diags. */
struct recipes *recipes_read(const char *name, struct diags *d);
void recipes_free(struct recipes *r);

/* The value that holds, or NULL. */
const char *recipes_find(const struct recipes *r, const struct recipe_query *q, const char *key);

/* Of a list such as "8192/32768" the least number that is at least `least`, else the largest. */
int64_t recipe_pick(const char *list, double least);

/* A batch's sequences. Of a list, as recipe_pick the least that holds `users`. Of "8/16/32 full 1.3" the largest that
 * `most`, the most users of the recipe, fill (16 of 16 to 20.8), where they exceed it by no more than 1.3 times; else
 * the least that holds them, or the largest. Both are users for each such batch. */
int64_t recipe_seqs(const char *value, double users, double most);

/* A step's tokens. Of a list, the least that holds two of the longest prompts; of "prompt+64" one prompt, the users
 * and 64, up to a multiple of 64. */
int64_t recipe_tokens(const char *value, int64_t prompt, int64_t users);

struct recipe_shape {
    int64_t isl, osl, tp, ep, dp;
};

/* Of "20 isl=1024 osl=1024 tp<8 ep>8 dp>1" (in this order, any of them may be missing) 20 where all hold, else 0. */
int64_t recipe_where(const char *value, const struct recipe_shape *shape);

/* Of "10 16:30" what holds for so many users: 10, and from 16 on 30. */
int64_t recipe_from(const char *list, double users);

#endif
