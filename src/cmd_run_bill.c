/*
 * cmd_run_bill.c - a run's bill as rows of its results file (tables bill and bill_pool), and its price card: what the
 * metrics of cost need of the scenario. Without [prices] it has no part.
 */
#include "config.h"

#include <math.h>

#include "cmd.h"
#include "policy/cost.h"
#include "scenario/bill.h"
#include "scenario/scenario.h"
#include "store/store.h"

_Static_assert((int)STORE_BILL_POOLS_MAX >= (int)BILL_POOLS_MAX && (int)STORE_BILL_PARTS_MAX >= (int)BILL_PARTS_MAX &&
                   (int)STORE_BILL_TIERS_MAX > (int)MEMORY_TIERS_MAX,
               "a bill fits");

/* Of a GPU's HBM, the room for KV. */
static double kv_share(const struct layout *l)
{
    struct cost_memory m = cost_memory(l);
    double tokens = (double)(cost_hbm_blocks(l) * l->replica.kv_block_tokens);
    double bytes = m.kv_token_bytes * tokens / (double)(layout_ranks(l) * layout_members(l));
    double share = bytes / (double)l->gpu.memory_bytes;

    return share < 1 ? share : 1;
}

static void set_pools(const struct scenario *sc, const struct bill *b, struct store_bill *out)
{
    for (int64_t i = 0; i < b->n_pools; i++) {
        const struct layout *l = &sc->pools[i].as->layout;
        out->pool[i] = (struct store_bill_pool){.replicas = l->replica.count,
                                                .members = layout_members(l),
                                                .gpus = b->power[i].gpus,
                                                .idle_W = b->power[i].idle_W,
                                                .busy_W = b->power[i].busy_W,
                                                .node_W = b->power[i].node_W,
                                                .kv_share = kv_share(l)};
    }
    out->n_pools = b->n_pools;
}

void cmd_run_bill(const struct scenario *sc, struct store_bill *out)
{
    static const char *const kinds[BILL_KINDS] = {
        [BILL_GPU] = "gpu", [BILL_HBM] = "hbm",   [BILL_WARM] = "warm",  [BILL_COLD] = "cold",
        [BILL_NIC] = "nic", [BILL_NODE] = "node", [BILL_POWER] = "power"};
    bool card = price_card_given(&sc->price_card);
    struct bill b;

    *out = (struct store_bill){.n_parts = 0};
    if (bill_make(sc, &b) != 0)
        return;
    out->pue = b.pue;
    out->usd_per_kwh = b.usd_per_kwh;
    out->card_input = card ? sc->price_card.input_usd_per_m : NAN;
    out->card_cached = card ? sc->price_card.cached_input_usd_per_m : NAN;
    out->card_output = card ? sc->price_card.output_usd_per_m : NAN;
    set_pools(sc, &b, out);
    for (int64_t i = 0; i < b.n_parts; i++) {
        const struct bill_part *p = &b.part[i];
        out->part[out->n_parts++] = (struct store_bill_part){.name = p->name,
                                                             .kind = kinds[p->kind],
                                                             .product = p->product,
                                                             .is_hbm = p->kind == BILL_HBM,
                                                             .is_power = p->kind == BILL_POWER,
                                                             .pool = p->pool,
                                                             .tier = p->tier >= 0 ? p->tier + 1 : -1,
                                                             .by_replica = p->by_replica,
                                                             .count = p->count,
                                                             .bytes = p->bytes,
                                                             .unit_usd = p->unit_usd,
                                                             .capex_usd = p->capex_usd,
                                                             .usd_per_h = p->usd_per_h};
    }
}
