#!/bin/bash
# layers.sh - folders of src/ are layers: each includes only itself and folders to its left.
#
#   base -> engine, trace, conf -> policy -> scenario, workload -> model -> src/*.c
#   base -> trace -> store -> report -> src/*.c
#   all of them -> study -> src/*.c
#
# Tighter than the order demands: a policy decides and cannot act, so policy/ sees neither engine/ nor trace/;
# engine/ knows nothing of what is simulated, and conf/ nothing of runs.
set -euo pipefail
LC_ALL=C
export LC_ALL
src=${srcdir:-.}/src

declare -A may=(
    [base]="base"
    [engine]="base engine"
    [trace]="base trace"
    [conf]="base conf"
    [policy]="base conf policy"
    [scenario]="base engine trace conf policy scenario"
    [workload]="base engine trace conf policy scenario workload"
    [model]="base engine trace conf policy scenario workload model"
    [store]="base trace store"
    [report]="base trace store report"
    [study]="base engine trace conf policy scenario workload model store report study"
)

plain='^[[:space:]]*#[[:space:]]*include[[:space:]]*(<[^<>"]+>|"[^"]+")'

# violations LAYER: reads FILE:LINE:TEXT of lines with #include, prints those that the layer must not have.
violations() {
    local layer=$1 place number text target folder
    while IFS=: read -r place number text; do
        if ! [[ $text =~ $plain ]]; then
            echo "$place:$number: an include that this check cannot read: $text"
            continue
        fi
        target=${BASH_REMATCH[1]}
        case $target in
        '<'*) # the system's, unless it is ours by way of -Isrc
            target=${target:1:-1}
            [ -e "$src/$target" ] || continue
            ;;
        *) target=${target:1:-1} ;;
        esac
        folder=${target%%/*}
        case $target in
        config.h) continue ;;
        ../* | ./*) ;;
        */*)
            case " ${may[$layer]} " in
            *" $folder "*) continue ;;
            esac
            ;;
        esac
        echo "$place:$number: $layer/ must not include \"$target\" (may: ${may[$layer]}; written \"folder/file.h\")"
    done
}

bad=0
# A check that cannot see a wrong include is worth nothing.
wrong=$(violations policy <<'X'
policy/a.c:1:#include "base/err.h"
policy/a.c:2:#include "model/world.h"
policy/a.c:3:#include "../model/world.h"
policy/a.c:4:#include "world.h"
policy/a.c:5:#include <model/world.h>
policy/a.c:6:#include <stdio.h>
policy/a.c:7:#include WORLD
policy/a.c:8:/* the world */ #include "model/world.h"
policy/a.c:9:#include \\
X
)
if [ "$(wc -l <<<"$wrong")" -eq 7 ]; then
    echo "ok - layers.sh sees wrong includes"
else
    echo "not ok - layers.sh sees wrong includes: found \"$wrong\""
    bad=1
fi

for folder in "$src"/*/; do
    layer=$(basename "$folder")
    if [ -z "${may[$layer]:-}" ]; then
        echo "not ok - src/$layer: a folder that ${0##*/} does not know; give it its place in the order"
        bad=1
        continue
    fi
    lines=$(grep -rnE '#[[:space:]]*include|%:[[:space:]]*include' "$folder" || true)
    found=
    [ -z "$lines" ] || found=$(violations "$layer" <<<"$lines")
    if [ -n "$found" ]; then
        echo "$found"
        echo "not ok - src/$layer includes only ${may[$layer]}"
        bad=1
    elif [ -z "$lines" ] && [ "$layer" != base ]; then
        echo "not ok - src/$layer: no include found, so nothing was checked"
        bad=1
    else
        echo "ok - src/$layer includes only ${may[$layer]}"
    fi
done
exit $bad
