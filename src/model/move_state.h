/*
 * move_state.h - what move.c (jobs and their parts), move_flow.c (a part's flow on its ports) and move_check.c share.
 *
 * A port is a resource of share.h. On each lie the parts whose flows cross it, in a list:
 *
 *   port 0: [job 3, hop 0] - [job 7, hop 1]        place = job * SHARE_HOPS + hop
 *   port 1: [job 7, hop 0]
 *   port 2: [job 5, hop 0]                          alone: flow -1, not in the solver; one event, at its solo_ns
 *
 * Who slowed whom: a port keeps, for each kind of job, the integral over time of the kind's use of it. A flow that
 * loses remembers these of its bottleneck when its rate is set; what they grew by until the rate is set anew, less its
 * own use, says who had the port meanwhile, however often the others came and went. Uses are whole multiples of
 * 2^-32 of a port, so that the sums are exact: a kind that is not there has used nothing, not a rounding error.
 * Integrals have 128 bits: 2^32 of use times 2^63 ns fit.
 */
#ifndef MODEL_MOVE_STATE_H
#define MODEL_MOVE_STATE_H

#include "base/bug.h"
#include "model/move.h"

#define MOVE_NONE UINT32_MAX

__extension__ typedef unsigned __int128 move_integral;

enum { MOVE_USE_BITS = 32, MOVE_CHUNK = 64 };
enum move_phase { MOVE_FREE, MOVE_RUNS, MOVE_OVER };

struct move_port {
    double speed;
    int servers;   /* of FIFO, else 0 */
    uint32_t head; /* place */
    int64_t n_on;
    struct {
        uint64_t use; /* 2^-32 of the port */
        int64_t t_ns; /* up to when the integral is */
        move_integral integral;
    } kind[MOVE_KINDS];
    int64_t started, delivered, cancelled; /* bytes */
    double busy_s;                         /* of the parts that left it */
};

struct move_slot {
    struct move_state state; /* first: what the caller sees */
    enum move_phase phase;
    uint32_t next_free;
    int64_t part_bytes[MOVE_PARTS]; /* over the ports of each */
    int64_t delivered;              /* bytes of the job */
    int part;                       /* the one that runs */
    bool on_ports;                  /* its flow */
    int32_t flow;                   /* in the solver, or -1 */
    int32_t bottleneck;             /* resource, where gain < 1 */
    int64_t t_ns;                   /* as of which is */
    double left_ns;                 /* of the part's solo_ns */
    double gain;                    /* ns of solo_ns each ns since */
    sim_handle end;                 /* of the part; dead while it cannot be told */
    int64_t t_due_ns;               /* of that event */
    struct {
        uint32_t next, prev; /* places */
        uint64_t use;        /* 2^-32 of the port */
    } hop[SHARE_HOPS];
    move_integral seen[MOVE_KINDS]; /* the bottleneck's integrals at t_ns */
};

struct mover {
    struct sim *sim;
    struct share *share;
    uint32_t ev_done, ev_part;
    unsigned class_done;
    struct move_slot **chunk; /* of MOVE_CHUNK slots each: they do not move, so that states can be pointed at */
    uint32_t n_slots, free;
    struct move_port *port;
    int32_t n_ports;
    uint32_t *job_of; /* flow -> job */
    int32_t n_flows;
    bool solving; /* an event to solve at this instant is pending */
    struct move_totals totals[MOVE_KINDS];
    int64_t running[MOVE_KINDS];
};

static inline struct move_slot *move_slot(const struct mover *m, uint32_t job)
{
    return &m->chunk[job / MOVE_CHUNK][job % MOVE_CHUNK];
}

static inline bool move_has_part(const struct move_slot *s)
{
    return s->part < s->state.job.n_parts;
}

static inline const struct move_part *move_part(const struct move_slot *s)
{
    return &s->state.job.part[s->part];
}

/* No part after this one takes time: its end is the job's. */
static inline bool move_part_is_last(const struct move_slot *s)
{
    for (int i = s->part + 1; i < s->state.job.n_parts; i++)
        if (s->state.job.part[i].solo_ns > 0)
            return false;
    return true;
}

/* move_flow.c */
int64_t move_ceil_ns(double ns); /* up, but for what only rounding put above a whole ns */
struct move_port *move_port(struct mover *m, int32_t resource);
void move_arrive(struct mover *m, uint32_t job);                          /* its part's flow gets on its ports */
void move_leave(struct mover *m, uint32_t job);                           /* and off them; settle first */
void move_settle(const struct mover *m, struct move_slot *s, bool ended); /* progress and losses up to now */
double move_gained_ns(const struct mover *m, const struct move_slot *s);  /* of its part, up to now */
void move_schedule_end(struct mover *m, uint32_t job);
void move_solve(struct mover *m);

#endif
