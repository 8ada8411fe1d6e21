# shellcheck shell=bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What the scripts of cross/ have in common: the pinned versions, the flags, the table of targets.
# It is sourced, not run.

rust=1.95.0     # pinned: building std from source is not a stable feature
zig=0.15.2      # linker, libc and C compiler of every target; 0.17.0 does not link for mips
zigbuild=0.24.0 # makes cargo use zig

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${NETVITALS_CROSS:-${XDG_CACHE_HOME:-$HOME/.cache}/netvitals-cross}
venv=$cache/zig-$zig-zigbuild-$zigbuild
target_dir=${CARGO_TARGET_DIR:-$root/target}/cross
shopt -s inherit_errexit # a failure inside $(…) is a failure
cd "$root" || exit

# A toolchain of that version serves whatever its name is.
[[ $(rustc --version 2>/dev/null) == "rustc $rust "* ]] || export RUSTUP_TOOLCHAIN=$rust
export PATH=$venv/bin:$PATH
export RUST_BACKTRACE=0 # a panic would read a debug binary inside qemu: seconds for each

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# Prints the comment at the head of the script when $1 asks for help.
help_if_asked() {
    case ${1-} in
        -h | --help)
            sed -n '3,${ /^#/!q; s/^# \{0,1\}//; p; }' "$0"
            exit 0
            ;;
    esac
}

# The names of all targets.
target_names() {
    awk '!/^#/ { print $1 }' cross/targets.txt
}

# Sets the variables below from the line of the target $1.
read_target() {
    local line
    line=$(awk -v name="${1-}" '$1 == name' cross/targets.txt)
    [[ $line ]] || die "there is no target '${1-}'; there are: $(target_names | xargs)"
    # shellcheck disable=SC2034 # for the scripts
    read -r name triple http_max full_max qemu cpu serves <<<"$line"
}

# The command that runs a binary of the target that was read.
runner() {
    echo "$qemu-static -cpu $cpu"
}

# Runs the download named $1 up to three times.
download() {
    local what=$1 attempt
    shift
    for attempt in 1 2 3; do
        if "$@" >&2; then return; fi
        echo "${0##*/}: $what: attempt $attempt of 3 failed" >&2
        sleep $((attempt * 5))
    done
    die "cannot download $what; check the network and the settings of ${1##*/}, then try again"
}

need_setup() {
    [[ -x $venv/bin/cargo-zigbuild ]] || die "zig is missing; run cross/setup.sh"
    sysroot=$(rustc --print sysroot) || die "Rust $rust is missing; run cross/setup.sh"
    llvm=$sysroot/lib/rustlib/$(rustc --version --verbose | sed -n 's/^host: //p')/bin
    [[ -x $llvm/llvm-objcopy ]] || die "llvm-tools is missing; run cross/setup.sh"
}

# cargo-zigbuild for static binaries, std from source included ($1: its parts).
#   relocation-model=static  static-PIE dies on mips when a thread-local is first used
#   link-self-contained=no   zig brings crt1.o, not rustup
#   crt-static               what zig does anyway; lets the source know on every target
#   force-unwind-tables=no   smaller; nothing unwinds
#   thumb-mode               armv7 only: every one of them has Thumb-2, whose code is a quarter
#                            smaller (ARMv5TE has Thumb-1 only, which std does not compile to)
#   llvm-args                mips only: three passes move code out of loops and blocks, where an
#                            address of two instructions then waits in memory; 2 % smaller without
cross_cargo() {
    local std=$1 cargo_home=${CARGO_HOME:-$HOME/.cargo} remap registry features=+crt-static
    local passes=(disable-machine-licm disable-machine-sink disable-phi-elim-edge-splitting)
    shift
    [[ $name != armv7 ]] || features+=,+thumb-mode
    [[ $name == mips* ]] || passes=()
    # Panics name the file: in short, and as it is called everywhere. The last that fits counts.
    remap="--remap-path-prefix=$cargo_home=/cargo --remap-path-prefix=$sysroot=/rust"
    remap+=" --remap-path-prefix=$sysroot/lib/rustlib/src/rust/library=/rust"
    for registry in "$cargo_home"/registry/src/*; do
        remap+=" --remap-path-prefix=$registry=/cargo"
    done
    RUSTC_BOOTSTRAP=1 RUSTFLAGS="-C relocation-model=static -C force-unwind-tables=no \
        -C link-self-contained=no -C target-feature=$features \
        ${passes[*]/#/-C llvm-args=-} $remap" \
        cargo-zigbuild "$@" --locked -Zbuild-std="$std"
}

# Builds a static binary of profile $1 for the target that was read, from the crate in directory $2
# with the features $3; prints its path.
build_static() {
    local profile=$1 crate=$2 features=$3 binary
    cross_cargo std,panic_abort zigbuild -Zbuild-std-features=optimize_for_size \
        --target "$triple" --target-dir "$target_dir" --manifest-path "$crate/Cargo.toml" \
        --profile "$profile" --no-default-features --features "$features" >&2 || return
    binary=$(sed -n '/^name *= */ { s/.*"\(.*\)"/\1/p; q }' "$crate/Cargo.toml")
    binary=$target_dir/$triple/$profile/$binary
    if [[ $triple == mips* ]]; then
        "$llvm/llvm-objcopy" -R .pdr "$binary" || return # 60 KB for debuggers that strip forgets
    fi
    echo "$binary"
}
