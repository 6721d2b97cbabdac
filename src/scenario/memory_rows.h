/*
 * memory_rows.h - the keys of [memory], [link NAME], [tier NAME] and [cache] (policy/memory.h): a part of tables.c,
 * which alone includes it.
 */
#ifndef SCENARIO_MEMORY_ROWS_H
#define SCENARIO_MEMORY_ROWS_H

#include "policy/kernel.h"
#include "policy/memory.h"
#include "scenario/rows.h"

static const char *const memory_rules[] = {"fair", "weighted", "priority", "fifo", NULL};
_Static_assert(MEMORY_FAIR == 0 && MEMORY_WEIGHTED == 1 && MEMORY_PRIORITY == 2 && MEMORY_FIFO == 3,
               "the order of memory_rules");

static const struct opt memory_rows[] = {
    TEXT("name", memory_options, name, "custom", "what reports call it"),
    TEXT("gpu", memory_options, gpu, "",
         "preset of [gpu] in that machine, for `describe tiers`; a run takes what [gpu] says"),
    TEXT("tiers", memory_options, tiers, "all",
         "the tiers in use, warmest first: names separated by blanks; all: every [tier NAME], in order; or none"),
    TIME("hbm_latency", memory_options, hbm_latency_ns, 0, 1, "0s",
         "time to the first byte from HBM, for `describe tiers`: the kernels of a run have their own"),
    REAL("hbm_usd_per_gb", memory_options, hbm_usd_per_gb, 0, 1e6, "0", "price of HBM in US$/GB; 0: unknown"),
    CHOICE("hbm_rule", AT(memory_options, hbm_rule), memory_rules, "fair",
           "who gets how much of HBM where steps and transfers meet: as `rule` of a tier"),
    TEXT("tables", memory_options, tables, "none",
         "tier that holds the model's conditional memory tables (engram_* of [model]), whose rows are fetched ahead of "
         "their layers; none: HBM"),
    BYTES("tables_size", memory_options, tables_bytes, 0, BIG, "0B",
          "size of these tables, which takes room in the tier"),
    TIME("sample", memory_options, sample_ns, 0, 1e9, "1s",
         "time between samples of the use of ports and the room in tiers; 0: none"),
};

#define RULE(type)                                                                                                     \
    CHOICE("rule", AT(type, rule), memory_rules, "fair",                                                               \
           "who gets how much where transfers meet: max-min shares, the same with weights, decode before prefill "     \
           "before background, or one after the other")
#define SERVERS(type) INT("servers", type, servers, 1, 1e6, "1", "with rule = fifo: transfers that are served at once")
#define SHARED_BY(type, what)                                                                                          \
    INT("gpus", type, gpus, 0, 1e6, NULL, "neighbouring GPUs that share one " what "; 0: the whole cluster")

static const struct opt link_rows[] = {
    SHARED_BY(link_options, "link"),
    QUANTITY("to_gpu", UNIT_BYTE_PER_S, link_options, to_gpu_Bps, 1, BIG, NULL,
             "bandwidth that transfers to the GPUs reach together"),
    QUANTITY("from_gpu", UNIT_BYTE_PER_S, link_options, from_gpu_Bps, 1, BIG, "",
             "the same from the GPUs; without it, as to_gpu"),
    QUANTITY("both", UNIT_BYTE_PER_S, link_options, both_Bps, 1, BIG, "",
             "what both directions reach together; without it, the sum of the two"),
    TIME("latency", link_options, latency_ns, 0, 100, "0s", "time that it adds to each transfer"),
    RULE(link_options),
    SERVERS(link_options),
};

static const char *const tier_kinds[] = {"dram", "nand", NULL};
_Static_assert(TIER_DRAM == 0 && TIER_NAND == 1, "the order of tier_kinds");
static const char *const tier_writes[] = {"back", "through", "completion", NULL};
_Static_assert(TIER_WRITE_BACK == 0 && TIER_WRITE_THROUGH == 1 && TIER_WRITE_COMPLETION == 2,
               "the order of tier_writes");
