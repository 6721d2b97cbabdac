/*
 * move.h - work that takes time at shared ports: transfers between memories, and the steps of GPUs that use the same
 * ports. Time for what share.h says of rates.
 *
 * A job is a sequence of parts, one after the other. A part lasts solo_ns on an idle machine; it has a flow (share.h)
 * whose cap_Bps is the rate it would then have, or none, and then it lasts solo_ns whatever else happens. While the
 * flow has the rate r it gains r / cap_Bps ns of its solo_ns each ns:
 *
 *   transfer   [latency + a x fragments][ bytes over hbm, c2c, lpddr at the least of their bandwidths ]
 *   step       [ memory-bound part: all of the hbm port ][ compute-bound part: the share of it that it needs ][
 * software ]
 *
 *   ns of solo_ns |              .__
 *   gained        |         .--'          B starts on the same port: the step has half of it
 *                 |    .--'  ^ here
 *                 +------------------> t
 *
 * A part whose flow is alone on all its resources is not in the solver at all: it has one event, as if there were
 * no ports (a world without transfers pays nothing for them). It enters when another flow meets it.
 *
 * Contention: while a part runs slower than alone, each ns lost is put down to the resource that is its bottleneck and,
 * there, to the kinds of the other flows by their use of it (move_lost). Waiting for a FIFO server is lost time too.
 *
 * Ends: the done event (kind `ev_done`, class `class_done`, arg = job) comes at the first ns at which all is gained.
 * Until move_release the job stays as it ended. Events of kind `ev_part` are the mover's own: hand them to move_event.
 * Not modelled: what differs inside a part (a step's layers use the port unevenly), turnaround between reads and
 * writes, the time a solver's change takes to reach both ends of a link.
 *
 * Invariants (move_check): bytes started = delivered + cancelled + left, of each kind and over each resource, to the
 * byte; no job lasts less than the sum of its solo_ns.
 * Ownership: the caller frees with move_free; the share and sim given are borrowed. Job ids are reused after release.
 */
#ifndef MODEL_MOVE_H
#define MODEL_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/sim.h"
#include "model/share.h"

/* What a job is for; contention is told by these. */
#define MOVE_KINDS_LIST(K)                                                                                             \
    K(STEP, step, "an engine step's own use of HBM")                                                                   \
    K(RESTORE, restore, "cached KV to HBM for a request that waits for it")                                            \
    K(PREFETCH, prefetch, "cached KV moved up ahead of need")                                                          \
    K(WRITE, write, "KV written to a lower tier")                                                                      \
    K(SWAP, swap, "KV of running sequences swapped out or in")                                                         \
    K(READ, read, "KV of running sequences read in place from a lower tier, or missing entries of it")                 \
    K(EXPERT, expert, "expert weights fetched or read in place")                                                       \
    K(TABLE, table, "rows of conditional memory tables")                                                               \
    K(HANDOFF, handoff, "KV from the replica that computed a prompt to the one that answers")                         \
    K(WEIGHTS, weights, "weights of a replica that starts")                                                            \
    K(LOAD, load, "background load")

enum move_kind {
#define MOVE_KIND_ENUM(id, name, help) MOVE_##id,
    MOVE_KINDS_LIST(MOVE_KIND_ENUM)
#undef MOVE_KIND_ENUM
        MOVE_KINDS
};
extern const char *const move_kind_name[MOVE_KINDS];

enum { MOVE_PARTS = 4, MOVE_LOSSES = 12 };

struct move_part {
    int64_t solo_ns;        /* >= 0 */
    struct share_flow flow; /* n_hops 0: none */
};

struct move_job {
    enum move_kind kind;
    int64_t owner;   /* the request, or -1 */
    int64_t replica; /* or -1 */
    int64_t tag;     /* the caller's */
    int64_t bytes;   /* 0 for a step */
    struct move_part part[MOVE_PARTS];
    int n_parts;
};

struct move_loss { /* ns lost at a resource to jobs of a kind */
    int32_t resource;
    enum move_kind to;
    double ns;
};

struct move_state { /* of a job */
    struct move_job job;
    int64_t t_start_ns, t_end_ns; /* end: -1 while it runs */
    int64_t solo_ns;              /* sum over its parts */
    double waited_ns;             /* of which at a FIFO resource, not yet served */
    struct move_loss loss[MOVE_LOSSES];
    int n_losses; /* those that found no room in the list are added to its last */
};

struct mover;

struct mover *move_new(struct sim *sim, struct share *share, uint32_t ev_done, uint32_t ev_part, unsigned class_done);
void move_free(struct mover *m);

uint32_t move_start(struct mover *m, const struct move_job *job);
const struct move_state *move_get(const struct mover *m, uint32_t job);
/* Of a job that runs: it ends now. Gives the bytes it had delivered (rounded down). No done event; release it. */
int64_t move_cancel(struct mover *m, uint32_t job);
/* The first running job whose id is at least `from`; UINT32_MAX: none. */
uint32_t move_next(const struct mover *m, uint32_t from);
void move_release(struct mover *m, uint32_t job); /* one that ended or was cancelled */
void move_event(struct mover *m, uint32_t arg);   /* an event of kind ev_part */
/* A job whose done event has come: marks its end. Call first in the handler. */
const struct move_state *move_done(struct mover *m, uint32_t job);
/* A resource slows down, stops (0) or comes back; jobs on it go on at the new rates. */
void move_set_speed(struct mover *m, int32_t resource, double speed);

/* The path's slowest hop, B/s: 1 / the largest cost, at a FIFO port times its servers, of which a flow has one. */
double move_solo_Bps(const struct share *share, const struct share_hop *hops, int n);
/* Fills bytes, part 0 and part 1 of a transfer: `fixed_ns`, then bytes over the hops. */
void move_transfer(const struct share *share, struct move_job *job, int64_t bytes, int64_t fixed_ns,
                   const struct share_hop *hops, int n_hops, double weight, int level);

struct move_totals {                             /* since the start */
    int64_t jobs, started, delivered, cancelled; /* bytes; left = started - delivered - cancelled */
};
struct move_totals move_totals(const struct mover *m, enum move_kind kind);
/* Of a resource: bytes delivered over it and port seconds used, up to now. */
void move_resource(const struct mover *m, int32_t resource, int64_t *bytes, double *busy_s);
int64_t move_running(const struct mover *m, enum move_kind kind); /* jobs */

void move_check(const struct mover *m);

#endif
