/*
 * share.h - what rate each flow gets where flows meet: weighted max-min fairness over paths of resources. Pure: knows
 * neither clock nor bytes; who uses it (move.h) turns rates into times.
 *
 * A resource has a capacity of 1: a second of its port each second. A flow crosses some resources; at each it takes
 * cost (s/B, 1 over the bandwidth that this flow can reach there) times its rate. So read and write bandwidths differ
 * at will, a path may cross a port twice (cost doubled), and nobody gets another's lost efficiency for free:
 *
 *     sum over flows f on r of  cost(f, r) * rate(f)  <=  speed(r)          speed: 1, less when degraded, 0: down
 *
 *     f0 ----[ hbm 0 ]----[ c2c 0 ]----[ lpddr 0 ]
 *     f1 ----[ hbm 1 ]----[ c2c 1 ]----[ lpddr 0 ]      f0 and f1 meet in lpddr 0
 *     f2 ----[ hbm 0 ]                                  a step of the GPU: capped at its own demand
 *
 * Max-min (Bertsekas, Gallager, Data Networks, 2nd ed., 6.5.2), weighted: no flow's rate/weight can rise without
 * lowering one that is no larger. Equivalently each flow runs at its cap or has a bottleneck: a resource that is full
 * and on which no flow has a larger rate/weight.
 *
 * Rules of a resource:
 *   FAIR      as above with all weights 1          WEIGHTED  as above
 *   PRIORITY  flows of a lower level number go first: they share as if the others were not there. A flow that crosses
 *             any such resource has its level everywhere, on FAIR ones too; all others have the last level,
 *             SHARE_LEVELS - 1. Within a level flows share as on the other rules.
 *   FIFO      has `servers` servers of speed(r)/servers each; a flow waits at rate 0 until it is among the first
 *             `servers` (by start) at each such resource of its path; then one server is its own. While it waits at
 *             one it holds its server at the others, so a later flow never overtakes it there. Levels and weights
 *             do not count in line.
 *   Weights: a flow that crosses a WEIGHTED resource has its weight everywhere, one that crosses none has weight 1.
 *   Shares are equal in B/s, not in time: where costs differ, the dearer flow takes more of the port.
 *
 * share_solve works on what was touched since the last call: flows that were started, ended or changed and those that
 * their resources' bottlenecks concern; it goes on from a resource only where a rate there changed and another flow's
 * bottleneck with it. The result is that of solving all from nothing, to rounding. A rate that would change by less
 * than 1e-12 of itself stays as it was, to the bit.
 *
 * Determinism: + - * / and comparisons only; the order of visits follows from the calls.
 * Ids of flows are reused after share_end. Ownership: the caller's, share_free frees all.
 */
#ifndef MODEL_SHARE_H
#define MODEL_SHARE_H

#include <stdbool.h>
#include <stdint.h>

enum share_rule { SHARE_FAIR, SHARE_WEIGHTED, SHARE_PRIORITY, SHARE_FIFO };
enum { SHARE_HOPS = 8, SHARE_LEVELS = 3 };

struct share_hop {
    int32_t resource;
    double cost; /* s/B, > 0 */
};

struct share_flow {
    struct share_hop hop[SHARE_HOPS]; /* distinct resources: a port crossed twice is one hop of twice the cost */
    int n_hops;                       /* >= 1 */
    double weight;                    /* > 0 */
    int level;                        /* 0: first */
    double cap_Bps;                   /* > 0; INFINITY: none */
};

struct share;

struct share *share_new(void);
void share_free(struct share *s);

int32_t share_resource(struct share *s, enum share_rule rule, int servers); /* ids rise from 0; speed 1 */
void share_set_speed(struct share *s, int32_t resource, double speed);      /* >= 0 */
int share_servers(const struct share *s, int32_t resource);                 /* of FIFO; 0 of the other rules */

/* These take effect with the next share_solve. */
int32_t share_start(struct share *s, const struct share_flow *f);
void share_end(struct share *s, int32_t flow);
void share_set_cap(struct share *s, int32_t flow, double cap_Bps);

/* Gives the flows whose rate changed (new ones included, even at 0), in order of start; *ids until the next call. */
int32_t share_solve(struct share *s, const int32_t **ids);

double share_rate(const struct share *s, int32_t flow);    /* B/s, as of the last solve */
double share_use(const struct share *s, int32_t resource); /* sum of cost * rate; <= speed; without what has ended */
int32_t share_flows_on(const struct share *s, int32_t resource); /* how many flows cross it, waiting ones included */
/* The k-th of them in order of start: who is there (for who slowed whom). */
int32_t share_flow_on(const struct share *s, int32_t resource, int32_t k);
/* Where the flow's rate is decided; -1: at its cap. While it waits for a FIFO server: that resource. Where several
 * would do, one of them. */
int32_t share_bottleneck(const struct share *s, int32_t flow);
uint64_t share_visits(const struct share *s); /* flows looked at by all solves: what they cost */

/* Aborts where the above does not hold: each flow's max-min condition, and all sums and lists made anew. Between a
 * change and its share_solve, the lists only. */
void share_check(const struct share *s);

#endif