static const char *const tier_kv_dtypes[] = {"same", "bf16", "fp8", "fp8_block", "nvfp4", NULL};
_Static_assert(DTYPE_BF16 == 0 && DTYPE_FP8 == 1 && DTYPE_FP8_BLOCK == 2 && DTYPE_NVFP4 == 3,
               "the order of tier_kv_dtypes behind same");

static const struct opt tier_rows[] = {
    CHOICE("kind", AT(tier_options, kind), tier_kinds, "dram", "what it is made of: nand wears"),
    SHARED_BY(tier_options, "unit of it"),
    BYTES("capacity", tier_options, capacity_bytes, 1, BIG, "",
          "capacity of a unit; without it, modules x module_capacity"),
    INT("modules", tier_options, modules, 0, 1e6, "0", "modules or drives of a unit"),
    BYTES("module_capacity", tier_options, module_bytes, 1, BIG, "", "capacity of each"),
    QUANTITY("module_bandwidth", UNIT_BYTE_PER_S, tier_options, module_Bps, 1, BIG, "",
             "nominal read bandwidth that each brings; without it, read_bandwidth holds however many there are"),
    QUANTITY("module_write_bandwidth", UNIT_BYTE_PER_S, tier_options, module_write_Bps, 1, BIG, "",
             "the same of writes; without it, as module_bandwidth"),
    BYTES("reserved", tier_options, reserved_bytes, 0, BIG, "0B",
          "of a unit's capacity, what is not for the KV cache: system, weights, tables"),
    QUANTITY("read_bandwidth", UNIT_BYTE_PER_S, tier_options, read_Bps, 1, BIG, "",
             "nominal read bandwidth of a unit; or give module_bandwidth"),
    QUANTITY("write_bandwidth", UNIT_BYTE_PER_S, tier_options, write_Bps, 1, BIG, "",
             "nominal write bandwidth of a unit; without it, as read_bandwidth"),
    REAL("efficiency", tier_options, efficiency, 1e-3, 1, "1", "share of the nominal bandwidths that is reached"),
    TIME("latency", tier_options, latency_ns, 0, 100, "0s", "time of a transfer beside its bytes"),
    BYTES("granularity", tier_options, granularity_bytes, 1, 1e12, "1B",
          "each fragment is rounded up to so many bytes"),
    BYTES("fragment", tier_options, fragment_bytes, 1, 1e15, "",
          "a transfer goes in fragments of so many bytes; without it, in one"),
    TIME("fragment_time", tier_options, fragment_ns, 0, 100, "0s", "time of each fragment beside its bytes"),
    RULE(tier_options),
    SERVERS(tier_options),
    TEXT("links", tier_options, links, "none",
         "links on the way, from the GPU outwards: names separated by blanks, or none"),
    TEXT("bounce", tier_options, bounce, "none",
         "tier that its bytes cross twice on the way, into it and out of it, as a drive's do without direct access"),
    CHOICE("kv_dtype", AT(tier_options, kv_dtype), tier_kv_dtypes, "same",
           "type of KV in it; same: as in HBM, else it is converted on the way"),
    QUANTITY("convert", UNIT_BYTE_PER_S, tier_options, convert_Bps, 1, BIG, "",
             "rate of that conversion on all GPUs of a replica together, in bytes as in HBM; without it, it is free"),
    REAL("write_amplification", tier_options, write_amplification, 1, 1000, "1",
         "nand: bytes programmed for each byte written"),
    REAL("drive_writes_per_day", tier_options, drive_writes_per_day, 0, 1000, "0",
         "nand: capacities that may be written each day of its warranty; 0: unknown"),
    REAL("warranty_years", tier_options, warranty_years, 0.01, 100, "5", "nand: how long that is promised for"),
    REAL("gc_share", tier_options, gc_share, 0, 1, "0", "nand: share of transfers that wait for garbage collection"),
    TIME("gc_time", tier_options, gc_ns, 0, 100, "0s", "nand: how long these wait"),
    REAL("usd_per_gb", tier_options, usd_per_gb, 0, 1e6, "0", "price in US$/GB; 0: unknown"),
    CHOICE("write", AT(tier_options, write), tier_writes, "back",
           "when KV is written to it: when a warmer tier gives it up, as soon as it is computed, or at the request's "
           "end"),
    BYTES("write_buffer", tier_options, write_buffer_bytes, 1, BIG, "16GB",
          "KV on its way down to a unit, at most: once it is so much, what comes next is not written to it"),
    BOOL("exclusive", tier_options, exclusive, "no", "what a warmer tier takes from it leaves it"),
    INT("admit_uses", tier_options, admit_uses, 1, 1e9, "1", "it takes only prefixes that were used so often"),
    INT("admit_tokens", tier_options, admit_tokens, 0, 1e9, "0", "it takes only contexts of at least so many tokens"),
};

