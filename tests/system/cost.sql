-- cost.sql - the time of every step again, from the equations of DESIGN.md, section 3, the scenario's figures and the
-- records; and the KV blocks of a replica (section 4). One line: steps, steps off by more than 1 ns, steps that both
-- decode and compute prompts, prompts that were cut, blocks off.
CREATE TEMP TABLE p AS
SELECT max(CASE key WHEN 'gpu.memory' THEN value_num END) AS memory,
       max(CASE key WHEN 'gpu.memory_bandwidth' THEN value_num END) *
           max(CASE key WHEN 'gpu.memory_efficiency' THEN value_num END) AS bw,
       max(CASE key WHEN 'gpu.bf16_flops' THEN value_num END) AS f16,
       max(CASE key WHEN 'gpu.fp8_flops' THEN value_num END) AS f8,
       max(CASE key WHEN 'gpu.nvlink_bandwidth' THEN value_num END) *
           max(CASE key WHEN 'gpu.nvlink_efficiency' THEN value_num END) AS nvl,
       max(CASE key WHEN 'gpu.gemm_efficiency' THEN value_num END) AS e_gemm,
       max(CASE key WHEN 'gpu.fp8_gemm_efficiency' THEN value_num END) AS e_gemm8,
       max(CASE key WHEN 'gpu.attention_efficiency' THEN value_num END) AS e_att,
       max(CASE key WHEN 'gpu.allreduce_latency' THEN value_num END) AS t_ar,
       max(CASE key WHEN 'gpu.layer_launch' THEN value_num END) AS t_layer,
       max(CASE key WHEN 'engine.step_overhead' THEN value_num END) AS t_step,
       max(CASE key WHEN 'engine.seq_overhead' THEN value_num END) AS t_seq,
       max(CASE key WHEN 'model.layers' THEN value_num END) AS l,
       max(CASE key WHEN 'model.hidden' THEN value_num END) AS h,
       max(CASE key WHEN 'model.vocab' THEN value_num END) AS v,
       max(CASE key WHEN 'model.q_heads' THEN value_num END) AS heads,
       max(CASE key WHEN 'model.kv_heads' THEN value_num END) AS k,
       max(CASE key WHEN 'model.head_dim' THEN value_num END) AS d,
       max(CASE key WHEN 'model.dense_inter' THEN value_num END) AS m,
       max(CASE key WHEN 'model.tie_embeddings' THEN value_num END) AS tied,
       max(CASE key WHEN 'replica.tp' THEN value_num END) AS tp,
       max(CASE WHEN key = 'replica.dtype' THEN CASE value_text WHEN 'fp8' THEN 1.0 ELSE 2.0 END END) AS w,
       max(CASE WHEN key = 'replica.kv_dtype' THEN CASE value_text WHEN 'fp8' THEN 1.0 ELSE 2.0 END END) AS c,
       max(CASE key WHEN 'replica.kv_block_tokens' THEN value_num END) AS block,
       max(CASE key WHEN 'replica.memory_fraction' THEN value_num END) AS share,
       max(CASE key WHEN 'scheduler.max_num_seqs' THEN value_num END) AS q,
       max(CASE key WHEN 'scheduler.max_num_batched_tokens' THEN value_num END) AS s
FROM run_param;

CREATE TEMP TABLE g AS -- of one GPU
SELECT p.*, kk, 2*h*heads*d/tp + 2*h*kk*d + 3*h*m/tp AS weights,
       2*(4*h + (2*heads*d + 3*m)/tp + 2*kk*d) AS bytes,
       CASE w WHEN 1 THEN f8 * e_gemm8 ELSE f16 * e_gemm END AS gemm
FROM p, (SELECT max(k/tp, 1.0) AS kk FROM p);

CREATE TEMP TABLE chunks AS
SELECT replica, t_start_ns, count(*) AS n, sum(tokens) AS tokens, sum(computed + tokens) AS read,
       sum(tokens*computed + tokens*(tokens + 1)/2) AS pairs
FROM prefill GROUP BY replica, t_start_ns;

CREATE TEMP TABLE want AS
SELECT st.t_end_ns - st.t_start_ns AS ns, n_decode > 0 AND st.n_prefill > 0 AS mixed,
       st.n_prefill <> coalesce(ch.n, 0) OR st.prefill_tokens <> coalesce(ch.tokens, 0) AS torn,
       1e9 * (
           max(2*l*weights*t/gemm, (l*weights*w + l*bytes*t)/bw)
         + ctx_tokens * max(4*l*heads*d/tp/(f16*e_att), 2*l*kk*d*c/bw)
         + max(4*l*heads*d/tp*coalesce(pairs, 0)/(f16*e_att), 2*l*kk*d*c*coalesce(read, 0)/bw)
         + CASE WHEN tokens_out > 0 THEN max(2*h*v/tp*tokens_out/(f16*e_gemm), 2*(h*v/tp + (h + v/tp)*tokens_out)/bw) ELSE 0 END
         + CASE WHEN tp > 1 THEN 2*l*(t_ar + 2*(tp - 1)/tp*2*h*t/nvl) ELSE 0 END
         + l*t_layer + t_step + t_seq*(n_decode + n_prefill)) AS wanted
FROM g, (SELECT step.*, n_decode + prefill_tokens AS t FROM step) st
     LEFT JOIN chunks ch ON ch.replica = st.replica AND ch.t_start_ns = st.t_start_ns;

CREATE TEMP TABLE blocks AS
SELECT CAST((memory*share - (l*weights*w + (2 - tied)*v*h*2/tp) - (2*s*(4*h + (2*m + heads*d + 2*k*d)/tp) + 4*q*v))
            / (2*l*kk*d*c * block) AS INTEGER) AS wanted
FROM g;

SELECT 'steps', count(*), 'off', coalesce(sum(torn OR abs(ns - wanted) > 1.01), 0), 'mixed', coalesce(sum(mixed), 0),
       'cut', (SELECT count(*) FROM prefill) - (SELECT count(DISTINCT request) FROM prefill),
       'blocks off', (SELECT count(*) FROM replica, blocks WHERE kv_blocks <> wanted)
FROM want;
