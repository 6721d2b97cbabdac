/* The bill of a fleet: annuity, bases, bundles, shares of units, pools, and that its parts sum to it. Figures by hand. */
#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/bill.h"
#include "scenario/scenario.h"
#include "../run_suite.h"

static struct scenario sc;
static struct diags d;
static struct bill b;
static char folder[4096];

/* GPUs "Alpha" of 80 GB, nodes of 8; of each node two units of ddr and one of nvme; a pool for all. */
static const char common[] = "include base.ini\n"
                             "[replica]\ncount = 3\n"
                             "[prices]\nyears = 4\nusd_per_kwh = 0.1\npue = 1.5\nproducts = hbm:stack ddr:dimm\n"
                             "[memory_price stack]\nusd_per_gb = 10\n"
                             "[memory_price dimm]\nusd_per_gb = 4\nmargin = 0.5\n"
                             "[gpu_price a]\ngpu = Alpha\nrent_usd_per_h = 2\ntco_usd_per_h = 1.5\nsystem_usd = 40000\n"
                             "idle_watts = 100\nbusy_watts = 700\nnode_watts = 300\n";
static const char tiers[] = "[memory]\npreset = plain\n"
                            "[tier nvme]\nusd_per_gb = 0.5\n"
                            "[tier far]\nkind = nand\ngpus = 0\ncapacity = 100TB\nread_bandwidth = 1GB/s\nusd_per_gb = 0.2\n";

static void setup(void)
{
    const char *dir = getenv("srcdir");
    char data[8192];

    ck_assert_ptr_nonnull(realpath(dir ? dir : ".", folder));
    snprintf(data, sizeof data, "%s/tests/bad/data", folder);
    setenv("TIERSIM_DATA", data, 1);
    diags_init(&d);
}

static void teardown(void)
{
    scenario_free(&sc);
    diags_free(&d);
}

/* Loads the texts, put one behind the other. */
static void load(const char *first, ...)
{
    char text[16384], name[8192];
    va_list more;
    size_t n = (size_t)snprintf(text, sizeof text, "%s", first);

    va_start(more, first);
    for (const char *t; (t = va_arg(more, const char *)) != NULL;)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", t);
    va_end(more);
    ck_assert_uint_lt(n, sizeof text);
    snprintf(name, sizeof name, "%s/tests/bad/bill.ini", folder);
    if (!scenario_load_text(&sc, name, text, NULL, 0, &d))
        diags_print(&d, stderr);
    ck_assert_uint_eq(d.n, 0);
}

/* The bill, after the check that holds for every one: the parts sum to it. */
static void make(void)
{
    double capex = 0, usd_per_h = 0;

    ck_assert_int_eq(bill_make(&sc, &b), 0);
    for (int64_t i = 0; i < b.n_parts; i++) {
        capex += b.part[i].capex_usd;
        usd_per_h += b.part[i].usd_per_h;
        ck_assert_double_ge(b.part[i].usd_per_h, 0);
    }
    ck_assert_double_eq_tol(b.capex_usd, capex, 1e-9 * (1 + capex));
    ck_assert_double_eq_tol(b.usd_per_h, usd_per_h, 1e-9 * (1 + usd_per_h));
}

static const struct bill_part *part(const char *name, int64_t pool)
{
    const struct bill_part *found = NULL;

    for (int64_t i = 0; i < b.n_parts; i++)
        if (strcmp(b.part[i].name, name) == 0 && b.part[i].pool == pool) {
            ck_assert_ptr_null(found);
            found = &b.part[i];
        }
    return found;
}

#define NEAR(x, y) ck_assert_double_eq_tol(x, y, 1e-9 * (1 + fabs((double)(y))))

START_TEST(none)
{
    load("include base.ini\n", NULL);
    ck_assert_int_eq(bill_make(&sc, &b), -1);
    ck_assert_int_eq(b.n_parts, 0);
    ck_assert_ptr_null(strstr(sc.resolved, "prices"));
    ck_assert_ptr_null(strstr(sc.resolved, "_price"));
}
END_TEST

/* Payments at the end of each year and what is left at the last are worth the price today. */
START_TEST(annuity)
{
    for (double r = 0; r < 0.3; r += 0.06)
        for (double left = 0; left < 1; left += 0.3) {
            struct prices p = {.years = 5, .interest = r, .residual = left};
            double year = bill_usd_per_h(&p, 1000) * 8760, worth = 0, factor = 1;
            for (int i = 0; i < 5; i++) {
                factor /= 1 + r;
                worth += year * factor;
            }
            NEAR(worth + 1000 * left * factor, 1000);
            p.upkeep = 0.04;
            NEAR(bill_usd_per_h(&p, 1000) * 8760, year + 40);
        }
}
END_TEST

