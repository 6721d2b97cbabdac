/*
 * retention.h - how long it pays to keep a context: US$ of its room in each memory against US$ of computing it again.
 *
 * Gray and Putzolu's rule of five minutes (SIGMOD 1987), for KV. A context of n tokens that is asked for again within
 *
 *   T = (recompute US$ - wear US$) / (room US$ an hour)
 *
 * is cheaper kept than computed again, one that is asked for later is not.
 *
 *   recompute  time of its steps, alone and in chunks of max_num_batched_tokens, by the cost model; times US$/s of a replica:
 *              all of the bill but tiers, and its GPUs' power in steps
 *   room       its KV in that memory's format, at US$ per GB-hour of the bill's part; HBM holds what tp replicates
 *   wear       NAND: one write, amplified, of what the drives stand: US$/GB / (drive writes a day * 365 * warranty years);
 *              none where [tier] gives no drive_writes_per_day
 *
 * HBM stands twice: at its own price, and at that of all its GPU, since HBM that holds a context holds no other sequence:
 * which of the two is right depends on whether HBM bounds the batch.
 *
 * Not modelled: the time that a restore takes of links and steps (told as read_s, on an idle machine), steps that prompts
 * share with others, contexts whose later part alone is lost, HBM read by the recomputed prompt, a use that never comes:
 * then nothing pays.
 */
#ifndef STUDY_RETENTION_H
#define STUDY_RETENTION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "scenario/bill.h"
#include "scenario/scenario.h"

enum { RETENTION_MEMORIES_MAX = 2 + MEMORY_TIERS_MAX };

struct retention_prompt { /* of a context */
    int64_t tokens;
    double recompute_s, recompute_usd;
};

struct retention_room { /* of it in a memory */
    int64_t tier;       /* -1: HBM */
    bool with_gpu;      /* HBM at the price of its GPU */
    double bytes, usd_per_gb_h, usd_per_h, wear_usd;
    double read_s;      /* 0 in HBM */
    double break_even_s; /* below 0: wear alone costs more */
};

/* sc has [prices]. */
void retention_prompt(const struct scenario *sc, const struct bill *b, int64_t tokens, struct retention_prompt *out);
/* Gives how many there are. */
int64_t retention_rooms(const struct scenario *sc, const struct bill *b, const struct retention_prompt *p,
                        struct retention_room out[RETENTION_MEMORIES_MAX]);

/* Of some lengths up to the model's longest context. */
void retention_print(const struct scenario *sc, bool json, FILE *out);

#endif
