#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: cross/feed.sh
# Builds and tests netvitals the way OpenWrt's own package feed would: `cargo install --locked`,
# linked dynamically with musl, panics that unwind, checked arithmetic; for x86_64, with the std
# that rustup ships.
set -euo pipefail
# shellcheck source=cross/env.sh
. "$(dirname "$0")/env.sh"
help_if_asked "$@"

read_target x86_64
need_setup
export CARGO_TARGET_DIR=$target_dir-feed
# lang/rust/rust-values.mk of the feed; without -dynamic zig would link statically.
export RUSTFLAGS="-C target-feature=-crt-static -C link-arg=-dynamic -C link-self-contained=no"
export CARGO_PROFILE_RELEASE_PANIC=unwind CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true
feed=$CARGO_TARGET_DIR/installed

cargo-zigbuild install --locked --target "$triple" --features full --path . --root "$feed" --force
cargo-zigbuild test --locked --target "$triple" --features full --release
cross/conformance.py "$feed/bin/netvitals"

needed=$(readelf -dW "$feed/bin/netvitals" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | xargs)
[[ $needed == libc.so ]] || die "the binary needs '$needed', the feed's has libc.so alone"
echo "feed.sh: $(stat -c %s "$feed/bin/netvitals") bytes, needs $needed"
