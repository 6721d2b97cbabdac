/*
 * loads.h - what routers see: the load of each replica, and the least loaded one in O(1).
 *
 * Loads change with each arrival, step and completion; a heap by the router's own key (router.h) is moved in O(log n)
 * a change, and not kept at all where the router names none.
 *
 * Measures (loads_measure) are kept only where the router asks for them. A replica's speed is a mean over its steps in
 * which a step loses weight as later ones take time: with a sum S of tokens in T of steps, a step of t makes them
 * S (1 - t/window) + tokens and T (1 - t/window) + t; a prompt token takes T/S. It starts from a window of the speed
 * that is given as known beforehand.
 */
#ifndef MODEL_LOADS_H
#define MODEL_LOADS_H

#include "base/heap.h"
#include "policy/router.h"

struct loads_speed { /* decaying sums */
    double prompt_tokens, prompt_ns; /* of steps that computed prompts */
    double gaps, gap_ns;             /* of steps that decoded */
};

struct loads {
    struct router_view view; /* arrays owned here */
    int64_t *requests, *tokens;
    bool *room; /* can take a request now (router.h) */
    bool *up;
    int64_t n_up;
    enum router_key key;
    struct heap heap;
    uint32_t *pos;

    /* measures; NULL: none */
    double window_ns;
    struct loads_speed *speed;
    int64_t *wait_ns;
    double *token_ns, *tpot_ns, *kv;
};

void loads_init(struct loads *l, int64_t n, enum router_key key);
void loads_free(struct loads *l);
void loads_add(struct loads *l, int64_t replica, int64_t requests, int64_t tokens);
/* A replica that is down is the least loaded only where all are. */
void loads_set_up(struct loads *l, int64_t replica, bool up);
void loads_set_room(struct loads *l, int64_t replica, bool room);

/* From now on measures are kept; token_ns: of a prompt token, before any was measured. */
void loads_measure(struct loads *l, int64_t window_ns, double token_ns);
/* A step has ended. prompt_tokens 0: it computed no prompt; gap_ns 0: it decoded nothing. */
void loads_stepped(struct loads *l, int64_t replica, int64_t step_ns, int64_t prompt_tokens, int64_t gap_ns);
/* What it has to compute now, tokens; and the share of its KV that is in use or will be for that. */
void loads_set_work(struct loads *l, int64_t replica, int64_t prompt_tokens, double kv);

/* The view as of now. */
const struct router_view *loads_view(struct loads *l);

#endif
