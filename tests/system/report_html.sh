#!/usr/bin/env bash
# report_html.sh - tiersim report --html: a page that is well-formed, needs nothing else and is harmless whatever the file says; with
# every number of table metric; each picture's data are what its SQL gives in the sqlite3 shell; no empty picture, and a line for each
# that is not there. Of a study file too. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
. "$srcdir/tests/check.sh"
cd "$scratch" || exit 1

# Well-formed, strictly: every tag closed in its order, attributes in double quotes, & only in entities that XML has.
cat > strict.awk << 'X'
BEGIN { RS = "<"; entity = "&(amp|lt|gt|quot|#[0-9]+);" }
function bad(why) { print FILENAME ": " why ": <" substr($0, 1, 60); failed = 1; exit 1 }
NR == 1 { if ($0 != "") bad("text before the first tag"); next }
/^!DOCTYPE html>/ { next }
{
    if (!match($0, />/)) bad("no end of a tag")
    tag = substr($0, 1, RSTART - 1)
    text = substr($0, RSTART + 1)
    all = tag text
    gsub(entity, "", all)
    if (all ~ /&/) bad("a bare &")
    if (text ~ />/ && tag != "style") bad("a bare >")
    if (tag ~ /^\//) {
        if (stack[n] != substr(tag, 2)) bad("closes " stack[n])
        n--
        next
    }
    single = sub(/\/$/, "", tag)
    name = tag
    sub(/[ \n].*/, "", name)
    if (name !~ /^[a-zA-Z0-9]+$/) bad("no name of a tag")
    rest = substr(tag, length(name) + 1)
    while (sub(/^[ \n]+[a-zA-Z0-9:-]+="[^"]*"/, "", rest)) {}
    if (rest !~ /^[ \n]*$/) bad("attributes")
    if (!single) stack[++n] = name
}
END { if (!failed && n) { print "not closed: " stack[n]; exit 1 } }
X
well_formed() { # PAGE
    awk -f strict.awk "$1" && { ! command -v xmllint > /dev/null || xmllint --noout "$1"; }
}
has() { # PAGE PATTERN
    grep -q -- "$2" "$1"
}
offline() { # PAGE: 0 where nothing in it is loaded, run or sent
    ! sed 's/&[lg]t;[^<]*//g' "$1" | grep -niE '<(script|link|img|iframe|object|embed|form|base|use|image)|https?:|[^a-z]src=|@import|url\(|javascript:| on[a-z]+=' 
}
# Each picture's data as the page's table has them, and as the sqlite3 shell answers the query shown above them.
cat > data.awk << 'X'
function plain(s) { gsub(/&lt;/, "<", s); gsub(/&gt;/, ">", s); gsub(/&quot;/, "\"", s); gsub(/&amp;/, "\\&", s); return s }
/^<h3>/ { n++; sql = sprintf("q%03d.sql", n); page = sprintf("q%03d.page", n); printf "" > sql; printf "" > page }
/^<pre>/ && n { sub(/^<pre>/, ""); in_sql = 1 }
in_sql { end = sub(/<\/pre>$/, ""); print plain($0) > sql; if (end) in_sql = 0; next }
/^<h2 id="(Left|All)/ { exit }
/<thead>/ && n && !done[n] { in_data = 1; next }
in_data && /^<tr>/ { gsub(/<\/td>$|<\/td><\/tr>$|<tr>/, ""); sub(/^<td[^>]*>/, ""); gsub(/<\/td><td[^>]*>/, "|"); print plain($0) > page }
/<\/tbody>/ { done[n] = 1; in_data = 0 }
X
number() { # as the page has them
    awk -F '|' -v OFS='|' '{ for (i = 1; i <= NF; i++) if ($i ~ /^-?[0-9.]+(e[+-]?[0-9]+)?$/) {
        v = $i + 0; $i = v == int(v) && v * v < 1e30 ? sprintf("%.0f", v) : sprintf("%.6g", v) } print }'
}
data_is_sql() { # PAGE DB
    rm -f q???.*
    awk -f data.awk "$1"
    local q want n=0
    for q in q???.sql; do
        sqlite3 -separator '|' -readonly "$2" < "$q" | number > got
        want=${q%.sql}.page
        [ -s "$want" ] || { echo "no data of $(head -3 "$q")"; return 1; }
        diff "$want" got > differ || { echo "$q:"; head -2 "$q"; head -6 differ; return 1; }
        n=$((n + 1))
    done
    echo "$n pictures"
}

