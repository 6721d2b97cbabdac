/*
 * build.h - a measured row's configuration as the text of a scenario, which a user can read, change and run.
 *
 * The closed loop is InferenceX's: `concurrency` requests at time 0, then the next whenever one ends, 10 x concurrency
 * in all; the tail drains. Lengths are whole numbers, each equally likely, from twice the mean less the nominal length
 * to the nominal length: U[0.8 n, n] where the mean is 0.9 n; exact where the mean is the nominal length. Its warm-up
 * requests, which end before the measured ones begin, are left out: the simulated server has nothing to warm up. Rows
 * of another proto say nothing of how many requests there were; they get 10 x concurrency too.
 *
 * What the row does not say (KV dtype, memory, token budget) is taken from the recipes (recipe.h). The seed is a hash
 * of the row's id, so that a row is the same run in whatever table it stands, but for a batch that recipes take from
 * the most users of its curve.
 */
#ifndef STUDY_BUILD_H
#define STUDY_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "study/silicon.h"

struct build;

/* recipes: a name of data/recipes or a path with a slash. NULL with diags. */
struct build *build_open(const char *recipes, struct diags *d);
void build_close(struct build *b);

/* The text, for the caller to free; or NULL, with the reason in why_not. Reads nothing that was measured. */
char *build_text(const struct build *b, const struct silicon_config *c, char *why_not, size_t size);

/* The same without [workload] and [class]: the server alone, for load of another kind. Of isl, osl and concurrency
 * only what the recipes pick by them plays a part. */
char *build_server(const struct build *b, const struct silicon_config *c, char *why_not, size_t size);

/* stream_interval where the recipe says it; else 0: it is the engine's. */
int64_t build_stream_interval(const struct build *b, const struct silicon_config *c);

/* The preset of data/gpus that a system's name stands for: b200_sxm is b200, rtx_pro_6000_server rtx-pro-6000. */
void build_gpu(const char *system, char *out, size_t size);

#endif
