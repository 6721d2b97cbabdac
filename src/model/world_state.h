/*
 * world_state.h - what a world is made of. Private to the model: world.c moves it, audit.c checks it.
 */
#ifndef MODEL_WORLD_STATE_H
#define MODEL_WORLD_STATE_H

#include "engine/sim.h"
#include "model/fleet.h"
#include "model/kv.h"
#include "model/offload.h"
#include "model/replica.h"
#include "model/world.h"

/* The same instant in this order. */
enum event_class { CLASS_COMPLETION, CLASS_TIMEOUT, CLASS_ARRIVAL, CLASS_SCHEDULING };

enum event_kind {
    EVENT_STEP_END,
    EVENT_ARRIVAL,
    EVENT_QUEUED,
    EVENT_STEP_BEGIN,
    EVENT_JOB,  /* a step or a transfer at shared ports has ended (move.h) */
    EVENT_PART, /* the mover's */
    EVENT_SAMPLE,
    EVENT_FAULT, /* one begins or ends */
    EVENT_ADAPT, /* the split of HBM between experts and KV */
    EVENT_TIMEOUT, /* a client gives up */
    EVENT_SCALE,   /* a pool's number of replicas is looked at */
    EVENT_START,   /* of a replica: the next stage */
    EVENT_GROUP_BEGIN, /* of a step: of all members in lockstep, or of a staggered one */
    EVENT_GROUP_END,
    EVENT_KINDS
};

struct world {
    const struct scenario *sc;
    struct workload *workload;
    struct trace *trace;
    struct sim *sim;

    struct pool pool;
    struct fleet *fleet;            /* of each pool: where prompts are computed, and last where answers are given */
    int64_t n_fleets;
    struct replica *replicas;
    int64_t n_replicas;
    struct group *groups;           /* of members; NULL: each replica is one of the scenario's */
    int64_t n_groups;
    struct memory memory;           /* share NULL: no tiers, and steps have the ports to themselves */
    struct kv *kv;                  /* NULL: neither prefix cache nor tiers */
    struct offload *offload;        /* NULL: steps need nothing from below HBM */
    struct offload_step *needs;     /* of the current step of each replica */
    struct adapt *adapt;            /* [replicas]; NULL: the split of HBM stays */
    struct faults *faults;          /* NULL: nothing ever fails */
    struct admission *admission;
    struct scaling *scaling;        /* NULL: all replicas are there from start to end */
    int64_t coming;                 /* items that are pending events */
    struct replica_starts starts;
    uint64_t background;            /* pending events that alone keep no run going: samples, faults */
    struct port_totals *port_total; /* [memory.n_resources] as of the latest sample */

    struct work_item *items; /* arrivals that are pending events; slots, free ones linked by class_id */
    int64_t n_items, free_item;

    int64_t arrived, completed, rejected, failed, timed_out, max_concurrent;
    int64_t refused;       /* of the rejected: by [admission] */
    int64_t retries, between_attempts; /* of the arrived: further attempts; calls that will come again */
    uint64_t retry_digest; /* of the values drawn for them */
    int64_t share_ended_ns; /* of steps: of requests that ended (attribute.h) */
    int64_t failed_output; /* tokens that the failed and timed out had given */
    int64_t arrived_input;                          /* prompt tokens of all that arrived */
    int64_t done_input, done_output, done_computed; /* of the completed: prompts, answers, tokens that had KV */
    int64_t rejected_in_a_row, t_rejected_ns;       /* at t_rejected_ns, up to now */
    uint64_t area_ns, area_t_ns, sojourn_ns;        /* Little's law, mod 2^64; sojourns of the ended */
    struct err err;
};

/* world.c, for the other files of the world */
void world_wake(struct world *w, struct replica *r);
void world_step_end(struct world *w, struct replica *r);
void world_step_done(struct world *w, struct replica *r); /* of its end: tokens, completions; before the next begins */
/* False, with the error: the step would end after the clock does. */
bool world_step_fits(struct world *w, const struct replica *r, int64_t duration_ns);
void world_update_room(struct world *w, const struct replica *r);
void world_add_load(struct world *w, const struct replica *r, int64_t requests, int64_t tokens); /* for its router */

static inline struct fleet *world_fleet(const struct world *w, int64_t replica)
{
    int64_t i = 0;

    while (replica >= w->fleet[i].first + w->fleet[i].n)
        i++;
    return &w->fleet[i];
}

/* ---- world_call.c ---- */

void world_on_arrival(struct world *w, uint32_t item);
void world_next_arrival(struct world *w); /* asks the workload for its next item and schedules it */
void world_end_request(struct world *w, uint32_t slot, enum request_status status);
void world_put_in_flight(void *world, bool last); /* the trace's: rows of requests in flight */

/* ---- world_group.c ---- */