START_TEST(rent)
{
    load(common, "[prices]\nutilisation = 0.8\n", NULL);
    make();
    NEAR(b.usd_per_h, 3 * 2 / 0.8);
    NEAR(part("hbm", 0)->bytes, 240e9);
    NEAR(part("hbm", 0)->usd_per_h, 2400 / 4. / 8760 / 0.8);
    ck_assert_double_eq(part("hbm", 0)->capex_usd, 0);
    ck_assert_double_eq(part("power", 0)->usd_per_h, 0);
    ck_assert_double_eq(b.usd_per_kwh, 0);
    ck_assert_double_eq(b.power[0].busy_W, 700);
    ck_assert_ptr_null(part("node", 0));
    ck_assert_double_eq(b.capex_usd, 0);
    ck_assert_double_eq(b.gpus, 3);
}
END_TEST

START_TEST(tco)
{
    load(common, "[prices]\nbasis = tco\n", NULL);
    make();
    NEAR(b.usd_per_h, 4.5);
}
END_TEST

START_TEST(own)
{
    load(common, "[prices]\nbasis = own\nutilisation = 0.5\n", NULL);
    make();
    NEAR(b.capex_usd, 120000);
    NEAR(part("hbm", 0)->capex_usd, 2400);
    NEAR(part("gpu", 0)->capex_usd, 120000 - 2400);
    ck_assert_ptr_null(part("node", 0)); /* the card is not told apart */
    NEAR(part("gpu", 0)->usd_per_h, (120000 - 2400) / 4. / 8760 / 0.5);
    NEAR(part("power", 0)->usd_per_h, 3 * 0.4 * 1.5 * 0.1 / 0.5); /* idle, all the hours that are paid */
    NEAR(b.usd_per_kwh, 0.1);
}
END_TEST

START_TEST(own_card)
{
    load(common, "[prices]\nbasis = own\n[gpu_price a]\ncard_usd = 25000\nnic_usd = 1000\n", NULL);
    make();
    NEAR(b.capex_usd, 120000);
    NEAR(part("gpu", 0)->capex_usd, 75000 - 2400);
    NEAR(part("nic", 0)->capex_usd, 3000);
    NEAR(part("node", 0)->capex_usd, 120000 - 75000 - 3000);
}
END_TEST

/* Three GPUs have a unit of ddr (4 GPUs, 1000 GB) and one of nvme (8 GPUs, 16 TB) to themselves, and pay for them. */
START_TEST(memory_bought)
{
    load(common, tiers, "[prices]\nbasis = own\n", NULL);
    make();
    NEAR(part("ddr", 0)->count, 1);
    NEAR(part("ddr", 0)->bytes, 1000e9);
    NEAR(part("ddr", 0)->unit_usd, 8); /* 4 / (1 - 0.5) */
    NEAR(part("ddr", 0)->capex_usd, 8000);
    NEAR(part("nvme", 0)->capex_usd, 16000 * 0.5);
    NEAR(part("far", -1)->capex_usd, 100000 * 0.2);
    ck_assert_double_eq(part("far", -1)->count, 1);
    NEAR(b.capex_usd, 120000 + 8000 + 8000 + 20000);
    ck_assert_int_eq(part("ddr", 0)->kind, BILL_WARM);
    ck_assert_int_eq(part("nvme", 0)->kind, BILL_COLD);
}
END_TEST

/* 300 GB a GPU come with it: 900 of 1000 GB, and all of the drives; no credit for drives that are not there. */
START_TEST(memory_bundled)
{
    load(common, tiers, "[prices]\nbasis = own\n[gpu_price a]\nbundled_dram_gb = 300\nbundled_nand_gb = 9000\n", NULL);
    make();
    NEAR(part("ddr", 0)->capex_usd, 8000);
    NEAR(b.capex_usd, 120000 + 100 * 8 + 20000);
    NEAR(part("gpu", 0)->capex_usd, 120000 - 2400 - 900 * 8 - 16000 * 0.5);
}
END_TEST

/* Two tiers share the bundle, the first in order first: 1000 GB of 1200, and 200 of 1000. */
START_TEST(bundle_shared)
{
    load(common, tiers, "[prices]\nbasis = own\n[gpu_price a]\nbundled_dram_gb = 400\n[tier cxl]\ngpus = 4\n",
         "capacity = 1000GB\nread_bandwidth = 1GB/s\nusd_per_gb = 3\n", NULL);
    make();
    NEAR(b.capex_usd, 120000 + 800 * 3 + 16000 * 0.5 + 20000);
}
END_TEST

START_TEST(memory_rented)
{
    load(common, tiers, "[gpu_price a]\nbundled_dram_gb = 300\n", NULL);
    make();
    NEAR(part("ddr", 0)->capex_usd, 100 * 8);
    NEAR(part("ddr", 0)->usd_per_h, 8000 / 4. / 8760);
    NEAR(b.usd_per_h, 6 + (100 * 8 + 8000 + 20000) / 4. / 8760);
}
END_TEST