static const char *const cache_prefetches[] = {"none", "arrival", "tool_return", NULL};
_Static_assert(PREFETCH_NONE == 0 && PREFETCH_ARRIVAL == 1 && PREFETCH_TOOL_RETURN == 2,
               "the order of cache_prefetches");
static const char *const cache_restores[] = {"always", "estimate", "never", NULL};
_Static_assert(RESTORE_ALWAYS == 0 && RESTORE_ESTIMATE == 1 && RESTORE_NEVER == 2, "the order of cache_restores");
static const char *const cache_preempts[] = {"recompute", "swap", "none", NULL};
_Static_assert(PREEMPT_RECOMPUTE == 0 && PREEMPT_SWAP == 1 && PREEMPT_NONE == 2, "the order of cache_preempts");

static const struct opt cache_rows[] = {
    BOOL("prefix", cache_options, prefix, "yes", "requests share the KV of equal beginnings (prefix caching)"),
    BOOL("unlimited", cache_options, unlimited, "no",
         "a bound for studies: HBM gives up no prefix, and shared ones take no room in it"),
    INT("block_tokens", cache_options, block_tokens, 1, 1e6, "",
        "tokens of a shared block, a multiple of replica.kv_block_tokens; without it, the trace's, or "
        "replica.kv_block_tokens"),
    INT("checkpoint_tokens", cache_options, checkpoint_tokens, 0, 1e9, "0",
        "for models whose layers keep a bounded state (windows, linear attention): the state is kept after each so many "
        "tokens, and a prefix is reused up to such a point; 0: after every block, in no room"),
    TEXT("overflow", cache_options, overflow, "none",
         "tier for the KV of running sequences that HBM has no room for, which steps read in place; none: there is no "
         "such room"),
    BYTES("overflow_size", cache_options, overflow_bytes, 0, BIG, "0B",
          "room in that tier for the KV of each replica's running sequences"),
    REAL("sparse_hit", cache_options, sparse_hit, 0, 1, "0",
         "of the entries in that tier that a sparse attention picks in a step, the share that a buffer in HBM has from "
         "the steps before"),
    INT("blocks", cache_options, blocks, 1, 1e12, "",
        "shared blocks that HBM keeps at most, those of running requests apart; without it, as many as there is room for"),
    INT("evict_tokens", cache_options, evict_tokens, 0, 1e9, "512",
        "HBM and tiers give up at least so many tokens of a context at once, where they have as many left of it; 0: as "
        "few as they must"),
    CHOICE(
        "prefetch", AT(cache_options, prefetch), cache_prefetches, "none",
        "when KV of a colder tier moves up ahead of need: never, when its request arrives, or when its tool returns"),
    CHOICE("restore", AT(cache_options, restore), cache_restores, "always",
           "whether KV found in a colder tier is read or computed again: read, what is estimated to take less time, or "
           "computed"),
    BOOL("overlap", cache_options, overlap, "no",
         "a prompt is computed while its prefix still arrives, layer by layer"),
    CHOICE("preempt", AT(cache_options, preempt), cache_preempts, "recompute",
           "what becomes of the KV of a preempted request: given up, or written to the warmest tier and read back; none: "
           "a request waits until there is room for its prompt and all the tokens that it announced (max_tokens of "
           "[class NAME]), so that nobody is ever preempted for want of it"),
};

#endif
