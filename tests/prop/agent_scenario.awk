# agent_scenario.awk - prints a scenario: agents drawn at random, on one or two small replicas.
function pick(n) { return int(rand() * n) }
function one(list, a) { return a[1 + pick(split(list, a, " "))] }
function law(key, mean) {
    how = pick(4)
    if (how == 0) return key " = constant\n" key "_tokens = " mean
    if (how == 1) return key " = uniform\n" key "_low = 1\n" key "_high = " 2 * mean
    if (how == 2) return key " = exponential\n" key "_mean = " mean
    return key " = empirical\n" key "_quantiles = 0:1 50:" mean " 90:" 3 * mean " 100:" 8 * mean
}
function time(key, s) {
    how = pick(5)
    if (how == 0) return key " = constant\n" key "_time = " s "s"
    if (how == 1) return key " = exponential\n" key "_mean = " s "s"
    if (how == 2) return key " = lognormal\n" key "_median = " s "s\n" key "_sigma = 1.5"
    if (how == 3) return key " = pareto\n" key "_least = " s / 4 "s\n" key "_shape = 1.1\n" key "_most = " 100 * s "s"
    return key " = empirical\n" key "_quantiles = 0:0 50:" s " 99:" 20 * s " 100:" 100 * s
}
function agent(name, below, depth) {
    print "[agent " name "]\nsystem_tokens = " one("0 0 40 700") "\n" law("steps", one("1 2 5 15")) "\n" law("first", 300) "\n" law("output", 30)
    if (pick(2)) print law("reasoning", 50)
    if (pick(2)) print law("calls", 2)
    tools = one("fast slow fast:3 fast:2%slow:1")
    sub(/%/, " ", tools)
    print "tools = " tools
    if (pick(3) == 0) print "compact_at = 3000\ncompact_to = " one("50 400")
    if (pick(3) == 0) print "deadline = " one("1s 20s")
    if (below != "") { print "sub = " below "\nsub_share = " one("0.1 0.5 1"); if (pick(2)) print law("subs", 2) }
    if (depth) print "sub_depth = " depth
}
BEGIN {
    srand(seed)
    closed = pick(2)
    print "[run]\nseed = " seed
    if (pick(3) == 0) print "horizon = " one("5s 60s")
    print "[gpu]\npreset = h100\n[model]\npreset = llama-3.1-8b\nmax_context = 6000\n[engine]\npreset = " one("vllm sglang")
    print "[replica]\ncount = " 1 + pick(2) "\ntp = 1\ndtype = bf16\nmemory_fraction = " one("0.3 0.9")
    print "[cache]\nprefix = " one("yes no") "\n[router]\npolicy = " one("round_robin session_affinity prefix_aware least_tokens central_queue")
    print "[scheduler]\nmax_num_seqs = " one("2 16 128")
    print "[workload]\nrequests = " one("5 40") "\n" (closed ? "arrivals = closed_loop\nconcurrency = 4" : "arrivals = poisson\nrate = " one("0.2 5") "/s")
    print "[tool fast]\n" time("latency", 0.2) "\n" law("result", 100) "\nfailure = " one("0 0.3") "\nretries = " pick(3)
    print "[tool slow]\n" time("latency", 3) "\n" law("result", 400)
    depth = pick(3)
    agent("lead", pick(2) ? "helper" : "", depth)
    if (pick(2)) print law("tasks", 2) "\n" law("request", 60) "\n" time("think", 2)
    agent("helper", pick(2) ? "helper" : "", 0)
    print "[class work]\nagent = lead"
    if (pick(4) == 0) print "timeout_e2el = 2s\nretries = " pick(3)
    if (pick(2)) print "[class chat]\nweight = 0.5\ninput = constant\ninput_tokens = 100\noutput = constant\noutput_tokens = 20\nturns = 3\nappend = constant\nappend_tokens = 50\nturn_gap = 1s"
}
