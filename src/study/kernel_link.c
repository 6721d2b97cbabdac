/*
 * kernel_link.c - rows of the collectives inside a node. Their bytes are what each GPU sends, their bandwidth NVLink's,
 * one way.
 */
#include "study/kernel_rows.h"

static const char ALLREDUCE_SOURCE[] =
    "allreduce_engine.csv: vLLM 0.24.0 (A100: 0.14.0), custom all-reduce in a CUDA graph, up to 64 MiB";
static const char ALLREDUCE_LARGE_SOURCE[] = "nccl.csv: NCCL 2.29.2 (A100: 2.27.3), all_reduce of any size";
static const char ALLGATHER_SOURCE[] =
    "nccl.csv: NCCL 2.29.2 (A100: 2.27.3), all_gather and reduce_scatter, up to 64 MiB";
static const char ALLTOALL_SOURCE[] = "nccl.csv: NCCL 2.29.2 (A100: 2.27.3), alltoall, up to 64 MiB";

static const char NETWORK_SOURCE[] = "vidur_network.csv: vidur, NCCL send_recv between nodes, eager";

static const char *bytes_slice(double bytes)
{
    return bytes <= 1 << 16   ? "<= 64 KiB"
           : bytes <= 1 << 20 ? "64 KiB-1 MiB"
           : bytes <= 1 << 26 ? "1-64 MiB"
                              : "> 64 MiB";
}

/* A serving step sends no more at a time; what is larger is only judged. */
static const double LARGEST = 1 << 26;

/* times: 2 where every byte passes twice (reduce, then gather). */
static void add(struct kernel_folder *f, const struct kernel_gpu *gpu, const struct kernel_table *t, size_t i,
                int gpus_column, double times, double kind, struct kernel_rows *rows)
{
    double gpus = kernel_number(f, t, i, gpus_column), bytes = kernel_number(f, t, i, gpus_column + 1);

    kernel_rows_add(rows, &(struct kernel_row){.bytes = times * (gpus - 1) / gpus * bytes,
                                               .Bps = gpu->nvlink_Bps,
                                               .measured_s = kernel_number(f, t, i, gpus_column + 2) * 1e-6,
                                               .slice = bytes_slice(bytes),
                                               .aside = bytes > LARGEST,
                                               .shape = {gpus, bytes, kind}});
}

static void nccl(struct kernel_folder *f, const struct kernel_gpu *gpu, const char *op, double times, double kind,
                 struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu", "op", "gpus", "bytes", "lat_us", NULL};
    struct kernel_table t;

    if (!kernel_folder_table(f, "nccl", columns, &t))
        return;
    for (size_t i = 0; i < csv_rows(t.csv); i++)
        if (csv_is(t.csv, i, t.column[0], gpu->table) && csv_is(t.csv, i, t.column[1], op))
            add(f, gpu, &t, i, 2, times, kind, rows);
}

static void engine(struct kernel_folder *f, const struct kernel_gpu *gpu, struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu", "impl", "gpus", "bytes", "lat_us", NULL};
    struct kernel_table t;

    if (!kernel_folder_table(f, "allreduce_engine", columns, &t))
        return;
    for (size_t i = 0; i < csv_rows(t.csv); i++)
        if (csv_is(t.csv, i, t.column[0], gpu->table) && csv_is(t.csv, i, t.column[1], "vllm_graph"))
            add(f, gpu, &t, i, 2, 2, 0, rows);
}

/* One GPU a node: what one sends to the other. */
static void network(struct kernel_folder *f, const struct kernel_gpu *gpu, struct kernel_rows *rows)
{
    static const char *const columns[] = {"gpu", "op", "gpus_per_node", "gpus", "bytes", "lat_us", NULL};
    struct kernel_table t;

    if (!kernel_folder_table(f, "vidur_network", columns, &t))
        return;
    for (size_t i = 0; i < csv_rows(t.csv); i++)
        if (csv_is(t.csv, i, t.column[0], gpu->table) && csv_is(t.csv, i, t.column[1], "send_recv") &&
            csv_is(t.csv, i, t.column[2], "1") && csv_is(t.csv, i, t.column[3], "2"))
            kernel_rows_add(rows, &(struct kernel_row){.bytes = kernel_number(f, &t, i, 4),
                                                       .Bps = gpu->network_Bps,
                                                       .measured_s = kernel_number(f, &t, i, 5) * 1e-6,
                                                       .slice = bytes_slice(kernel_number(f, &t, i, 4))});
}

void kernel_link_rows(struct kernel_folder *f, const struct kernel_gpu *gpu, enum kernel_id id,
                      struct kernel_rows *rows)
{
    if (id == KERNEL_allreduce) {
        rows->source = ALLREDUCE_SOURCE;
        engine(f, gpu, rows);
    } else if (id == KERNEL_allreduce_large) {
        rows->source = ALLREDUCE_LARGE_SOURCE;
        nccl(f, gpu, "all_reduce", 2, 0, rows);
        for (size_t i = 0; i < rows->n; i++)
            rows->at[i].aside = false;
    } else if (id == KERNEL_allgather) {
        rows->source = ALLGATHER_SOURCE;
        nccl(f, gpu, "all_gather", 1, 0, rows);
        nccl(f, gpu, "reduce_scatter", 1, 1, rows);
    } else if (id == KERNEL_network) {
        rows->source = NETWORK_SOURCE;
        network(f, gpu, rows);
    } else {
        rows->source = ALLTOALL_SOURCE;
        nccl(f, gpu, "alltoall", 1, 0, rows);
    }
}