# ---- a run that has nearly everything ----

cat > '<script>"&'\''.ini' << 'X'
; <script>alert("a comment")</script> & more
[run]
seed = 3
warmup = 2s
[gpu]
preset = gb200
[memory]
preset = gb200
tiers = all
[tier lpddr]
reserved = 470GB
[model]
preset = qwen3-coder-480b-a35b
[engine]
preset = vllm
[replica]
count = 2
tp = 4
dtype = fp8
kv_dtype = fp8
[cache]
prefix = yes
[prices]
preset = 2026q4
[workload]
preset = coding
arrivals = closed_loop
concurrency = 12
requests = 16
[agent coding]
steps = uniform
steps_low = 1
steps_high = 9
tasks = constant
tasks_tokens = 1
[class coding]
agent = coding
ttft = 2s
tpot = 40ms
[fault gone]
what = gpu
unit = 1
at = 40s
duration = 20s
X
check "a run with tiers, agents, faults and prices" 0 "" "$TIERSIM" run '<script>"&'\''.ini' -q -o all.db
check "report --html" 0 "" "$TIERSIM" report --html all.db -o all.html
check "well-formed" 0 "" well_formed all.html
check "needs nothing else, runs nothing" 0 "" offline all.html
check "what the file says is text" 0 "" has all.html '^<h1>Run: &lt;script&gt;&quot;&amp;'"'.ini</h1>"
check "so is a comment of the scenario" 0 "" has all.html '&lt;script&gt;alert(&quot;a comment&quot;)'
check "light and dark" 0 "" has all.html '@media screen and (prefers-color-scheme:dark){:root{'
check "print" 0 "" has all.html '@media print{'
sqlite3 all.db "SELECT '<td class=\"t\">' || name || '</td><td class=\"t\">' || unit || '</td><td>' || CASE approximate WHEN 1 THEN '~' ELSE '' END ||
    CASE WHEN value IS NULL THEN '' WHEN value = round(value) AND abs(value) < 1e15 THEN printf('%.0f', value) ELSE printf('%.6g', value) END || '</td>'
    FROM metric WHERE class IS NULL" > rows
metrics=$(wc -l < rows)
# One class: no columns of classes.
grep -oFf rows all.html | sort -u > found
check "each metric with its number" 0 "^$metrics\$" sh -c "sort -u rows | comm -12 - found | wc -l"
check "data of each picture are what its SQL gives" 0 "^[0-9]* pictures" data_is_sql all.html all.db
for picture in "Latencies by class" "What the time to first token is made of" "What the run costs" "What a task costs" "Requests over time" "Faults" \
    "Steps over time" "What the GPUs did" "Tiers over time" "Bandwidth over time" "Where prompts were found" "How latencies compound"; do
    check "picture: $picture" 0 "" has all.html "^<h3>$picture</h3>"
done
check "left out, and why" 0 "" has all.html "^<li>Replicas under autoscale: the scenario has no \[autoscale\]"
empty() { grep -E ' d=""|<svg class="plot"[^>]*></svg>|nan|inf[^a-z]' "$1" | grep -vE '^(&|;|#|\[|[a-z_ ]*=)|<td class="t">'; }
check "no empty picture, no number that is none" 1 "" empty all.html
check "to standard output" 0 "</html>" "$TIERSIM" report --html all.db -o -
check "the same page each time" 0 "" sh -c '"$0" report --html all.db -o again.html && cmp all.html again.html' "$TIERSIM"

# ---- steps longer than bins: nothing is lost, and no replica is in steps for more than all the time ----

