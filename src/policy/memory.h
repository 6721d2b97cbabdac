/*
 * memory.h - the memories beside HBM, the links to them, and what the KV cache does with both: typed options only.
 *
 *   [memory]     preset = a file of data/memory with links and tiers of a machine; tiers = those in use, in order
 *   [link NAME]  a link between a GPU and somewhere: C2C, PCIe, NIC, storage network
 *   [tier NAME]  a memory: LPDDR, DDR5, an SSD, a pool over the network. The first in order is the warmest
 *   [cache]      what is kept where, and when it moves
 *   [experts]    which routed experts stay in HBM, and where the others lie
 *
 * A unit of a link or tier serves `gpus` neighbouring GPUs (0: the whole cluster); a replica on fewer GPUs shares it, a
 * replica on more has several and spreads over them evenly.
 */
#ifndef POLICY_MEMORY_H
#define POLICY_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/evict.h"
#include "policy/place.h"

/* As the model has room for: stores beside HBM that one prefix can lie in, ports of a path, links of one. */
enum { MEMORY_TIERS_MAX = 7, MEMORY_PORTS_MAX = 8, MEMORY_LINKS_MAX = MEMORY_PORTS_MAX - 2 };

enum memory_rule { MEMORY_FAIR, MEMORY_WEIGHTED, MEMORY_PRIORITY, MEMORY_FIFO }; /* as share.h's */

struct link_options { /* [link NAME] */
    const char *name;
    int64_t gpus;                    /* that share one; 0: all */
    double to_gpu_Bps, from_gpu_Bps; /* what one direction reaches; 0 of from: as to */
    double both_Bps;                 /* what both directions reach together; 0: their sum */
    int64_t latency_ns;              /* of a transfer over it */
    int rule;                        /* enum memory_rule */
    int64_t servers;                 /* of fifo */
};

enum tier_kind { TIER_DRAM, TIER_NAND };

enum tier_write {
    TIER_WRITE_BACK,      /* when a warmer tier evicts it */
    TIER_WRITE_THROUGH,   /* as soon as a prompt, or a chunk of it, is computed */
    TIER_WRITE_COMPLETION /* when the request ends */
};

struct evict_choice {
    const struct evict_ops *ops;
    void *options;
};

struct tier_options { /* [tier NAME] */
    const char *name;
    int kind;                      /* enum tier_kind */
    int64_t gpus;                  /* that share one unit; 0: all */
    int64_t capacity_bytes;        /* of a unit; 0: modules * module_bytes */
    int64_t modules, module_bytes; /* SOCAMM, DIMM, drives: bandwidth comes with each where module_Bps says so */
    double module_Bps;             /* reads of one; 0: the unit's figures below hold */
    double module_write_Bps;       /* 0: as module_Bps */
    int64_t reserved_bytes;        /* of a unit, not for the KV cache: system, weights, tables */
    double read_Bps, write_Bps;    /* of a unit; write 0: as read */
    double efficiency;             /* of those that is reached */
    int64_t latency_ns;            /* of a transfer */
    int64_t granularity_bytes;     /* each fragment is rounded up to it */
    int64_t fragment_bytes;        /* a transfer goes in pieces of so many; 0: in one */
    int64_t fragment_ns;           /* for each piece, beside its bytes */
    int rule;                      /* enum memory_rule */
    int64_t servers;               /* of fifo */
    const char *links;             /* names, from the GPU outwards, separated by blanks; or "none" */
    const char *bounce;            /* another tier that its bytes cross twice, into it and out of it; "none": direct */
    int kv_dtype;                  /* 0: as in HBM, else 1 + enum dtype: KV is converted on the way */
    double convert_Bps;            /* rate of that, of one replica's GPU together, in bytes of HBM's format; 0: free */
    double write_amplification;    /* NAND: bytes programmed a byte written */
    double drive_writes_per_day;   /* NAND: what the maker promises for `warranty_years` */
    double warranty_years;
    double gc_share; /* NAND: share of transfers that wait for garbage collection */
    int64_t gc_ns;   /* how long */
    double usd_per_gb;
    struct evict_choice evict;
    int write;                        /* enum tier_write */
    int64_t write_buffer_bytes;       /* under way to a unit: with so much, it takes no more */
    bool exclusive;                   /* what a warmer tier takes from here leaves; else it stays here too */
    int64_t admit_uses, admit_tokens; /* takes only prefixes used so often, and contexts so long */
    /* The names above, resolved when a scenario is loaded: indices into memory_options' link and tier. */
    int64_t link_at[MEMORY_LINKS_MAX];
    int64_t n_links;
    int64_t bounce_at; /* -1: direct */
};

/* Of a unit with so many modules (all: t->modules; a tier that is not made of modules ignores them). Nominal: what is
 * reached is `efficiency` of it. */