void world_groups_init(struct world *w);
void world_groups_free(struct world *w);
void world_on_group_begin(struct world *w, uint32_t replica);
void world_on_group_end(struct world *w, uint32_t replica);
/* Whose event begins a step of this member; NULL: none is needed now. */
struct replica *world_group_wakes(struct replica *r);
void world_group_goes_on(struct world *w, struct group *g); /* a member's job has ended */
int world_groups_count(const struct world *w, struct world_count *out); /* at most two */

/* ---- world_route.c ---- */

void world_route(struct world *w, uint32_t slot); /* to a replica, or to the central queue while none takes it */
void world_route_held(struct world *w, struct fleet *f);
void world_unhold(struct world *w, uint32_t slot); /* it leaves the central queue that it is in */
void world_on_queued(struct world *w, uint32_t slot);
/* A step of a pool that hands over has begun: KV of prompts that it completes sets out. It has ended: they leave. */
void world_send_early(struct world *w, const struct replica *r);
void world_hand_over(struct world *w, struct replica *r);

/* ---- world_admit.c: [admission] ---- */

void world_admission_init(struct world *w);
void world_admission_free(struct world *w);
bool world_admits(struct world *w, const struct request *q);
void world_enters(struct world *w, struct request *q); /* it was let in; and has ended, in or not */
void world_leaves(struct world *w, const struct request *q);
void world_tell_starts(struct world *w); /* first tokens, to the policy */
void world_tell_reject(struct world *w, const struct request *q, bool refused);

/* ---- world_client.c: clients that give up and call again ---- */

void world_leave(struct world *w, uint32_t slot); /* it is at its replica no more; not in a step */
void world_watch(struct world *w, uint32_t slot); /* from its arrival on */
void world_on_timeout(struct world *w, uint32_t slot);
/* Nothing of the replica is in a step: those whose clients gave up during it end. */
void world_drop_gone(struct world *w, struct replica *r);
bool world_calls_again(const struct request *q, enum request_status status);
/* Fills the item of its next attempt, which takes its chain; false: that would come after the clock ends. */
bool world_call_again(struct world *w, struct request *q, struct work_item *item);

/* ---- world_scale.c: [autoscale] ---- */

void world_scaling_init(struct world *w);
void world_scaling_free(struct world *w);
void world_on_scale(struct world *w, uint32_t fleet);
void world_on_start(struct world *w, uint32_t replica);
void world_weights_done(struct world *w, const struct move_state *s, int64_t delivered); /* or cut off */
void world_scale_step(struct world *w, const struct replica *r);                         /* its step has ended */
void world_scale_end(struct world *w, const struct request *q, enum request_status status);
void world_scale_check(struct world *w, struct replica *r); /* it may have drained */
bool world_drains(const struct world *w, int64_t replica);

/* ---- world_memory.c: what happens at shared ports ---- */

void world_memory_init(struct world *w);
void world_memory_free(struct world *w);
void world_start_step(struct world *w, struct replica *r, int64_t duration_ns);
void world_on_job(struct world *w, uint32_t job);
void world_on_sample(struct world *w, uint32_t unused);
/* A background event has been handled: the next of its kind, unless only such events are left. */
void world_again(struct world *w, enum event_kind kind, int64_t after_ns, uint32_t arg);
/* A step whose own work is done may have waited for this. */
void world_step_goes_on(struct world *w, struct replica *r);
/* Records of a job that has ended or was cancelled: who slowed it; of what a step needed, the transfer. */
void world_tell_losses(struct world *w, const struct move_state *s);
void world_tell_need(struct world *w, const struct move_state *s, int64_t delivered);
static inline bool world_is_need(enum move_kind kind)
{
    return kind == MOVE_EXPERT || kind == MOVE_TABLE || kind == MOVE_READ;
}

/* ---- world_fault.c: what fails and comes back ---- */

void world_faults_init(struct world *w);
void world_faults_free(struct world *w);
void world_on_fault(struct world *w, uint32_t process);
/* After a step: what becomes of those that lost their KV during it. */
void world_lost_in_step(struct world *w, struct replica *r);
/* All replicas of a pool are down, and none will come back. */
bool world_is_hopeless(const struct world *w);

static inline bool world_is_up(const struct world *w, int64_t replica)
{
    const struct fleet *f = world_fleet(w, replica);

    return f->loads.up[replica - f->first];
}

static inline void world_set_up(struct world *w, int64_t replica, bool up)
{
    struct fleet *f = world_fleet(w, replica);

    loads_set_up(&f->loads, replica - f->first, up);
}

/* ---- world_soon.c ---- */

void world_soon_init(struct world *w);

/* ---- world_adapt.c ---- */

void world_adapt_init(struct world *w);
void world_on_adapt(struct world *w, uint32_t unused);

static inline int64_t world_in_system(const struct world *w)
{
    return w->arrived - w->completed - w->rejected - w->failed - w->timed_out;
}

/* Call before each change of the number in system. */
static inline void world_count_area(struct world *w)
{
    uint64_t now = (uint64_t)sim_now(w->sim);

    w->area_ns += (uint64_t)world_in_system(w) * (now - w->area_t_ns);
    w->area_t_ns = now;
}

#endif
