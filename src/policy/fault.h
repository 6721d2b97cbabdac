/*
 * fault.h - what fails, when, and what becomes of data and requests: typed options of [fault NAME].
 *
 *   what     what goes                                        its data                       back with
 *   tier     a unit of the tier                               in the unit                    all of it
 *   link     a unit of the link: what lies behind it          stay, out of reach             all of it
 *   drive    `modules` of a unit of a tier; the rest serves   in the unit, unless kept       all of it
 *   module   a unit of a tier with the GPUs that use it       in the unit, in their HBM      `modules` fewer, for good
 *   gpu      the replica that the GPU is of                   in its HBM                     all of it
 *   host     the replicas on a node, units of tiers in it     in those, in their HBM         `modules` of `target` less
 *
 * With a speed above 0 nothing is lost: a tier or a link has that much of its bandwidth, a replica whose GPU or host it
 * is takes 1/speed of the time for a step (the slowest GPU sets the pace).
 */
#ifndef POLICY_FAULT_H
#define POLICY_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_what { FAULT_TIER, FAULT_LINK, FAULT_DRIVE, FAULT_MODULE, FAULT_GPU, FAULT_HOST };
enum fault_data { FAULT_LOST, FAULT_KEPT };

enum fault_requests {
    FAULT_AUTO,      /* those at a replica that goes down are rerouted; those that lost KV elsewhere recompute it */
    FAULT_RECOMPUTE, /* they stay where they are, if need be until it is back */
    FAULT_REROUTE,   /* they are routed anew */
    FAULT_FAIL       /* they are given up, with a record */
};

struct fault_options { /* [fault NAME] */
    const char *name;
    int what;                 /* enum fault_what */
    const char *target;       /* name of the tier or link; "none" */
    int64_t unit;             /* of it, GPU or node; -1: any */
    int64_t at_ns;            /* when; with mtbf: not before */
    int64_t mtbf_ns;          /* mean time to a fault of each unit that can have it, exponential; 0: once, at at_ns */
    int64_t duration_ns;      /* 0: see mttr */
    int64_t mttr_ns;          /* mean time that it lasts, exponential; 0 with duration 0: for ever */
    double speed;             /* meanwhile; 0: down */
    int64_t modules;          /* that are lost */
    int data;                 /* enum fault_data */
    int requests;             /* enum fault_requests */
    int64_t target_at, units; /* resolved (scenario/faults.c): index of the tier or link, or -1; how many units */
};

#endif