static inline int64_t tier_capacity_bytes(const struct tier_options *t, int64_t modules)
{
    return t->capacity_bytes > 0 ? t->capacity_bytes : modules * t->module_bytes;
}

static inline double tier_read_Bps(const struct tier_options *t, int64_t modules)
{
    return t->module_Bps > 0 ? (double)modules * t->module_Bps : t->read_Bps;
}

static inline double tier_write_Bps(const struct tier_options *t, int64_t modules)
{
    if (t->module_Bps > 0)
        return (double)modules * (t->module_write_Bps > 0 ? t->module_write_Bps : t->module_Bps);
    return t->write_Bps > 0 ? t->write_Bps : t->read_Bps;
}

static inline double link_from_gpu_Bps(const struct link_options *l)
{
    return l->from_gpu_Bps > 0 ? l->from_gpu_Bps : l->to_gpu_Bps;
}

enum cache_prefetch { PREFETCH_NONE, PREFETCH_ARRIVAL, PREFETCH_TOOL_RETURN };
enum cache_restore { RESTORE_ALWAYS, RESTORE_ESTIMATE, RESTORE_NEVER };
enum cache_preempt { PREEMPT_RECOMPUTE, PREEMPT_SWAP, PREEMPT_NONE };

struct cache_options {         /* [cache] */
    bool prefix;               /* blocks of equal content are shared */
    bool unlimited;            /* no eviction from HBM's prefix cache: blocks cost no room (a bound, for studies) */
    int64_t block_tokens;      /* of a shared block; 0: the trace's, or the least multiple of kv_block_tokens */
    int64_t blocks;            /* of those, HBM's prefix cache holds no more beside what runs; 0: as many as fit */
    int64_t evict_tokens;      /* so many tokens of a run are given up at once, where the run has as many */
    int64_t checkpoint_tokens; /* bounded state (windows, linear layers): reuse begins at multiples of it */
    const char *overflow;      /* tier for KV of running sequences that HBM has no room for, read in place; "none" */
    int64_t overflow_at;       /* its index; -1: none */
    int64_t overflow_bytes;    /* of it, for each replica */
    double sparse_hit;         /* of the entries that a sparse attention picks there, those that HBM's buffer has */
    struct evict_choice evict; /* of HBM */
    int prefetch, restore;     /* enums above */
    bool overlap;              /* layer by layer: a prompt is computed while its prefix still arrives */
    int preempt;               /* enum cache_preempt */
};

enum expert_popularity { EXPERTS_ZIPF, EXPERTS_UNIFORM, EXPERTS_TABLE };
enum expert_access { EXPERTS_FETCH, EXPERTS_IN_PLACE };

struct expert_options {   /* [experts]: routed experts that do not all stay in HBM */
    double hot_share;     /* of their bytes, what stays; 1: all, and nothing below is used */
    const char *tier;     /* where the others lie */
    int64_t tier_at;      /* its index into memory_options' tier; -1 where all stay */
    int popularity;       /* enum expert_popularity; Zipf's exponent is [replica] expert_skew */
    const char *table;    /* file of weights */
    const double *weight; /* of the table: weight_rows (1, or one a sparse layer) rows of model.experts; NULL: none */
    int64_t weight_rows;
    int64_t drift_ns;   /* how often the ranking moves; 0: never */
    double drift_share; /* share of a layer's experts that then change places, in pairs */
    const struct place_ops *place;
    void *place_options;
    int access;     /* enum expert_access: copied to HBM before use, or read over the link by the kernel */
    int64_t adapt_ns; /* how often the share of HBM is moved between experts and KV; 0: never */
    int64_t layers; /* sparse layers whose experts are drawn, each standing for some; 0: all */
};

struct memory_options { /* [memory] */
    const char *name;
    const char *gpu;        /* preset of [gpu] of the machine, for `describe tiers`; runs take [gpu]'s own */
    const char *tiers;      /* names in order, "all" or "none" */
    int64_t hbm_latency_ns; /* of a transfer's first byte; 0: unknown */
    double hbm_usd_per_gb;  /* 0: unknown */
    int hbm_rule;           /* enum memory_rule, of the HBM port of each replica */
    int64_t sample_ns;      /* between samples of ports and rooms; 0: none */
    const char *tables;     /* tier of the model's conditional memory tables (Engram); "none": they are in HBM */
    int64_t tables_at;      /* its index; -1: none */
    int64_t tables_bytes;   /* size of the tables of all layers */
    struct link_options *link;
    int64_t n_links;
    struct tier_options *tier; /* those in use, warmest first; behind them those that others only bounce through */
    int64_t n_tiers;           /* in use */
    int64_t n_all;             /* with those behind them, which keep no KV */
    struct cache_options cache;
    struct expert_options experts;
};

#endif
