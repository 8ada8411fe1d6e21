#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: tests/openwrt/ujail.sh ROUTER JAIL STEPS
# Stands in for ujail, in namespaces of its own (run.sh makes them): starts the first instance that
# ROUTER/tmp/procd defines in the empty directory JAIL, with the mounts that it asks for and nothing
# else of the router, as its user, with its capabilities, then runs the shell commands STEPS, and
# ends it. Prints what it logged.
set -euo pipefail
router=$1 jail=$2 steps=$3
told=$(sed '/^close_instance/q' "$router/tmp/procd")

# The words of the calls that begin with $1, a line each.
words() {
    grep "^$1" <<<"$told" | sed "s/^$1 *//" | grep -o '<[^>]*>' | tr -d '<>'
}

mount -t tmpfs jail "$jail"
mkdir -p "$jail"/{proc,sys,dev,etc,usr/bin,tmp/run}
ln -s tmp "$jail/var"
mount -t proc proc "$jail/proc"
mount -t sysfs sysfs "$jail/sys"
touch "$jail/dev/null"
mount --bind /dev/null "$jail/dev/null"
mount_one() {
    local from=$router${1%%:*} to=$jail${1#*:}
    if [[ -d $from ]]; then
        mkdir -p "$to"
    else
        mkdir -p "${to%/*}"
        touch "$to"
    fi
    mount --bind "$from" "$to"
    mount -o "remount,bind,$2" "$to"
}
for path in $(words 'add_jail_mount '); do mount_one "$path" ro; done
for path in $(words 'add_jail_mount_rw '); do mount_one "$path" rw; done

# What a static binary would not need, and what changes the user.
cp "$router/usr/bin/netvitals" "$(command -v setpriv)" "$jail/usr/bin/"
for library in $(ldd "$jail"/usr/bin/* | grep -o '/[^ ]*[0-9]$\|/[^ ]* ' | sort -u); do
    mkdir -p "$jail${library%/*}"
    cp -Ln "$library" "$jail$library"
done

ip link set lo up
ip link add br-lan type veth peer name device
ip addr add 192.0.2.1/24 dev br-lan
ip link set br-lan up
ip link set device up

mapfile -t command < <(words 'set_param <command>')
user=$(sed -n "s/^$(words 'set_param <user>'):x:\([0-9]*\):\([0-9]*\):.*/--reuid \1 --regid \2/p" \
    "$router/etc/passwd")
capabilities=-all$(grep -o 'CAP_[A-Z_]*' "$router$(words 'set_param <capabilities>')" | sort -u |
    tr '[:upper:]' '[:lower:]' | sed 's/cap_/,+/' | tr -d '\n')
# shellcheck disable=SC2086 # two options
chroot "$jail" /usr/bin/setpriv $user --clear-groups --inh-caps "$capabilities" \
    --ambient-caps "$capabilities" --bounding-set "$capabilities" --no-new-privs \
    "${command[@]}" -v 2>"$router/errors" >/dev/null &
agent=$!
eval "$steps"
kill "$agent"
wait "$agent" || echo "ended with $?"
cat "$router/errors"
