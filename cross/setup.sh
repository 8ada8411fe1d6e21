#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: cross/setup.sh
# Installs what building and testing for every CPU needs, in pinned versions where the recipe
# depends on it; what is there already is left alone, so running it again costs a second.
#
#   from Debian 12  qemu (needs root), squashfs-tools, binutils, …
#   from rustup     the sources of std and llvm-tools
#   from PyPI       zig and cargo-zigbuild, in a virtual environment of their own below
#                   $NETVITALS_CROSS (default: ~/.cache/netvitals-cross)
#   from crates.io  the crates of Cargo.lock and of std
set -euo pipefail
# shellcheck source=cross/env.sh
. "$(dirname "$0")/env.sh"
help_if_asked "$@"

packages=(binutils cpio musl python3-venv qemu-system-mips qemu-user-static shellcheck
    squashfs-tools)

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $status == installed ]] || missing+=("$package")
done
if ((${#missing[@]})); then
    install=(apt-get install -qqy --no-install-recommends "${missing[@]}")
    [[ $(id -u) == 0 ]] || die "run as root once: ${install[*]}"
    export DEBIAN_FRONTEND=noninteractive
    download "Debian's package lists" apt-get update -qq
    download "Debian packages ${missing[*]}" "${install[@]}"
fi

rustc --version >/dev/null 2>&1 ||
    download "Rust $rust" rustup toolchain install "$rust" --profile minimal
for component in rust-src llvm-tools; do
    [[ $(rustup component list --installed) == *"$component"* ]] ||
        download "Rust component $component" rustup component add "$component"
done
# The feed links dynamically, with the std that rustup ships.
[[ $(rustup target list --installed) == *x86_64-unknown-linux-musl* ]] ||
    download "Rust target x86_64-unknown-linux-musl" rustup target add x86_64-unknown-linux-musl

[[ -x $venv/bin/python3 ]] || python3 -m venv "$venv"
[[ -x $venv/bin/cargo-zigbuild && $("$venv/bin/python3" -m ziglang version) == "$zig" ]] ||
    download "Python wheels ziglang $zig, cargo-zigbuild $zigbuild" \
        "$venv/bin/pip" install -q "ziglang==$zig" "cargo-zigbuild==$zigbuild"

std=$(rustc --print sysroot)/lib/rustlib/src/rust/library
for manifest in Cargo.toml tests/board/Cargo.toml "$std/Cargo.toml"; do
    RUSTC_BOOTSTRAP=1 download "crates of $manifest" \
        cargo fetch -q --locked --manifest-path "$manifest"
done
echo "setup.sh: all there"
