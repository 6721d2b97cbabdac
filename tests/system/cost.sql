-- cost.sql - the time of every step again, from the equations of DESIGN.md ("Step time"), the scenario's figures and the
-- records; and the KV blocks of a replica ("Memory"). For dense models with grouped queries in bf16 or fp8, on one
-- attention rank and stage, without speculation. One line: steps, steps off by more than 1 ns, steps that both decode
-- and compute prompts, prompts that were cut, blocks off.
CREATE TEMP TABLE p AS
SELECT max(CASE key WHEN 'gpu.memory' THEN value_num END) AS memory,
       max(CASE key WHEN 'gpu.memory_bandwidth' THEN value_num END) AS bw,
       max(CASE key WHEN 'gpu.bf16_flops' THEN value_num END) AS f16,
       max(CASE key WHEN 'gpu.fp8_flops' THEN value_num END) AS f8,
       max(CASE key WHEN 'gpu.nvlink_bandwidth' THEN value_num END) AS nvl,
       max(CASE key WHEN 'engine.step_overhead' THEN value_num END) AS t_step,
       max(CASE key WHEN 'engine.seq_overhead' THEN value_num END) AS t_seq,
       max(CASE key WHEN 'engine.prefill_overhead' THEN value_num END) AS t_prefill,
       max(CASE key WHEN 'engine.kernel_dispatch' THEN value_num END) AS t_dispatch,
       max(CASE key WHEN 'engine.gemm_scale' THEN value_num END) AS x_gemm,
       max(CASE key WHEN 'engine.gemm_flops_scale' THEN value_num END) AS x_flops,
       max(CASE key WHEN 'engine.attention_scale' THEN value_num END) AS x_decode,
       max(CASE key WHEN 'engine.prefill_scale' THEN value_num END) AS x_prefill,
       max(CASE key WHEN 'engine.comm_scale' THEN value_num END) AS x_comm,
       max(CASE key WHEN 'engine.launch_scale' THEN value_num END) AS x_launch,
       max(CASE key WHEN 'model.layers' THEN value_num END) AS l,
       max(CASE key WHEN 'model.hidden' THEN value_num END) AS h,
       max(CASE key WHEN 'model.vocab' THEN value_num END) AS v,
       max(CASE key WHEN 'model.q_heads' THEN value_num END) AS heads,
       max(CASE key WHEN 'model.kv_heads' THEN value_num END) AS k,
       max(CASE key WHEN 'model.head_dim' THEN value_num END) AS d,
       max(CASE key WHEN 'model.dense_inter' THEN value_num END) AS m,
       max(CASE key WHEN 'model.tie_embeddings' THEN value_num END) AS tied,
       max(CASE key WHEN 'replica.tp' THEN value_num END) AS tp,
       max(CASE key WHEN 'replica.dtype' THEN value_text END) AS dtype,
       max(CASE key WHEN 'replica.kv_dtype' THEN value_text END) AS kv_dtype,
       max(CASE key WHEN 'replica.kv_block_tokens' THEN value_num END) AS block,
       max(CASE key WHEN 'replica.memory_fraction' THEN value_num END) AS share,
       max(CASE key WHEN 'scheduler.max_num_seqs' THEN value_num END) AS q,
       max(CASE key WHEN 'scheduler.max_num_batched_tokens' THEN value_num END) AS s
FROM run_param;

-- Of one kernel: seconds for a FLOP and for a byte (0: no bound), launch, half.
CREATE TEMP TABLE kernel AS
SELECT id, coalesce(1 / (peak * nullif(f, 0)), 0) AS flop, coalesce(1 / (rate * nullif(b, 0)), 0) AS byte, launch, half
FROM (SELECT id, peak, rate, max(CASE key WHEN 'kernels.' || id || '_flops_efficiency' THEN value_num END) AS f,
             max(CASE key WHEN 'kernels.' || id || '_memory_efficiency' THEN value_num END) AS b,
             max(CASE key WHEN 'kernels.' || id || '_launch' THEN value_num END) AS launch,
             max(CASE key WHEN 'kernels.' || id || '_half' THEN value_num END) AS half
      FROM run_param, (SELECT 'gemm_bf16' AS id, f16 AS peak, bw AS rate FROM p UNION SELECT 'gemm_fp8', f8, bw FROM p
                       UNION SELECT 'prefill_' || kv_dtype, f16, bw FROM p UNION SELECT 'decode_' || kv_dtype, f16, bw FROM p
                       UNION SELECT 'elementwise', f16, bw FROM p UNION SELECT 'allreduce', f16, nvl FROM p
                       UNION SELECT 'allreduce_large', f16, nvl FROM p) GROUP BY id);

