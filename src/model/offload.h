/*
 * offload.h - what a step needs from below HBM: experts that are not there, rows of conditional memory tables, KV of
 * running sequences that did not fit.
 *
 * Each is a transfer over the replica's path to the tier, in contention with all others, of one of two kinds:
 *
 *   beside   addresses are known before the layer runs, so it moves while the layers before compute: guessed experts,
 *            table rows (their addresses follow from the tokens), KV of dense attention
 *   after    they are known only when the layer is reached, and it waits: experts that were not guessed, entries that
 *            a sparse attention's indexer picks
 *
 *   step   [ compute ............................ ][ after ]          ends when all three have
 *          [ beside .......................... ]
 *
 * What is read in place, or belongs to KV that lies elsewhere, is not read from HBM: the step's own port time is less
 * by bytes / bandwidth.
 *
 *   experts   drawn by expert.h for the step's tokens; with expert ranks the slowest one counts: an `after` job can use
 *             absent / (ranks * absent_slowest) of the path
 *   tables    tokens * engram_layers * engram_rows * row bytes, rounded up to the tier's granularity a row; `beside`
 *   KV        of x, the share of the running sequences' KV beyond HBM: dense x * (bytes the step reads), `beside`;
 *             sparse (top-k attention): all of the selected entries' bytes are of the lower tier but for `sparse_hit`
 *             of them, which the buffer in HBM has from the step before; `after`, with the path's latency a layer
 *
 * Layers follow each other in a real step; here a step's needs of a kind are one transfer, so what one layer waits for
 * cannot be hidden behind another's compute, nor can two layers' fetches meet (the mean is kept, the order is not).
 * Prompt tokens read their experts as decode tokens do; prompts of thousands of tokens need nearly all.
 * Ownership: the world.
 */
#ifndef MODEL_OFFLOAD_H
#define MODEL_OFFLOAD_H

#include "model/expert.h"
#include "model/memory.h"
#include "model/replica.h"

enum { OFFLOAD_NEEDS = 6 };

struct offload_need {
    enum move_kind kind;
    int tier;
    int64_t bytes;      /* of the replica */
    double slowed;      /* >= 1: by an uneven spread over the ranks */
    int64_t latency_ns; /* beside the path's own */
    bool after;
};

struct offload_step { /* of one step */
    struct offload_need need[OFFLOAD_NEEDS];
    int n;
    double not_read_bytes; /* that HBM's port is spared, of the replica */
    struct expert_use experts;
};

struct offload;

/* NULL where the scenario keeps all in HBM. */
struct offload *offload_new(const struct scenario *sc);
void offload_free(struct offload *o);
void offload_step(struct offload *o, const struct replica *r, const struct cost_step *step, int64_t now_ns,
                  struct offload_step *out);
/* Another share of a replica's experts in HBM. */
void offload_resize(struct offload *o, int64_t replica, double hot_share);
/* The share of them that is there now. */
double offload_hot_share(const struct offload *o, int64_t replica);
uint64_t offload_digest(const struct offload *o);
void offload_check(const struct offload *o);

#endif