cat > long.ini << 'X'
[run]
seed = 1
log = step
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
preset = vllm
[replica]
count = 2
cost = fixed
step_time = 30s
[workload]
arrivals = poisson
rate = 1/s
requests = 30
[class all]
input = constant
input_tokens = 100
output = constant
output_tokens = 6
X
check "steps of many bins" 0 "" "$TIERSIM" run long.ini -q -o long.db
check "... as a page" 0 "" "$TIERSIM" report --html long.db -o long.html
rm -f q???.*
awk -f data.awk long.html
steps=$(grep -l prompt_tokens_per_s q???.sql) requests=$(grep -l came_per_s q???.sql)
sum() { # COLUMN FILE: its sum over bins, in what it is a rate of
    awk -F '|' -v w="$(sqlite3 long.db 'SELECT (t_end_ns / 160 + 1) / 1e9 FROM run')" '{ n += $'"$1"' * w } END { printf "%.0f\n", n }' "$2"
}
is_equal() { [ "$1" = "$2" ] || { echo "$1, not $2"; return 1; }; }
check "... tokens of answers" 0 "" is_equal "$(sum 5 "${steps%.sql}.page")" "$(sqlite3 long.db 'SELECT sum(tokens_out) FROM step')"
check "... tokens of prompts" 0 "" is_equal "$(sum 4 "${steps%.sql}.page")" "$(sqlite3 long.db 'SELECT sum(prefill_tokens) FROM step')"
check "... time in steps" 0 "" is_equal "$(sum 7 "${steps%.sql}.page")" "$(sqlite3 long.db 'SELECT CAST(round(sum(t_end_ns - t_start_ns) / 2e9) AS INTEGER) FROM step')"
check "... at most all of it" 0 "" awk -F '|' '$7 > 1.000001 { exit 1 }' "${steps%.sql}.page"
check "... requests" 0 "" is_equal "$(sum 2 "${requests%.sql}.page")" "$(sqlite3 long.db 'SELECT count(*) FROM request')"
check "... time in the system" 0 "" is_equal "$(awk -F '|' -v OFS='|' '{ print $5 + $6 }' "${requests%.sql}.page" > system; sum 1 system)" \
    "$(sqlite3 long.db 'SELECT CAST(round(sum(t_end_ns - t_arrive_ns) / 1e9) AS INTEGER) FROM request')"

# ---- what is left out ----

"$TIERSIM" run "$srcdir/scenarios/quickstart.ini" -q -o summary.db -s run.log=summary -s workload.requests=300 > out
check "log = summary" 0 "" "$TIERSIM" report --html summary.db -o summary.html
check "... has its metrics" 0 "" has summary.html '<td class="t">p99_ttft_ms</td>'
check "... and no picture" 1 "" grep '<svg class="plot"' summary.html
check "... says why" 0 "" has summary.html "<li>Latencies by class: run.log = summary keeps no requests"
check "... is well-formed" 0 "" well_formed summary.html
check "no time for a query" 0 "" "$TIERSIM" report --html all.db -o late.html --timeout 1e-9
check "... says so" 0 "" has late.html "<li>Steps over time: .*(--timeout)\|took too long"
check "... and is well-formed" 0 "" well_formed late.html

# ---- options ----

check "the page is not replaced" 2 "exists (--force replaces it)" "$TIERSIM" report --html all.db -o all.html
check "... but with --force" 0 "" "$TIERSIM" report --html all.db -o all.html --force
check "no -o" 2 "want -o" "$TIERSIM" report --html all.db
check "one form" 2 "without --json" "$TIERSIM" report --html --json all.db -o x.html
check "a bad --timeout" 2 "wants seconds" "$TIERSIM" report --html all.db -o x.html --timeout soon
check "nowhere to write" 74 "cannot be written" "$TIERSIM" report --html all.db -o no/x.html
[ ! -w /dev/full ] || check "a full disk" 74 "cannot write" sh -c '"$0" report --html all.db -o - > /dev/full' "$TIERSIM"
check "text to a file" 0 "" sh -c '"$0" report all.db -o all.txt && grep -q Verdict: all.txt' "$TIERSIM"

