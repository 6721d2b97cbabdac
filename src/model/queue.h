/*
 * queue.h - the waiting requests of a replica, in the order of an order policy (policy/order.h).
 *
 * They are one list (LINK_QUEUE). Those that the server has not looked at yet are its tail, by arrival; the others are
 * placed, before them:
 *
 *     placed, in order                 not seen yet
 *     [ a ] [ b ] [ c ] [ d ]          [ e ] [ f ]
 *
 *   as they came   the list is the order; nothing else is kept, nothing is done here
 *   by key         a treap over the placed ones, by key and then arrival, finds where one goes in: O(log n). The
 *                  list is its thread, so that walking it costs nothing
 *   by tenant      a list for each tenant (LINK_PARTIAL, which waiting requests do not use otherwise). Who is next
 *                  depends on counters that change with every step, so the order is made while it is walked: queue_next
 *                  moves the next one behind the last and counts, for the walk, what it would cost. So the placed ones
 *                  up to `arranged` are in order. O(tenants) for each one walked over
 *
 * The service of a tenant is its prompt tokens, charged when they are first admitted, and the tokens it was given.
 * Those that decode give one each in each step, so their sum is kept as base + n_decode x step (as in batch.h).
 *
 * Shape of the treap: a node's rank is a hash of the request's id, so the shape depends on the members only.
 * Not modelled: the cost of sorting to the server's own software.
 */
#ifndef MODEL_QUEUE_H
#define MODEL_QUEUE_H

#include "model/request.h"
#include "policy/order.h"
#include "scenario/scenario.h"

/* What all replicas share; owned by the world. */
struct queue_env {
    const struct order_ops *ops;
    const void *options;
    struct order_class *class; /* [classes] */
    int64_t n_classes, n_tenants;
    uint64_t seed, replication;
    /* Of a prompt alone, for an order that is timed. */
    const struct cost_ops *cost;
    const void *cost_state;
    struct cost_knees knees;
    int64_t budget; /* tokens of a step of one attention rank */
};

struct queue_tenant {
    struct list waiting;   /* LINK_PARTIAL; the placed ones, by arrival */
    int64_t input, output; /* tokens served: output less n_decode x the step as of each joining */
    int64_t n_decode;
    double share, lift;
    uint32_t at;  /* of a walk: the next of waiting */
    double ahead; /* and what those before it will cost */
};

struct queue {
    const struct queue_env *env; /* NULL: as they came */
    uint32_t root;
    struct queue_tenant *tenant;
    int64_t last; /* the tenant whose last waiting one left last; -1: none yet */
    uint32_t arranged;
    int64_t *n_running; /* by class */
};

void queue_env_init(struct queue_env *env, const struct scenario *sc, const void *cost_state);
void queue_env_free(struct queue_env *env);

void queue_init(struct queue *q, const struct queue_env *env); /* NULL: as they came */
void queue_free(struct queue *q);

/* Of the list, which it is in: it takes its place. step: batch.step. */
void queue_place(struct queue *q, struct pool *p, struct list *list, uint32_t slot, uint64_t step);
/* It leaves the list. */
void queue_take(struct queue *q, struct pool *p, struct list *list, uint32_t slot);

/* In order; SLOT_NONE ends it. With tenants a walk must begin with queue_first after each change. */
uint32_t queue_first(struct queue *q, struct pool *p, struct list *list, uint64_t step);
uint32_t queue_next(struct queue *q, struct pool *p, struct list *list, uint32_t slot, uint64_t step);

/* What is told of the running: it was admitted or is out; decodes from the step on, or no longer; gave its first token
 * since its admission. */
void queue_runs(struct queue *q, struct request *r, int by);
void queue_decodes(struct queue *q, const struct request *r, int by, uint64_t step);
void queue_gave(struct queue *q, const struct request *r);

int64_t queue_priority(const struct queue *q, const struct request *r); /* its class's; 0 where they go as they came */
int64_t queue_least_priority(const struct queue *q); /* of the running; INT64_MAX: none, or as they came */
/* The key of a running one, as of now: the greatest goes first. */
int64_t queue_victim_key(struct queue *q, struct request *r, int64_t generated, int64_t to_compute, uint64_t step);

void queue_check(const struct queue *q, const struct pool *p, const struct list *list);

#endif
