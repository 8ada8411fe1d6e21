#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: cross/reproducible.sh TARGET [http|full]
# Builds the sources as they are here in two other directories, of different depth and with nothing
# in common, and fails unless both give the same bytes.
set -euo pipefail
# shellcheck source=cross/env.sh
. "$(dirname "$0")/env.sh"
help_if_asked "$@"

read_target "${1-}"
features=${2-full}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for place in one a/much/deeper/place; do
    mkdir -p "$work/$place"
    git ls-files -z --cached --others --exclude-standard | tar -c --null -T - |
        tar -xC "$work/$place"
    XDG_CACHE_HOME=$work/$place/cache NETVITALS_CROSS=$cache CARGO_TARGET_DIR=$work/$place/target \
        "$work/$place/cross/build.sh" "$name" --features "$features"
done
cd "$work"
sha256sum one/dist/netvitals-* a/much/deeper/place/dist/netvitals-*
cmp one/dist/netvitals-* a/much/deeper/place/dist/netvitals-* ||
    die "$name $features: the bytes depend on the directory"
echo "reproducible.sh: $name $features: the same bytes"
