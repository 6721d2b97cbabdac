/*
 * fault_rows.h - the keys of [fault NAME] (policy/fault.h): a part of tables.c, which alone includes it.
 */
#ifndef SCENARIO_FAULT_ROWS_H
#define SCENARIO_FAULT_ROWS_H

#include "policy/fault.h"
#include "scenario/rows.h"

static const char *const fault_whats[] = {"tier", "link", "drive", "module", "gpu", "host", NULL};
_Static_assert(FAULT_TIER == 0 && FAULT_LINK == 1 && FAULT_DRIVE == 2 && FAULT_MODULE == 3 && FAULT_GPU == 4 &&
                   FAULT_HOST == 5,
               "the order of fault_whats");
static const char *const fault_datas[] = {"lost", "kept", NULL};
_Static_assert(FAULT_LOST == 0 && FAULT_KEPT == 1, "the order of fault_datas");
static const char *const fault_requests[] = {"auto", "recompute", "reroute", "fail", NULL};
_Static_assert(FAULT_AUTO == 0 && FAULT_RECOMPUTE == 1 && FAULT_REROUTE == 2 && FAULT_FAIL == 3,
               "the order of fault_requests");

static const struct opt fault_rows[] = {
    CHOICE(
        "what", AT(fault_options, what), fault_whats, NULL,
        "what fails: a unit of a tier or link; a drive, that is some modules of a tier's unit; a module, which takes "
        "the GPUs of its unit down until they go on without it; a GPU, and with it its replica; a host (node), with "
        "its replicas and the tiers in it"),
    TEXT("target", fault_options, target, "none", "the tier or link: a name; of a host, the tier that loses modules"),
    INT("unit", fault_options, unit, -1, 1e9, "-1",
        "which unit of it, which GPU of the replicas, or which host, from 0; -1: one at random, or with mtbf each"),
    TIME("at", fault_options, at_ns, 0, 9e6, "", "when it fails; with mtbf, the time from which it may"),
    TIME("mtbf", fault_options, mtbf_ns, 1e-6, 9e9, "",
         "mean time from a unit's repair, or the start, to its next fault, exponential; without it, one fault"),
    TIME("duration", fault_options, duration_ns, 1e-9, 9e6, "",
         "how long it lasts; without it and mttr, for the rest of the run"),
    TIME("mttr", fault_options, mttr_ns, 1e-9, 9e6, "", "mean time that it lasts, exponential, instead of duration"),
    REAL("speed", fault_options, speed, 0, 1, "0",
         "share of its speed that is left meanwhile, of a tier, link, GPU or host; 0: it is down"),
    INT("modules", fault_options, modules, 0, 1e6, "0",
        "modules or drives that are lost, with their capacity and bandwidth: of a drive for as long as the fault "
        "lasts, of a module or host for good"),
    CHOICE("data", AT(fault_options, data), fault_datas, "lost",
           "what becomes of KV in a tier that is down or loses modules: lost, or out of reach until it is back (HBM's "
           "is lost; a host's DRAM, too)"),
    CHOICE("requests", AT(fault_options, requests), fault_requests, "auto",
           "what becomes of requests that are hit: they stay and compute again what they lost; are routed anew; "
           "or fail. auto: reroute where their replica is down, else recompute"),
};

#endif