/* As many as the model has: of 4 GPUs each, three replicas of 1 GPU share one, of 2 two, of 8 have two each. */
START_TEST(units)
{
    load(common, tiers, "[replica]\ntp = 2\n", NULL);
    make();
    ck_assert_double_eq(part("ddr", 0)->count, 2);
    ck_assert_double_eq(part("nvme", 0)->count, 1);
    scenario_free(&sc);
    load(common, tiers, "[replica]\ntp = 8\n", NULL);
    make();
    ck_assert_double_eq(part("ddr", 0)->count, 6);
    ck_assert_double_eq(part("nvme", 0)->count, 3);
    scenario_free(&sc);
    load(common, tiers, "[prices]\nwhole_nodes = yes\n", NULL);
    make();
    ck_assert_double_eq(part("ddr", 0)->count, 2);
}
END_TEST

/* A tier that others only bounce through is there, too. */
START_TEST(bounced)
{
    load(common, tiers, "[memory]\ntiers = nvme\n", NULL);
    make();
    ck_assert_ptr_nonnull(part("ddr", 0));
    ck_assert_ptr_null(part("far", -1));
}
END_TEST

START_TEST(nodes)
{
    load(common, "[prices]\nwhole_nodes = yes\n", NULL);
    make();
    ck_assert_double_eq(b.gpus, 8);
    NEAR(b.usd_per_h, 16);
    scenario_free(&sc);
    load(common, "[prices]\nwhole_nodes = yes\n[cluster]\nnodes = 2\n", NULL);
    make();
    ck_assert_double_eq(b.gpus, 16);
}
END_TEST

START_TEST(products)
{
    load(common, tiers, "[gpu_price a]\nproducts = hbm:dimm nvme:stack\n", NULL);
    make();
    ck_assert_str_eq(part("hbm", 0)->product, "dimm");
    ck_assert_str_eq(part("ddr", 0)->product, "dimm");
    ck_assert_str_eq(part("nvme", 0)->product, "stack");
    ck_assert_ptr_null(part("far", -1)->product);
    NEAR(part("hbm", 0)->unit_usd, 8);
    NEAR(part("nvme", 0)->unit_usd, 10);
}
END_TEST

/* HBM without a price is no mistake: it stays within the GPU. */
START_TEST(hbm_unknown)
{
    load("include base.ini\n[prices]\nyears = 4\n[gpu_price Alpha]\nrent_usd_per_h = 2\n", NULL);
    make();
    ck_assert_double_eq(part("hbm", 0)->usd_per_h, 0);
    NEAR(part("gpu", 0)->usd_per_h, 2);
}
END_TEST

START_TEST(pools)
{
    load(common, "[gpu]\nnetwork_bandwidth = 50GB/s\n[gpu_price other]\nrent_usd_per_h = 5\nbusy_watts = 900\n",
         "[pool p]\nrole = prefill\n[pool q]\nrole = decode\n[gpu q]\nname = other\n[replica q]\ncount = 2\n", NULL);
    make();
    ck_assert_int_eq(b.n_pools, 2);
    NEAR(part("gpu", 0)->usd_per_h + part("hbm", 0)->usd_per_h, 6);
    NEAR(part("gpu", 1)->usd_per_h + part("hbm", 1)->usd_per_h, 10);
    ck_assert_int_eq(b.power[1].replicas, 2);
    ck_assert_double_eq(b.power[1].busy_W, 900);
    ck_assert_double_eq(b.gpus, 5);
}
END_TEST

START_TEST(by_replica)
{
    load(common, tiers, "[autoscale]\npolicy = queue\ntarget = 4\n", NULL);
    make();
    ck_assert(part("gpu", 0)->by_replica);
    ck_assert(part("ddr", 0)->by_replica);
    ck_assert(!part("far", -1)->by_replica);
    scenario_free(&sc);
    load(common, NULL);
    make();
    ck_assert(!part("gpu", 0)->by_replica);
}
END_TEST

/* The normal form has the prices themselves: the same bill from it. */
START_TEST(round_trip)
{
    static char text[65536];

    load(common, tiers, "[prices]\nbasis = own\n", "[gpu_price a]\nbundled_dram_gb = 100\n", NULL);
    make();
    double usd_per_h = b.usd_per_h;
    uint64_t hash = sc.config_hash;
    ck_assert_uint_lt(strlen(sc.resolved), sizeof text);
    strcpy(text, sc.resolved);
    scenario_free(&sc);
    ck_assert(scenario_load_text(&sc, "normal.ini", text, NULL, 0, &d));
    make();
    ck_assert_double_eq(b.usd_per_h, usd_per_h);
    ck_assert_uint_eq(sc.config_hash, hash);
    ck_assert_str_eq(sc.resolved, text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bill");
    TCase *t = tcase_create("bill");
    const TTest *tests[] = {none,   annuity,       rent,  tco,      own,         own_card, memory_bought, memory_bundled,
                            memory_rented, bundle_shared, units, bounced, nodes, products, hbm_unknown, pools,    by_replica,    round_trip};

    tcase_add_checked_fixture(t, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(t, tests[i]);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
