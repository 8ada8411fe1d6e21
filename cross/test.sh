#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: cross/test.sh TARGET… | all
# Runs the unit tests on each CPU, and netmon of dist/netvitals-TARGET-full on the pairs of
# tests/conformance (cross/build.sh makes the binary). qemu-user plays the CPU; it knows no packet
# sockets and no bpf(2): cross/vm-test.sh has those.
set -euo pipefail
# shellcheck source=cross/env.sh
. "$(dirname "$0")/env.sh"
help_if_asked "$@"

(($#)) || die "which target? 'all', or of: $(target_names | xargs)"
targets=("$@")
[[ $1 != all ]] || mapfile -t targets < <(target_names)
need_setup

for target in "${targets[@]}"; do
    read_target "$target"
    binary=dist/netvitals-$name-full
    [[ -x $binary ]] || die "$binary is missing; run cross/build.sh $name --features full"
    echo "== $name: $(runner)"
    export "CARGO_TARGET_$(tr a-z- A-Z_ <<<"$triple")_RUNNER=$(runner)"
    # The harness wants unwinding: a std of its own, so a directory of its own. Optimised a little,
    # the generated tests take seconds in qemu, not a minute.
    CARGO_PROFILE_DEV_OPT_LEVEL=1 cross_cargo std,panic_unwind,test test --target "$triple" \
        --target-dir "$target_dir-test" --features full --lib -q
    # shellcheck disable=SC2046 # the runner is several words
    cross/conformance.py $(runner) "$binary"
    # shellcheck disable=SC2046
    cross/delivery.py $(runner) "$binary"
done
