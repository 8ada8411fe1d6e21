#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The integration lab: run.sh [PART[=ARGUMENT]…], all parts by default (kill=100 kills 100 times).
# Starts a real OpenSearch and Elasticsearch on loopback when a part needs them, runs the parts in
# two lanes (those with servers, those with stubs or a server of their own), then what measures, and
# prints a table.
# Exit status 1 when a check failed. Needs bash, python3, curl, openssl, a JDK 11 to 17, Maven;
# for `rabbit` apt, as root, or RabbitMQ and Debian's pika.
# Environment: NETVITALS_BIN (the program; else this tree is built), NETVITALS_LAB (folder for the
# downloaded servers), NETVITALS_LAB_OUT (keeps what the parts printed).
set -euo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
served=(answers lines typed agent kill)
stubbed=(api hostile spool names memory rabbit)
alone=(throughput)
out=${NETVITALS_LAB_OUT:-$work/out}
mkdir -p "$out"
wanted=("$@")
[ $# -gt 0 ] || wanted=("${served[@]}" "${stubbed[@]}" "${alone[@]}")
for part in "${wanted[@]}"; do
    case " ${served[*]} ${stubbed[*]} ${alone[*]} " in
        *" ${part%%=*} "*) ;;
        *)
            echo "no part ${part%%=*}; there are ${served[*]} ${stubbed[*]} ${alone[*]}" >&2
            exit 2
            ;;
    esac
done

# Prints those of the wanted parts that belong to the lane.
in_lane() {
    local part
    for part in "${wanted[@]}"; do
        [[ " $* " != *" ${part%%=*} "* ]] || echo "$part"
    done
}

# lane PART…: one after the other; minutes and last line of each in $out/PART.result.
lane() {
    local part name began argument child=
    trap 'kill "$child" 2>/dev/null; exit 143' TERM
    for part in "$@"; do
        name=${part%%=*}
        argument=()
        [ "$name" = "$part" ] || argument=("${part#*=}")
        began=$(date +%s)
        "$lab/$name.sh" "${argument[@]}" >"$out/$name.log" 2>&1 &
        child=$!
        wait "$child" || :
        awk -v seconds=$(($(date +%s) - began)) -v name="$part" -v last="$(tail -1 \
            "$out/$name.log")" 'BEGIN { printf "%5.1f  %-11s %s\n", seconds / 60, name, last }' \
            >"$out/$name.result"
        {
            printf '\n==== %s\n' "$part"
            cat "$out/$name.log"
        } >&3
    done
}

install_missing() {
    local packages=()
    command -v javac >/dev/null || packages+=(openjdk-17-jdk-headless)
    command -v mvn >/dev/null || packages+=(maven)
    command -v curl >/dev/null || packages+=(curl)
    command -v openssl >/dev/null || packages+=(openssl)
    command -v python3 >/dev/null || packages+=(python3)
    [ ${#packages[@]} = 0 ] && return
    [ "$(id -u)" = 0 ] || {
        echo "missing: apt-get install ${packages[*]}" >&2
        exit 1
    }
    try_thrice "package lists" apt-get update -q
    try_thrice "${packages[*]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
        --no-install-recommends "${packages[@]}"
}

mapfile -t first < <(in_lane "${served[@]}")
mapfile -t second < <(in_lane "${stubbed[@]}")
mapfile -t third < <(in_lane "${alone[@]}")
# shellcheck source=tests/lab/jvm.sh
. "$lab/jvm.sh"
install_missing
need_program
export NETVITALS_BIN=$nv
if [ $((${#first[@]} + ${#third[@]})) -gt 0 ]; then
    "$lab/opensearch.sh" fetch
    opensearch
    export LAB_OPENSEARCH=$os_dir
fi
if [[ " ${wanted[*]} " == *" typed "* ]]; then
    "$lab/elasticsearch.sh" fetch
    elasticsearch
    export LAB_ELASTICSEARCH=$es_dir
fi
exec 3>&1
lane "${second[@]}" &
lanes=("$!")
lane "${first[@]}" &
lanes+=("$!")
pids+=("${lanes[@]}")
wait "${lanes[@]}"
lane "${third[@]}" &
pids+=("$!")
wait "$!"

printf '\nminutes\n'
for part in "${wanted[@]}"; do
    cat "$out/${part%%=*}.result"
done
ends_well() { tail -1 "$1" | grep -q ' passed, 0 failed$'; }
for part in "${wanted[@]}"; do
    if ends_well "$out/${part%%=*}.log"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
echo "parts:"
finish