-- Of one GPU: weights of a layer's attention and MLP, bytes of an element (weights, activations that a product reads, KV).
CREATE TEMP TABLE g AS
SELECT p.*, kk, (2*h*heads*d/tp + 2*h*kk*d) AS wa, 3*h*m/tp AS wm, CASE dtype WHEN 'fp8' THEN 1.0 ELSE 2.0 END AS w,
       CASE kv_dtype WHEN 'fp8' THEN 1.0 ELSE 2.0 END AS c, 4*heads*d/tp AS pair
FROM p, (SELECT max(k/tp, 1.0) AS kk FROM p);

CREATE TEMP TABLE chunks AS
SELECT replica, t_start_ns, count(*) AS n, sum(tokens) AS tokens, sum(computed + tokens) AS read,
       sum(tokens*computed + tokens*(tokens + 1)/2) AS pairs
FROM prefill GROUP BY replica, t_start_ns;

-- The GPU's work in the order of DESIGN.md, without the software's.
CREATE TEMP TABLE work AS
SELECT st.*, ch.n AS chunks, ch.tokens AS chunk_tokens,
       max(x_flops*l*2*wa*(t + gemm.half)*gemm.flop, x_gemm*l*(wa*w + (h + wa/h/2)*(w + 2)*t)*gemm.byte)
     + max(x_flops*l*2*wm*(t + gemm.half)*gemm.flop, x_gemm*l*(wm*w + ((h + m/tp)*w + (h + 2*m/tp)*2)*t)*gemm.byte)
     + x_launch*l*4*gemm.launch
     + x_gemm*l*2*(8*h + 3*m/tp)*t*small.byte + x_launch*l*small.launch
     + CASE WHEN tp > 1 THEN x_comm*2*l*min(allreduce.launch + 2*(tp - 1)/tp*2*h*t*allreduce.byte,
           CASE WHEN nccl.byte > 0 THEN nccl.launch + 2*(tp - 1)/tp*2*h*t*nccl.byte ELSE 1e9 END) ELSE 0 END
     + CASE WHEN n_decode > 0 THEN x_decode*l*(decode.launch + ctx_tokens*max(pair*decode.flop, 2*kk*d*c*decode.byte)) ELSE 0 END
     + CASE WHEN n_prefill > 0 THEN x_prefill*l*(prefill.launch + max(pair*(pairs + prefill.half*ch.tokens)*prefill.flop,
           2*kk*d*c*read*prefill.byte)) ELSE 0 END
     + CASE WHEN tokens_out > 0 THEN max(x_flops*2*h*v/tp*(tokens_out + head.half)*head.flop,
           x_gemm*2*(h*v/tp + (h + v/tp)*tokens_out)*head.byte) ELSE 0 END AS gpu
FROM g, (SELECT step.*, n_decode + prefill_tokens AS t FROM step) st
     JOIN kernel gemm ON gemm.id = 'gemm_' || dtype JOIN kernel head ON head.id = 'gemm_bf16'
     JOIN kernel small ON small.id = 'elementwise' JOIN kernel decode ON decode.id = 'decode_' || kv_dtype
     JOIN kernel prefill ON prefill.id = 'prefill_' || kv_dtype JOIN kernel allreduce ON allreduce.id = 'allreduce'
     JOIN kernel nccl ON nccl.id = 'allreduce_large'
     LEFT JOIN chunks ch ON ch.replica = st.replica AND ch.t_start_ns = st.t_start_ns;

-- Kernels of a layer: 4 products, whose activations are quantised first where they are fp8; 5 small ones; the attention; 2 all-reduces.
CREATE TEMP TABLE want AS
SELECT t_end_ns - t_start_ns AS ns, n_decode > 0 AND n_prefill > 0 AS mixed,
       n_prefill <> coalesce(chunks, 0) OR prefill_tokens <> coalesce(chunk_tokens, 0) AS torn,
       1e9*(CASE WHEN n_prefill > 0 THEN t_prefill + max(gpu, kernels*t_dispatch) ELSE gpu END
            + t_step + t_seq*(n_decode + n_prefill)) AS wanted
FROM (SELECT *, l*(4*(CASE dtype WHEN 'fp8' THEN 2 ELSE 1 END) + 5 + 1 + CASE WHEN tp > 1 THEN 2 ELSE 0 END) AS kernels FROM g), work;

CREATE TEMP TABLE blocks AS
SELECT CAST((memory*share - (l*(wa + wm)*w + (2 - tied)*v*h*2/tp) - (2*s*(4*h + (2*m + heads*d)/tp) + 4*q*v))
            / (2*l*kk*d*c * block) AS INTEGER) AS wanted
FROM g;

SELECT 'steps', count(*), 'off', coalesce(sum(torn OR wanted IS NULL OR abs(ns - wanted) > 1.01), 0), 'mixed',
       coalesce(sum(mixed), 0), 'cut', (SELECT count(*) FROM prefill) - (SELECT count(DISTINCT request) FROM prefill),
       'blocks off', (SELECT count(*) FROM replica, blocks WHERE kv_blocks <> wanted)
FROM want;
