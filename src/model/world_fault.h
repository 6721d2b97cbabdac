/*
 * world_fault.h - what the files of faults share: world_fault.c (when, and what becomes of requests),
 * world_fault_about.c (which units and replicas), world_fault_loss.c (what goes down, and what is lost with it).
 * Private to them.
 */
#ifndef MODEL_WORLD_FAULT_H
#define MODEL_WORLD_FAULT_H

#include "model/world_state.h"

struct fault_process {
    const struct fault_options *o;
    int64_t fault; /* index of o */
    int64_t unit;  /* -1: drawn when it begins */
    struct rng rng;
    bool active, forever;
    int64_t at;   /* the unit that it is about, while active */
    int64_t lost; /* modules */
    bool dead;    /* all modules of the unit are lost */
};

struct faults {
    struct fault_process *process;
    int64_t n;
    int64_t *forever; /* [replicas] of the faults that keep it down: those that do not end */
    bool *dead;       /* [memory.n_resources] ports that what fails now uses */
    uint32_t *hit;    /* slots of requests that lost KV at replicas that are up */
    int64_t n_hit, cap_hit;
    struct ev_fault now; /* the record being made */
};

/* ---- world_fault_about.c ---- */

struct fault_range { /* of replicas */
    int64_t begin, end;
};
struct fault_range fault_replicas_of_host(const struct world *w, int64_t host);
/* Whether it is about that unit of a tier, or link; keeps it down; takes what it holds. */
bool fault_concerns(const struct world *w, const struct fault_process *p, bool is_tier, int64_t line, int64_t unit);
bool fault_puts_down(const struct world *w, const struct fault_process *p, bool is_tier, int64_t line, int64_t unit);
bool fault_loses_data(const struct world *w, const struct fault_process *p, int64_t tier, int64_t unit);
/* Whether it keeps the replica down: one of its GPUs is what it is about, or cannot reach what its steps need. */
bool fault_takes_down(const struct world *w, const struct fault_process *p, int64_t replica);
/* Of what it is about, as all faults leave it now. */
void fault_set_speeds(struct world *w, const struct fault_process *p);
void fault_set_port_speed(struct world *w, bool is_tier, int64_t line, int64_t unit);

/* ---- world_fault_loss.c ---- */

void fault_count_lines(const struct world *w, const struct fault_process *p, int by); /* 1: it begins; -1: it ends */
void fault_count_replicas(struct world *w, const struct fault_process *p, int by);
enum fault_requests fault_policy(const struct fault_process *p, bool at_home);
void fault_tally(struct world *w, enum fault_requests policy);
/* Cuts transfers off; lists the requests at replicas that are up which lost KV, and takes it from them. */
void fault_lose_transfers(struct world *w, const struct fault_process *p);
void fault_lose_replica(struct world *w, struct replica *r);
void fault_lose_tiers(struct world *w, const struct fault_process *p);
void fault_take_modules(struct world *w, struct fault_process *p); /* how many: no more than there are */
void fault_move_modules(struct world *w, const struct fault_process *p, int64_t lost);

#endif
