/*
 * price_rows.h - the keys of [prices], [gpu_price NAME], [memory_price NAME], [supplier NAME] and [price_card]
 * (policy/prices.h): a part of tables.c, which alone includes it.
 *
 * No price stands in C: what has no neutral value must be given, or is unknown.
 */
#ifndef SCENARIO_PRICE_ROWS_H
#define SCENARIO_PRICE_ROWS_H

#include "policy/prices.h"
#include "scenario/rows.h"

static const char *const price_bases[] = {"rent", "own", "tco", NULL};
_Static_assert(PRICES_RENT == 0 && PRICES_OWN == 1 && PRICES_TCO == 2, "the order of price_bases");

static const struct opt prices_rows[] = {
    TEXT("name", prices, name, "custom", "what reports call them"),
    CHOICE("basis", AT(prices, basis), price_bases, "rent",
           "what a GPU costs: rent_usd_per_h of its [gpu_price], all in; own: system_usd by annuity, upkeep and power; "
           "tco: tco_usd_per_h, a published cost of owning, all in"),
    REAL("years", prices, years, 0.1, 100, NULL, "years over which what is bought is paid back"),
    REAL("interest", prices, interest, 0, 1, "0", "a year, on what is not paid back yet"),
    REAL("residual", prices, residual, 0, 1, "0", "share of the price that is left after these years"),
    REAL("upkeep", prices, upkeep, 0, 10, "0", "a year, as a share of the price: repairs, staff, space"),
    REAL("utilisation", prices, utilisation, 1e-3, 1, "1",
         "share of the hours paid in which the fleet works as in the run; every price by the hour is divided by it"),
    BOOL("whole_nodes", prices, whole_nodes, "no", "GPUs of nodes that replicas only partly use are paid, too"),
    REAL("pue", prices, pue, 1, 10, "1", "power of the building over that of the machines in it"),
    REAL("usd_per_kwh", prices, usd_per_kwh, 0, 1000, "0", "price of electricity; 0: unknown"),
    TEXT("products", prices, products, "",
         "TIER:NAME, separated by blanks: the [memory_price NAME] of a tier, or of hbm; without it, its own name"),
};

#define PRICE(name, type, member, help) REAL(name, type, member, 0, 1e12, "0", help)
static const struct opt gpu_price_rows[] = {
    TEXT("gpu", gpu_price, gpu, "", "the name in [gpu] that it is of; without it, the section's own"),
    PRICE("rent_usd_per_h", gpu_price, rent_usd_per_h, "rent of a GPU, all in; 0: unknown"),
    PRICE("tco_usd_per_h", gpu_price, tco_usd_per_h, "published cost of owning a GPU, all in; 0: unknown"),
    PRICE("system_usd", gpu_price, system_usd,
          "price of a whole system, per GPU, with the memory that comes with it; 0: unknown"),
    PRICE("card_usd", gpu_price, card_usd, "of that, the GPU with its HBM; 0: not told apart"),
    PRICE("nic_usd", gpu_price, nic_usd, "of that, the NICs of a GPU; 0: not told apart"),
    PRICE("bundled_dram_gb", gpu_price, bundled_dram_gb,
          "GB of dram per GPU that every price of it has in it; what tiers hold beyond is bought"),
    PRICE("bundled_nand_gb", gpu_price, bundled_nand_gb, "the same of nand"),
    PRICE("idle_watts", gpu_price, idle_watts, "power of a GPU, weights loaded, without a step"),
    PRICE("busy_watts", gpu_price, busy_watts, "power of a GPU in a step; 0: unknown"),
    PRICE("node_watts", gpu_price, node_watts, "power of the rest of the system, per GPU"),
    TEXT("products", gpu_price, products, "", "as [prices] products, for machines with this GPU"),
};

static const struct opt memory_price_rows[] = {
    REAL("usd_per_gb", memory_price, usd_per_gb, 0, 1e6, NULL, "what its maker takes for a GB"),
    REAL("margin", memory_price, margin, 0, 0.99, "0",
         "of who sells it on, a share of his price: the buyer pays usd_per_gb / (1 - margin)"),
    NUMBERS("path_usd_per_gb", memory_price, path_usd_per_gb, 0, 1e6, "",
            "usd_per_gb through the year ahead, in equal parts of it, for `tiersim demand`"),
    REAL("elasticity", memory_price, elasticity, 0, 100, "0",
         "of its buyers together: where supply falls to a share s, the price rises by s^(-1/elasticity); 0: it stays"),
};

static const struct opt supplier_rows[] = {
    TEXT("memory", supplier, memory, NULL, "the [memory_price NAME] that it makes"),
    BYTES("module_capacity", supplier, module_bytes, 1, BIG, NULL, "capacity of its module"),
    REAL("share", supplier, share, 0, 1, NULL, "of all that is made"),
    REAL("available", supplier, available, 0, 100, "1", "of that, what can be had; 0: it is lost"),
    REAL("usd_per_gb", supplier, usd_per_gb, 0, 1e6, "0", "its own price; 0: that of [memory_price]"),
};

static const struct opt price_card_rows[] = {
    TEXT("name", price_card, name, "custom", "whose prices they are"),
    TEXT("date", price_card, date, "", "when they held"),
    REAL("input_usd_per_m", price_card, input_usd_per_m, 0, 1e6, NULL,
         "a million input tokens that were not found in a cache"),
    REAL("cached_input_usd_per_m", price_card, cached_input_usd_per_m, 0, 1e6, NULL,
         "a million input tokens that were found in one"),
    REAL("output_usd_per_m", price_card, output_usd_per_m, 1e-9, 1e6, NULL, "a million output tokens"),
};

#endif
