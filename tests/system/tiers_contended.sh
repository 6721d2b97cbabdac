#!/usr/bin/env bash
# tiers_contended.sh - scenarios/tiers-contended.ini: KV of running sequences in LPDDR makes decode slower, and the report names the
# hop: C2C. What it says steps lost, against the views, against each step's time less what its parts would have taken alone, and
# from the rows of a file that was cut off. Sizes that are keys of the tiers. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
. "$srcdir/tests/check.sh"
cd "$scratch" || exit 1
scenario=$srcdir/scenarios/tiers-contended.ini

ok() { # NAME CONDITION-AS-0-OR-1 DETAIL
    if [ "$2" = 1 ]; then
        echo "ok - contended: $1"
    else
        echo "not ok - contended: $1 ($3)"
        failed=1
    fi
}
run() { # FILE OPTION...
    local file=$1
    shift
    "$TIERSIM" run "$scenario" -o "$file.db" --force "$@" > "$file.txt" 2> err || {
        echo "not ok - contended: $* runs: $(head -1 err)"
        exit 1
    }
}
metric() { # FILE NAME
    sqlite3 "$1.db" "SELECT value FROM metric WHERE name = '$2' AND class IS NULL"
}
top_hop() { # FILE: the first line below the contention of ITL
    sed -n '/^Contention in mean ITL/ { n; s/^  \(.*\) (ms):.*/\1/p; }' "$1.txt"
}

# With and without the offload. Noise: how far three seeds lie apart.
for seed in 1 2 3; do
    for offload in lpddr none; do
        run $offload -s cache.overflow=$offload -s run.seed=$seed -s run.log=summary
        echo "$offload $(metric $offload mean_tpot_ms) $(metric $offload mean_ttft_ms) $(metric $offload itl_contention_ms)" >> seeds
    done
