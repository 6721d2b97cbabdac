# kv_twin.awk - what a prefix cache of so many blocks would hit, block by block: one request at a time, each prompt looked
# up, the blocks found used, the others put at its end. Knows nothing of the simulator's tree, runs or heaps.
#   awk -v blocks=N (0: no limit) -v evict=lru|lfu|belady -v block=512 -v kv_block=16 -f kv_twin.awk TRACE TRACE
# Reads the trace twice: first for when each block is asked for. Prints the hit blocks of each request.
#
# Rules: a block goes only when no longer prefix that holds it is there and when it is not of the running request's prompt
# (its last, partial block is a copy that may go). Order: the policy's key, then the deepest, then the lowest id.
function numbers(line, key,   s) {
    s = substr(line, index(line, "\"" key "\"") + length(key) + 2)
    sub(/^[^0-9]*/, "", s)
    return s
}
function ids_of(line, b,   s) { # b[1..]; gives how many
    s = line
    sub(/.*"hash_ids"[^\[]*\[/, "", s)
    sub(/\].*/, "", s)
    return split(s, b, /[ ,]+/)
}
function key_of(id) {
    if (evict == "lru") return last[id]
    if (evict == "lfu") return uses[id] * 1e9 + last[id]
    while (at[id] <= n_asked[id] && asked[id, at[id]] <= now) at[id]++
    return at[id] <= n_asked[id] ? -asked[id, at[id]] : -1e15
}
function before(i, j) {
    if (key[i] != key[j]) return key[i] < key[j]
    if (depth[who[i]] != depth[who[j]]) return depth[who[i]] > depth[who[j]]
    return who[i] + 0 < who[j] + 0
}
function swap(i, j,   t) {
    t = key[i]; key[i] = key[j]; key[j] = t
    t = who[i]; who[i] = who[j]; who[j] = t
    t = version[i]; version[i] = version[j]; version[j] = t
}
function push(id,   i) { # of those with nothing below; stale entries are passed over when they come to the top
    if (below[id] > 0) {
        stamp[id]++
        return
    }
    i = ++n_heap
    who[i] = id
    key[i] = key_of(id)
    version[i] = ++stamp[id]
    for (; i > 1 && before(i, int(i / 2)); i = int(i / 2)) swap(i, int(i / 2))
}
function pop(   i, c) {
    swap(1, n_heap--)
    for (i = 1; (c = 2 * i) <= n_heap; i = c) {
        if (c < n_heap && before(c + 1, c)) c++
        if (!before(c, i)) break
        swap(c, i)
    }
    return who[n_heap + 1]
}
function touch(id, new) {
    uses[id] = new ? 1 : uses[id] + 1
    last[id] = tick
    push(id)
}
function put(b, from, to,   i) {
    tick++
    for (i = from; i <= to; i++)
        if (!here[b[i]]) {
            here[b[i]] = 1
            held++
            depth[b[i]] = i
            parent[b[i]] = i > 1 ? b[i - 1] : ""
            if (i > 1) below[b[i - 1]]++
            touch(b[i], 1)
        }
}
function trim(   id, n_kept, kept, i) {
    n_kept = 0
    while (blocks > 0 && held > blocks && n_heap > 0) {
        i = version[1]
        id = pop()
        if (i != stamp[id] || !here[id] || below[id] > 0) continue
        if (pinned[id] == now) { kept[++n_kept] = id; continue }
        here[id] = 0
        held--
        if (parent[id] != "" && --below[parent[id]] == 0) push(parent[id])
    }
    for (i = 1; i <= n_kept; i++) push(kept[i])
}
NR == FNR {
    n = ids_of($0, b)
    for (i = 1; i <= n; i++) { asked[b[i], ++n_asked[b[i]]] = FNR; at[b[i]] = 1 }
    next
}
{
    now = FNR
    input = numbers($0, "input_length") + 0
    answer = numbers($0, "output_length") + 0
    n = ids_of($0, b)
    for (hit = 0; hit < n && here[b[hit + 1]]; hit++);
    print hit
    tokens = hit * block < input - 1 ? hit * block : input - 1
    if (tokens >= kv_block) { # else nothing of it is reused
        tick++
        for (i = 1; i <= hit; i++) touch(b[i], 0)
    }
    whole = int(input / block)
    if (answer > 1) { # the prompt's end is not the request's
        put(b, 1, whole)
        for (i = 1; i <= whole; i++) pinned[b[i]] = now
        put(b, whole + 1, n)
        trim()
        for (i = 1; i <= whole; i++) pinned[b[i]] = 0
    } else {
        put(b, 1, n)
    }
    trim()
}
