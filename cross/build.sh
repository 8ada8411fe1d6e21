#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: cross/build.sh TARGET… | all [--features http|full] [--profile release|server]
# Builds static binaries into dist/, writes their sums to dist/SHA256SUMS and prints a table of what
# they are, may be, and take of a router's flash (squashfs with xz in blocks of 256 KiB, as OpenWrt
# makes it), in bytes. Without --features both sets are built.
#
# Fails when a binary breaks its budget (cross/targets.txt; --profile release only), is not static,
# needs an FPU where there may be none, or names a directory of this machine.
set -euo pipefail
# shellcheck source=cross/env.sh
. "$(dirname "$0")/env.sh"
help_if_asked "$@"

targets=() sets="http full" profile=release
while (($#)); do
    case $1 in
        --features) sets=${2-} && shift ;;
        --profile) profile=${2-} && shift ;;
        all) mapfile -t targets < <(target_names) ;;
        *) targets+=("$1") ;;
    esac
    shift
done
((${#targets[@]})) || die "which target? 'all', or of: $(target_names | xargs)"
[[ $sets =~ ^(http|full|http full)$ ]] || die "--features is http or full, not '$sets'"
[[ $profile =~ ^(release|server)$ ]] || die "--profile is release or server, not '$profile'"
for target in "${targets[@]}"; do read_target "$target"; done
need_setup

# The bytes that file $1 takes in a squashfs, its entry in the directory included.
bytes_in_flash() {
    local image
    image=$(mktemp -d)
    cp "$1" "$image/file"
    mksquashfs "$image/file" "$image/squashfs" -comp xz -b 256K -nopad -all-root -all-time 0 \
        -mkfs-time 0 -no-progress -quiet >/dev/null
    stat -c %s "$image/squashfs"
    rm -r "$image"
}

# Prints all that is wrong with the binary $1 of at most $2 bytes (empty: any), a line each.
faults() {
    local binary=$1 bytes_max=$2 elf bytes place
    bytes=$(stat -c %s "$binary")
    elf=$(readelf -hldAW "$binary")
    [[ -z $bytes_max || $bytes -le $bytes_max ]] || echo "$bytes bytes, the budget is $bytes_max"
    [[ $elf != *INTERP* ]] || echo "is not static: asks for a loader (INTERP)"
    [[ $elf != *"(NEEDED)"* ]] || echo "is not static: needs shared libraries (NEEDED)"
    [[ $elf == *"There is no dynamic section"* ]] || echo "is not static: has a dynamic section"
    case $name in
        mips*) [[ $elf == *"FP ABI: Soft float"* ]] || echo "is not soft-float" ;;
        armv5te)
            [[ $elf == *"soft-float ABI"* && $elf != *Tag_FP_arch* ]] || echo "is not soft-float"
            [[ $elf == *"Tag_CPU_arch: v5TE"* ]] || echo "is not for ARMv5TE"
            ;;
    esac
    local places=("$root" "$target_dir" "$cache" "$sysroot" "${CARGO_HOME:-$HOME/.cargo}" "$HOME/")
    for place in "${places[@]}"; do
        if grep -qaF "$place" "$binary"; then echo "names a directory of this machine: $place"; fi
    done
}

mkdir -p dist
table="| binary | bytes | budget | in flash |
|---|--:|--:|--:|"
wrong=
for target in "${targets[@]}"; do
    read_target "$target"
    for set in $sets; do
        file=netvitals-$name-$set budget=${set}_max
        budget=${!budget}
        [[ $profile == release ]] || { file+=-$profile && budget=; }
        rm -f "dist/$file"
        built=$(build_static "$profile" . "$set") || {
            wrong+="build.sh: $file: does not compile, see above\n"
            continue
        }
        cp "$built" "dist/$file"
        table+="
| $file | $(stat -c %s "dist/$file") | ${budget:-–} | $(bytes_in_flash "dist/$file") |"
        wrong+=$(faults "dist/$file" "$budget" | sed "s|^|build.sh: $file: |; \$ s|\$|\\\\n|")
    done
done
(cd dist && find . -maxdepth 1 -name 'netvitals-*' -printf '%f\0' | sort -z |
    xargs -0r sha256sum >SHA256SUMS)
echo "$table"
[[ -z $wrong ]] || { printf '%b' "$wrong" >&2 && exit 1; }
