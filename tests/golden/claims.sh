# shellcheck shell=bash
# claims.sh - sourced by the scripts of golden tables: lines of "SCENARIO POLICY METRIC VALUE" that say what each policy
# does in a few scenarios, and claims on who wins and who loses where. Needs TIERSIM (the program) and srcdir (the top of
# the source tree) from the environment. Gives the folders golden and scratch; sets failed.
golden=${srcdir:?the top of the source tree}/tests/golden
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
claimed=()

# compare NAME [--update]: $scratch/table with NAME.txt; or shows the difference and takes it.
compare() {
    if [ "${2:-}" = --update ]; then
        diff -u "$golden/$1.txt" "$scratch/table" || true
        cp "$scratch/table" "$golden/$1.txt"
    elif diff -u "$golden/$1.txt" "$scratch/table" > "$scratch/diff"; then
        echo "ok - golden $1"
    else
        echo "not ok - golden $1 (a change that moves results: make golden-update, and say MODEL: in ChangeLog)"
        head -20 "$scratch/diff" | sed 's/^/# /'
        failed=1
    fi
}

# claim POLICY wins|loses METRIC SCENARIO: no other is better, or worse, and one is the other way.
claim() {
    claimed+=("$1 $2 ")
    awk -v policy="$1" -v how="$2" -v metric="$3" -v scenario="$4" '
        $1 == scenario && $3 == metric { value[$2] = $4 }
        END {
            rises = metric ~ /throughput|attainment|goodput|hurry|completed|fairness|hit_share/
            most = rises == (how == "wins") # of the values, the greatest is wanted
            for (p in value) {
                beaten += p != policy && (most ? value[p] > value[policy] : value[p] < value[policy])
                beats += most ? value[p] < value[policy] : value[p] > value[policy]
            }
            exit !(policy in value && beaten == 0 && beats > 0)
        }' "$scratch/table" || {
        echo "not ok - $1 $2 in $3, scenario $4"
        failed=1
        return
    }
    echo "ok - $1 $2 in $3, scenario $4"
}

# covered SECTION.KEY: of each policy that the key takes, or of a way in which it works (NAME_WAY), a win and a loss were
# claimed.
covered() {
    local name how missing="" n=0
    while read -r name; do
        n=$((n + 1))
        for how in wins loses; do
            [[ " ${claimed[*]} " =~ \ "$name"(_[a-z]+)?\ $how\  ]] || missing+=", $name $how"
        done
    done < <("$TIERSIM" explain "$1" | sed -n 's/.*takes: one of //p' | sed 's/, /\n/g')
    if [ -z "$missing" ] && [ $n -gt 1 ]; then
        echo "ok - $1: each of the $n wins somewhere and loses somewhere"
    else
        echo "not ok - $1: of $n, no scenario in which${missing#,}"
        failed=1
    fi
}
