/*
 * catalogue.h - the presets of data/ that published names stand for.
 *
 * Models: "meta-llama/Meta-Llama-3.1-8B-Instruct" is llama-3.1-8b. Of a path the last part counts, case does not; words
 * at the end that leave the architecture as it is (instruct, fp8, awq, a date, a version of the weights) are cut one by
 * one until a preset has the name. Nothing is guessed beyond that: a distillate carries its teacher's name in front.
 *
 * GPUs: "RTXPRO6000" and "rtx_pro_6000_server" are rtx-pro-6000; only letters and digits count.
 */
#ifndef STUDY_CATALOGUE_H
#define STUDY_CATALOGUE_H

#include "base/arena.h"

/* NULL: none. Strings live in the arena. */
const char *catalogue_model(const char *name, struct arena *a);
const char *catalogue_gpu(const char *name, struct arena *a);

/* "a, b, c": the presets of a folder of data/, for messages. */
const char *catalogue_list(const char *folder, struct arena *a);

#endif
