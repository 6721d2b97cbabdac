/*
 * opt_value.h - one value of an option: from text, and back to the text of the normal form.
 *
 * opt_value_text gives a text that opt_value_parse turns into the same bits.
 */
#ifndef CONF_OPT_VALUE_H
#define CONF_OPT_VALUE_H

#include "conf/opt.h"

/* Parses text into the member at p, limits included. dir is what a path is relative to. On failure gives false and
 * why: a sentence part that starts with the text in quotes. */
bool opt_value_parse(const struct opt *row, const char *text, const char *dir, void *p, struct arena *a, char *why,
                     size_t why_size);

/* What the row takes, in a word or two ("a whole number", "a time, e.g. 40ms"), and its range ("" if any will do). */
const char *opt_value_kind(const struct opt *row);
void opt_value_range(const struct opt *row, char *out, size_t size);

#endif
