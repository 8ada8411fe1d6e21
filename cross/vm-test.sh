#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: cross/vm-test.sh mipsel [PART…]
# Boots a virtual MIPS board without any network card (Debian's kernel for Malta boards, busybox,
# our release binary) and runs the parts in it: all of tests/board/parts/*.sh, or the ones named.
# There, root, packet sockets, bpf(2) and veth pairs are real.
#
# To add a part, write tests/board/parts/NAME.sh. It runs in the board with sh -eu for at most two
# minutes; it has busybox, netvitals, board (tests/board/src) and /conformance, and no network but
# what it makes. Files it leaves in its directory come back: tests/board/judges/NAME, when there is
# one, is run on the host with that directory and the console as its arguments.
set -euo pipefail
# shellcheck source=cross/env.sh
. "$(dirname "$0")/env.sh"
help_if_asked "$@"

seconds_max=${NETVITALS_BOARD_SECONDS:-300}
[[ ${1-} == mipsel ]] || die "the board is a mipsel; run cross/vm-test.sh mipsel"
read_target mipsel
shift
parts=("$@")
((${#parts[@]})) || for part in tests/board/parts/*.sh; do
    parts+=("$(basename "$part" .sh)")
done
for part in "${parts[@]}"; do
    [[ -f tests/board/parts/$part.sh ]] || die "there is no tests/board/parts/$part.sh"
done
binary=dist/netvitals-$name-full
[[ -x $binary ]] || die "$binary is missing; run cross/build.sh $name --features full"
need_setup

# Unpacks Debian's kernel and busybox for the board into the directory $1; nothing is installed.
fetch_board() {
    local apt=(-qq -o APT::Architecture=mipsel -o APT::Architectures=mipsel
        -o APT::Sandbox::User=root -o Dir::State::Lists="$1/lists" -o Dir::Cache="$1/cache")
    local kernel=linux-image-4kc-malta
    mkdir -p "$1"/{lists,cache,root}
    download "Debian's package lists for mipsel" apt-get "${apt[@]}" update
    kernel=$(apt-cache "${apt[@]}" depends "$kernel" | awk '$1 == "Depends:" { print $2 }')
    [[ $kernel ]] || die "apt knows no kernel for mipsel; it must be set up for Debian 12"
    cd "$1"
    download "Debian packages $kernel, busybox-static for mipsel" \
        apt-get "${apt[@]}" download "$kernel" busybox-static
    for package in *.deb; do dpkg-deb -x "$package" root; done
    cp root/boot/vmlinu* kernel
    cp root/bin/busybox busybox
    find root -name veth.ko -exec cp {} veth.ko \;
    rm -r root lists cache ./*.deb
    cd "$root"
}

board=$cache/board-mipsel
if [[ ! -f $board/veth.ko ]]; then
    rm -rf "$board.new" "$board"
    fetch_board "$board.new"
    mv "$board.new" "$board"
fi

work=$(mktemp -d)
qemu_pid=
trap '[[ -z $qemu_pid ]] || kill "$qemu_pid" 2>/dev/null || true; rm -rf "$work"' EXIT

initramfs=$work/initramfs
mkdir -p "$initramfs"/{bin,lib,parts,outputs,proc,sys,dev,tmp}
cp "$board/busybox" "$initramfs/bin/"
ln -s busybox "$initramfs/bin/sh"
cp "$board/veth.ko" "$initramfs/lib/"
cp "$binary" "$initramfs/bin/netvitals"
helper=$(build_static release tests/board "")
cp "$helper" "$initramfs/bin/"
cp -r tests/conformance "$initramfs/"
cp tests/board/init "$initramfs/"
for part in "${parts[@]}"; do cp "tests/board/parts/$part.sh" "$initramfs/parts/"; done
(cd "$initramfs" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initrd"

timeout --kill-after=10 "$seconds_max" \
    qemu-system-mipsel -M malta -cpu "$cpu" -m 256 -net none -vga none -no-reboot \
    -display none -monitor none \
    -kernel "$board/kernel" -initrd "$work/initrd" \
    -append "console=ttyS0 rdinit=/init panic=1 quiet" \
    -serial "file:$work/console" -serial "file:$work/outputs.tar.gz" </dev/null &
qemu_pid=$!
touch "$work/console"
tail -f --pid="$qemu_pid" "$work/console" &
tail_pid=$!
status=0
wait "$qemu_pid" || status=$?
qemu_pid=
wait "$tail_pid" || true
[[ $status == 0 ]] || echo "vm-test.sh: qemu: exit $status (124: no end in $seconds_max s)" >&2

verdict=$(sed -n 's/^board: \([0-9]*\) parts failed.*/\1/p' "$work/console")
[[ $verdict ]] || die "the board never came to an end; see its last lines above"
mkdir "$work/outputs"
tar -C "$work/outputs" -xzf "$work/outputs.tar.gz" || die "the outputs of the board are incomplete"
for part in "${parts[@]}"; do
    judge=tests/board/judges/$part
    [[ ! -x $judge ]] || "$judge" "$work/outputs/$part" "$work/console" || verdict=$((verdict + 1))
done
echo "vm-test.sh: ${#parts[@]} parts, $verdict failures"
((verdict == 0))