# ---- files made to deceive ----

cp all.db view.db
sqlite3 view.db "DROP VIEW v_tier; CREATE VIEW v_tier AS SELECT 1; DROP VIEW v_kv_breakdown; CREATE VIEW v_kv_breakdown AS
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n; DROP VIEW v_latency; CREATE VIEW v_latency AS SELECT 2"
check "its views are not asked" 0 "" sh -c '"$0" report --html view.db -o view.html && sed s/view.db/all.db/ view.html | cmp - all.html' "$TIERSIM"
cp all.db table.db
sqlite3 table.db "ALTER TABLE port_sample RENAME TO p; CREATE VIEW port_sample AS SELECT * FROM p"
check "a view in a table's place" 74 "its table port_sample is not as this program writes it" "$TIERSIM" report --html table.db -o x.html
check "... leaves no page" 1 "" test -e x.html
cp all.db column.db
sqlite3 column.db "ALTER TABLE room_sample ADD COLUMN more INT GENERATED ALWAYS AS (zeroblob(1e9)) VIRTUAL"
check "a table with a generated column" 74 "its table room_sample is not\|a column that cannot be" "$TIERSIM" report --html column.db -o x.html
cp all.db text.db
sqlite3 text.db "UPDATE class SET name = '</svg><script>' || char(1) || CAST(x'c3' AS TEXT) || '&'; UPDATE metric SET name = '</td><b onclick=x>' WHERE name = 'completed';
    UPDATE metric SET unit = '\"' WHERE name = 'steps'; UPDATE move_kind SET name = '\"],[' WHERE id = 0; UPDATE run SET message = '<i>', status = 'failed', resolved = '</pre>'"
check "text of strangers" 0 "" "$TIERSIM" report --html text.db -o text.html
check "... well-formed" 0 "" well_formed text.html
check "... harmless" 0 "" offline text.html
check "no results file" 74 "is no results file" sh -c 'echo > n.db; "$0" report --html n.db -o x.html' "$TIERSIM"

# ---- a study ----

cat > points.ini << 'X'
[workload]
rate = ${rate=4/s,8/s,16/s}
[replica]
count = ${n=1,2}
[prices]
preset = 2026q4
[sweep]
repeat = 2
X
cp "$srcdir/scenarios/quickstart.ini" base.ini
{ echo "extends base.ini"; cat points.ini; } > study.ini
check "a sweep" 0 "" "$TIERSIM" sweep study.ini -o study.db -s workload.requests=60 -s run.warmup=0s
check "report --html of it" 0 "" "$TIERSIM" report --html study.db -o study.html
check "well-formed" 0 "" well_formed study.html
check "needs nothing else" 0 "" offline study.html
check "data are what the SQL gives" 0 "^[0-9]* pictures" data_is_sql study.html study.db
for picture in "Against what was varied" "Cost against what was varied" "What a user gets against what a GPU gives" "What a user gets against what it costs" "All points"; do
    check "picture: $picture" 0 "" has study.html "^<h3>$picture</h3>"
done
check "the swept parameter is the axis" 0 "" has study.html ">rate</text>"
check "no empty picture" 1 "" empty study.html
on_front=$(sqlite3 study.db "WITH p AS (SELECT param_set, 1e3 / max(CASE name WHEN 'mean_tpot_ms' THEN mean END) AS x, max(CASE name WHEN 'output_throughput_per_gpu' THEN mean END) AS y
    FROM v_point WHERE class IS NULL GROUP BY param_set) SELECT count(*) FROM p WHERE x IS NOT NULL AND NOT EXISTS (SELECT 1 FROM p q WHERE q.x >= p.x AND q.y >= p.y AND (q.x > p.x OR q.y > p.y))")
front=$(sed -n '/<h3>What a user gets against what a GPU gives/,/<\/details>/p' study.html | grep -c '^<tr><td class="t">front</td>')
check "no point of the front is dominated, and all such are in it" 0 "" is_equal "$front" "$on_front"

exit $failed