done
read -r on off far ttft_on ttft_off lost < <(awk '{ n[$1]++; t[$1] += $2; q[$1] += $2 * $2; f[$1] += $3; c[$1] += $4 }
    END { on = t["lpddr"] / 3; off = t["none"] / 3; v = (q["lpddr"] + q["none"]) / 2 - 1.5 * (on * on + off * off)
          printf "%.1f %.1f %d %.2f %.2f %.1f\n", on, off, (on - off > 10 * sqrt(v)), f["lpddr"] / 3e3, f["none"] / 3e3, c["lpddr"] / 3 }' seeds)
ok "TPOT is $on ms with the offload, $off ms without: more than ten standard deviations apart" "$far" "$(cat seeds)"
ok "TTFT is $ttft_on s with it, $ttft_off s without: that is what it buys" "$(awk -v a="$ttft_on" -v b="$ttft_off" 'BEGIN { print (20 * a < b) }')" ""
ok "contention takes $lost ms a token, more than a third of the difference" "$(awk -v a="$on" -v b="$off" -v c="$lost" 'BEGIN { print (3 * c > a - b) }')" ""
ok "without the offload it takes none" "$(awk '$1 == "none" && $4 > 0.05 { bad = 1 } END { print !bad }' seeds)" "$(cat seeds)"

run on
run off -s cache.overflow=none
ok "the report names the hop" "$([ "$(top_hop on)" = "expert at c2c.up, by read" ] && echo 1)" "$(top_hop on)"
ok "... and none without the offload" "$([ -z "$(top_hop off)" ] && echo 1)" "$(top_hop off)"
ok "the report's figure is the metric's" \
    "$([ "$(sed -n 's/^Contention in mean ITL (ms): *//p' on.txt)" = "$(printf %.2f "$(metric on itl_contention_ms)")" ] && echo 1)" "$(grep ITL on.txt)"
# C2C at the 900 GB/s of both directions together, were they one: then LPDDR is the narrower.
run wide -s "link c2c.to_gpu=900GB/s" -s run.log=summary
ok "with a wider C2C the hop is LPDDR" "$([ "$(top_hop wide)" = "expert at lpddr, by read" ] && echo 1)" "$(top_hop wide)"
ok "... and tokens lose less there" "$(awk -v a="$(metric wide itl_contention_ms)" -v b="$(metric on itl_contention_ms)" 'BEGIN { print (a < b) }')" ""

# Here a step is its own work, then one fetch of experts, and beside both one read of KV: each found by its start. Own work that was
# slowed says by how much when it ends, which is when the fetch begins.
read -r steps mean by_hand < <(sqlite3 -separator ' ' on.db "
    CREATE TEMP TABLE kind AS SELECT (SELECT id FROM move_kind WHERE name = 'step') AS step, (SELECT id FROM move_kind WHERE name = 'read') AS read,
        (SELECT id FROM move_kind WHERE name = 'expert') AS expert;
    CREATE TEMP TABLE kv AS SELECT t_start_ns AS t, solo_ns, t_end_ns FROM transfer, kind WHERE transfer.kind = read;
    CREATE TEMP TABLE fetch AS SELECT t_end_ns AS t, t_start_ns, solo_ns FROM transfer, kind WHERE transfer.kind = expert ORDER BY t;
    CREATE TEMP TABLE own AS SELECT t_ns AS t, sum(lost_ns) AS ns FROM contention, kind WHERE contention.kind = step GROUP BY t_ns;
    CREATE INDEX kv_t ON kv(t); CREATE INDEX fetch_t ON fetch(t_start_ns); CREATE INDEX own_t ON own(t);
    SELECT count(*), avg(took), printf('%.12g', sum(n * (took - max(coalesce(beside, 0), own_took - own_lost + after))) / sum(n) / 1e6)
    FROM (SELECT 1.0 * s.n_decode AS n, s.t_end_ns - s.t_start_ns AS took, kv.solo_ns AS beside, f.solo_ns AS after,
                 f.t_start_ns - s.t_start_ns AS own_took, coalesce(own.ns, 0) AS own_lost
          FROM run u, step s JOIN fetch f ON f.t_start_ns > s.t_start_ns AND f.t_start_ns < s.t_end_ns LEFT JOIN kv ON kv.t = s.t_start_ns
          LEFT JOIN own ON own.t = f.t_start_ns WHERE s.n_decode > 0 AND s.t_start_ns >= u.warmup_ns)")
ok "each step's time less what its parts take alone: $by_hand ms a token, in $steps steps" \
    "$(awk -v a="$by_hand" -v b="$(metric on itl_contention_ms)" -v n="$steps" 'BEGIN { print (n > 8000 && (a - b) ^ 2 < 1e-16 * b * b) }')" \
    "$(metric on itl_contention_ms), mean step $mean"
ok "all steps that decode were looked at" "$(sqlite3 on.db "SELECT count(*) = $steps FROM run, step WHERE n_decode > 0 AND t_start_ns >= warmup_ns")" "$steps"
ok "v_step_contention: the same at each hop" "$(sqlite3 on.db "SELECT count(*) > 2 AND max(abs(m.value - v.ms) / m.value) < 1e-9 FROM metric m LEFT JOIN
    (SELECT 'itl_contention_ms/' || kind || '/' || port || '/' || by_kind AS name, sum(1.0 * n_decode * lost_ns) / 1e6 /
        (SELECT sum(n_decode) FROM run, step WHERE t_start_ns >= warmup_ns) AS ms FROM v_step_contention WHERE counted GROUP BY 1) v ON v.name = m.name
    WHERE m.name GLOB 'itl_contention_ms/*'")" "$(metric on itl_contention_ms)"
ok "v_contention: what experts lost is their time beyond that alone" "$(sqlite3 on.db "SELECT abs(lost - (SELECT sum(x.t_end_ns - x.t_start_ns - solo_ns)
        FROM run, transfer x WHERE kind = (SELECT id FROM move_kind WHERE name = 'expert') AND x.t_end_ns >= warmup_ns)) < 3 * times
    FROM (SELECT sum(lost_ns) AS lost, sum(times) AS times FROM v_contention WHERE kind = 'expert')")" "$(sqlite3 on.db "SELECT * FROM v_contention")"
ok "v_contention: no less than steps ended later for, hop by hop" "$(sqlite3 on.db "SELECT count(*) > 2 AND min(c.lost_ns >= s.ns * (1 - 1e-9)) FROM
    (SELECT kind, port, by_kind, sum(lost_ns) AS ns FROM v_step_contention x, run WHERE x.t_end_ns >= warmup_ns GROUP BY 1, 2, 3) s
    LEFT JOIN v_contention c USING (kind, port, by_kind)")" ""
ok "v_contention: reads lost time, too, that no token waited for" "$(sqlite3 on.db "SELECT c.lost_ns > 100 * (SELECT total(lost_ns)
    FROM v_step_contention WHERE kind = 'read') FROM v_contention c WHERE kind = 'read' AND port = 'c2c.up' AND by_kind = 'expert'")" ""
ok "conservation" "$(sqlite3 on.db "SELECT count(*) > 20 AND min(ok) FROM v_conservation")" "$(sqlite3 on.db "SELECT * FROM v_conservation WHERE NOT ok")"

# The same from the rows; and rows of a replica that is none.
cp on.db cut.db.part
sqlite3 cut.db.part "DELETE FROM metric; DELETE FROM counter; UPDATE run SET status = 'running', t_end_ns = NULL"
"$TIERSIM" report cut.db.part --json > cut.json
ok "a file that was cut off: the same from its rows" "$(sqlite3 on.db "SELECT count(*) > 3 AND sum(abs(m.value - json_extract(j.value, '\$')) < 1e-9 * m.value) = count(*)
    FROM metric m LEFT JOIN json_each(CAST(readfile('cut.json') AS TEXT)) j ON j.key = m.name WHERE m.name GLOB 'itl_contention*' OR m.name = 'steps_slowed_share'")" ""
for table in step transfer contention; do
    cp cut.db.part bad.db.part
    sqlite3 bad.db.part "UPDATE $table SET replica = 5000000000 WHERE rowid = 7"
    check "deceived: a replica that is none, in $table" 74 "damaged: row [0-9]* of table $table" "$TIERSIM" report bad.db.part
done

# A unit of LPDDR is of one GPU in four: a terabyte more of the replica's lacks 250 GB more in each.
lacks() { # SIZE: whole GB that a unit is too small
    "$TIERSIM" check "$scenario" -s "cache.overflow_size=$1" 2>&1 | sed -n 's/.* a unit is \([0-9.]*\) GB too small.*/\1/p'
}
ok "overflow_size: 2 TB and 3 TB lack 250 GB apart" "$(awk -v a="$(lacks 2TB)" -v b="$(lacks 3TB)" 'BEGIN { print (a > 0 && (b - a - 250) ^ 2 < 4) }')" "$(lacks 2TB) $(lacks 3TB)"
exit $failed
