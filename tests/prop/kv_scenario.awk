# kv_scenario.awk - a random scenario of the KV cache and what lies below it, from a number: writes PREFIX.ini, and
# PREFIX.jsonl where it replays a trace. awk -v seed=N -v prefix=PATH -f kv_scenario.awk
#
# A tiny model, so that a KV room of a few blocks is a memory of a few megabytes. Each key that the cache, tiers and
# ports have is drawn; rooms go from what one request barely fits into to plenty.
function draw(n) { x = (x * 16807) % 2147483647; return int(x / 2147483647 * n) } # 0 .. n - 1
function chance(percent) { return draw(100) < percent }
function pick(list,   n, a) { n = split(list, a, " "); return a[1 + draw(n)] }
function put(line) { print line > ini }
function router(list,   r) { # order = fair and central_queue do not go together
    r = pick(list)
    if (r == "central_queue" && order == "fair") return "least_tokens"
    central = central || r == "central_queue"
    return r
}
function evictor(section) {
    e = pick(timed ? "lru fifo lfu slru gdsf ttl belady" : "lru fifo lfu slru gdsf ttl")
    put("evict = " e)
    if (e == "ttl") put("ttl = " pick("1us 5ms 200ms 5min"))
    if (e == "lfu" && chance(50)) put("half_life = " pick("3 100"))
    if (e == "slru" && chance(50)) put("protected = " pick("0.1 0.5"))
}
function rule() {
    r = pick("fair fair weighted priority fifo")
    put("rule = " r)
    if (r == "fifo") put("servers = " pick("1 2 4"))
}
function trace(   i, j, n, t, blocks, ids, at, depth, path) {
    n = 20 + draw(60)
    t = 0
    at = 1
    for (i = 0; i < n; i++) {
        depth = 1 + draw(6) # blocks; the ids are a path in a tree, so equal ids have equal histories
        ids = ""
        path = "0"
        for (j = 0; j < depth; j++) {
            path = path "." (j < depth - 1 ? draw(2) : draw(4) ":" depth)
            if (j == depth - 1 && chance(40)) path = path "u" i
            if (!(path in id)) id[path] = at++
            ids = ids (j ? ", " : "") id[path]
        }
        # a path's last block may be partial: its length is the path's, so that equal ids have equal tokens
        if (!(path in len)) len[path] = depth * block - (chance(50) ? draw(block) : 0)
        t += draw(pick("1 1 10 100"))
        printf "{\"timestamp\": %d, \"input_length\": %d, \"output_length\": %d, \"hash_ids\": [%s]}\n", t, len[path], \
            1 + draw(pick("1 8 90 90")), ids > jsonl
    }
}
# Prompts in one pool, answers in another. Drawn last, so that seeds without pools stay what they are.
function pools(   i, name, each) {
    if (!chance(50)) return
    pooled = 1
    for (i = 0; i < 2; i++) {
        name = i == (seed % 3 > 0) ? "d" : "p"
        each = !moe && chance(30) ? 3 - gpus_each : gpus_each
        put("[pool " name "]\nrole = " (name == "d" ? "decode" : "prefill"))
        put("[replica " name "]\ncount = " pick("1 1 2 3"))
        if (each != gpus_each) put("tp = " each)
        if (chance(60)) {
            tokens = int(most * (1 + draw(pick("1 20 100 300")) / 100)) + 2 * block
            put(sprintf("[gpu %s]\nmemory = %.0fB", name, 3.2e6 + tokens * 8192 / (each == 2 && !moe ? 2 : 1) + window * seqs * 400000))
        } else if (each != gpus_each) put(sprintf("[gpu %s]\nmemory = %.0fB", name, 3.2e6 + room * 8192 + window * seqs * 400000))
        if (chance(30)) put("[gpu " name "]\nmemory_bandwidth = " pick("100MB/s 1GB/s"))
        if (chance(50)) put("[gpu " name "]\nnetwork_bandwidth = " pick("10MB/s 1GB/s 50GB/s"))
        put("[router " name "]\npolicy = " router("round_robin least_requests least_tokens random power_of_two central_queue central_queue session_affinity prefix_aware kv_utilisation slo_aware"))
        if (chance(30)) put("[scheduler " name "]\nmax_num_seqs = " pick(window ? "1" : "1 3 16"))
        if (chance(15)) put("[engine " name "]\nrequest_latency = 1ms\nrequest_service = 100us")
        if (chance(15)) put("[engine " name "]\nstream_interval = " pick("1 4"))
    }
    put("[handoff]\noverlap = " pick("yes yes no") "\nlatency = " pick("0s 0s 50us 5ms") "\nefficiency = " pick("1 0.3"))
    if (chance(25)) put("local_tokens = " pick("20 300"))
    if (tiers > 0 && chance(40)) put("via = t" draw(tiers))
}
# Clients that give up while their KV is anywhere.
function patience(name) {
    if (!chance(30)) return
    put("[class " name "]")
    if (chance(70)) put("timeout_ttft = " pick("100us 3ms 50ms"))
    if (chance(50)) put("timeout_e2el = " pick("1ms 30ms 500ms"))
    if (chance(60)) put("retries = " pick("1 3") "\nretry_backoff = " pick("1us 5ms"))
}
# Attention ranks or micro-batches that are apart, where nothing else forbids it. Drawn after all else.
function members() {
    if (tiers > 0 || target || balance || !chance(80)) return
    if (!pooled && chance(50)) put("[replica]\npp = 2\nmicro_batches = apart")
    else if (moe && gpus_each == 2) put("[replica]\nranks = apart")
    else put("[replica]\ndp = " pick("2 4") "\nranks = apart")
}
BEGIN {
    x = 1 + seed * 7919 % 2147483646
    draw(2); draw(2); draw(2)
    ini = prefix ".ini"
    jsonl = prefix ".jsonl"
    kv_block = pick("1 16 16 64")
    ratio = pick("1 1 2 4")
    block = kv_block * ratio
    source = pick("sessions sessions trace trace_closed")
    timed = source == "trace"
    gpus_each = pick("1 1 2")
    moe = chance(25)
    window = chance(20)
    most = source ~ /trace/ ? 6 * block + 90 : pick("200 600 2000")
    room = int(most * (1 + draw(pick("1 20 100 300")) / 100)) + 2 * block
    count = pick("1 1 2 3")

    put("[run]\nseed = " seed)
    if (chance(10)) put("horizon = " pick("3ms 100ms 2s"))
    speed = pick("10MB/s 1GB/s 100GB/s")
    put("[gpu]\npreset = h100\nmemory_bandwidth = " speed "\nbf16_flops = 1TFLOPS\nfp8_flops = 2TFLOPS")
    put("nvlink_bandwidth = 10GB/s\nnetwork_bandwidth = 1GB/s")
    # 8192 bytes a token of both layers in bf16; weights of 1 to 2 MB a GPU; windows are reserved for each sequence
    seqs = pick("1 3 16 16 200")
    put(sprintf("memory = %.0fB", 2.2e6 + room * 8192 / (gpus_each == 2 && !moe ? 2 : 1) + window * seqs * 400000))
    put("[model]\nlayers = 2\nhidden = 64\nvocab = 256\nmax_context = 100000\nq_heads = 8\nkv_heads = 8\nhead_dim = 128")
    put("dense_inter = 64\nmtp_layers = 1")
    if (moe) put("experts = 8\ntopk = 2\nmoe_inter = 32")
    if (window) put("window_layers = 1\nsliding_window = 40")
    put("[engine]\nstep_overhead = " pick("0s 10us") "\nseq_overhead = 0s")
    if (chance(20)) put("receive_interval = " pick("3 20"))
    if (chance(20)) put("stream_interval = " pick("2 10"))
    if (chance(20)) put("request_latency = 1ms\nrequest_service = 100us")
    if (moe && gpus_each == 2 && chance(40)) { put("balance_timeout = 5"); balance = 1 }
    put("[replica]\ncount = " count "\nmemory_fraction = 1\nactivation_bytes = 1B")
    if (gpus_each == 2) put(moe ? "dp = 2" : "tp = 2")
    put("kv_block_tokens = " kv_block)
    if (chance(20)) put("spec_tokens = 2\nspec_acceptance = 0.6\nspec_method = " pick("mtp ngram"))
    if (chance(20)) put("cost = fixed\nstep_time = " pick("1us 1ms"))
    put("[router]\npolicy = " router("round_robin least_requests least_tokens random power_of_two central_queue"))
    policy = pick("continuous continuous static prefill_first")
    put("[scheduler]\npolicy = " policy)
    order = pick("fcfs priority edf slack sjf srpt " (central ? "srpt" : "fair"))
    put("order = " order)
    if (order ~ /sjf|srpt/ && chance(50)) put("predictor_error = " pick("0.5 2"))
    waits = chance(20)
    if (policy == "continuous" && order == "priority" && !waits && chance(70)) put("preempt_for = priority")
    if (policy == "continuous" && chance(20)) { put("step_target = " pick("1us 100us 2ms 50ms")); target = 1 }
    put("max_num_seqs = " seqs)
    budget = pick("100 300 8192")
    if (chance(80)) put("max_num_batched_tokens = " (budget < 200 ? 200 : budget))

    tiers = pick("0 1 1 2 2 3")
    put("[cache]")
    if (chance(5)) put("prefix = no"); else if (chance(8)) put("unlimited = yes")
    if (chance(50) || source ~ /trace/) put("block_tokens = " block)
    put("evict_tokens = " pick("0 0 64 512"))
    put("prefetch = " pick("none arrival tool_return"))
    put("restore = " pick("always always always estimate never"))
    put("overlap = " pick("yes no"))
    if (waits) put("preempt = none"); else if (tiers > 0) put("preempt = " pick("recompute swap"))
    evictor()
    put("[memory]\nhbm_rule = " pick("fair weighted priority"))
    sample = pick("0s 1ms 100ms")
    put("sample = " (speed == "10MB/s" && sample == "1ms" ? "100ms" : sample)) # such runs take minutes
    if (tiers > 0) {
        MBps = pick("20 1000 20000")
        put("[link bus]\ngpus = " pick("1 2 0") "\nto_gpu = " MBps "MB/s\nlatency = " pick("0s 20us"))
        if (chance(30)) put("from_gpu = " MBps / 2 "MB/s")
        if (chance(30)) put("both = " MBps * 1.2 "MB/s")
        rule()
    }
    for (t = 0; t < tiers; t++) {
        tokens = int(pick("1 300 3000 100000 100000") * (1 + draw(100) / 50)) + block
        nand = chance(40)
        put("[tier t" t "]\nkind = " (nand ? "nand" : "dram") "\ngpus = " pick("1 2 0"))
        put(sprintf("capacity = %.0fB\nread_bandwidth = %s\nwrite_bandwidth = %s", tokens * 8192 + 1, \
            pick("20MB/s 1GB/s 10GB/s"), pick("10MB/s 1GB/s 10GB/s")))
        put("latency = " pick("0s 1us 100us") "\nlinks = " pick("bus bus none"))
        if (t > 0 && chance(25)) put("bounce = t0")
        if (chance(30)) put("kv_dtype = " pick("fp8 bf16 fp8_block") "\nconvert = 1GB/s")
        if (nand && chance(60)) put("gc_share = 0.3\ngc_time = 3ms")
        if (chance(25)) put("granularity = 4KiB")
        if (chance(25)) put("fragment = " pick("8KiB 1MiB") "\nfragment_time = 2us")
        if (chance(30)) put("exclusive = yes")
        if (chance(15)) put("admit_uses = 2")
        if (chance(15)) put("admit_tokens = " pick("20 300"))
        put("write = " pick("back back through completion"))
        rule()
        evictor()
    }
    put("[workload]")
    if (source ~ /trace/) {
        put("arrivals = trace\ntrace = " jsonl "\ntrace_block_tokens = " block)
        if (source == "trace_closed") put("trace_order = closed\nconcurrency = " pick("1 3 20"))
        put("[class all]\ninput = trace\noutput = trace")
        trace()
        pools()
        patience("all")
        members()
        exit
    }
    put("requests = " pick("30 60 120 200"))
    if (chance(40)) put("arrivals = closed_loop\nconcurrency = " pick("1 5 30 30") "\nthink = 1ms")
    else put("arrivals = poisson\nrate = " pick("100/s 2000/s 50000/s"))
    classes = pick("1 2 2 3")
    for (c = 0; c < classes; c++) {
        put("[class c" c "]\ninput = uniform\ninput_low = 1\ninput_high = " int(most / 3) "\noutput = uniform")
        put("output_low = 1\noutput_high = " pick("1 8 60 150") "\ninput_max = " int(most * 0.8))
        if (chance(80)) {
            put("turns = " pick("2 5 12") "\nturn_gap = " pick("0s 3ms 300ms") "\nturn_gap_dist = " pick("constant exponential"))
            put("append = uniform\nappend_low = 1\nappend_high = " pick("5 100"))
        }
        if (chance(50)) put("system_tokens = " pick("10 64 130"))
        put("priority = " draw(3) "\nshare = " pick("0.5 1 3"))
        if (chance(60)) put("ttft = " pick("1ms 100ms") "\ntpot = " pick("10us 1ms"))
        if (chance(30)) put("max_tokens = " pick("1 40 200"))
    }
    pools()
    for (c = 0; c < classes; c++) patience("c" c)
    members()
}
