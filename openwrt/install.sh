#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: openwrt/install.sh [OPTION…] BINARY
#        openwrt/install.sh [OPTION…] --uninstall
# Installs netvitals on a plain router or server, without a package manager: the binary, links that
# are named like its applets, and an init script (OpenWrt) or units (systemd). It starts nothing.
# What is configured already stays as it is; --uninstall leaves the configuration and nothing else.
#
#   --root DIR      below this directory instead of /, as for an image; no service is touched
#                   (with systemd, the image then has to give /etc/config/netvitals to the group
#                   netvitals, mode 0640: the group is made when it boots)
#   --system NAME   openwrt, systemd or none, instead of what is found
#   --links NAMES   the links, instead of those that the binary has applets for
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd)
root='' system='' links='' binary='' uninstall=''
# Names that people know from the tools that had them first, each with its applet.
known='netmon:netmon connvitals:connvitals connmonitor:connmonitor connspy:connspy
    connspy-stream:connspy-stream tstat_send:tstat-send tstat_cull:tstat-cull'

die() {
    echo "install.sh: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
        # An empty directory would be /, of a variable that is not set.
        --root | --system) [ -n "${2-}" ] || die "$1 needs a value" ;;
        --links) [ $# -gt 1 ] || die "$1 needs a value" ;;
    esac
    case $1 in
        -h | --help)
            sed -n '3,${ /^#/!q; s/^# \{0,1\}//; p; }' "$0"
            exit 0
            ;;
        --root) root=$2 && shift ;;
        --system) system=$2 && shift ;;
        --links) links=$2' ' && shift ;;
        --uninstall) uninstall=1 ;;
        -*) die "there is no option $1; see --help" ;;
        *) binary=$1 ;;
    esac
    shift
done
root=${root%/}
[ -n "$uninstall" ] || [ -f "$binary" ] || die "which binary? see --help"
[ -n "$root" ] || [ "$(id -u)" = 0 ] || die "run as root, or install below --root DIR"

if [ -z "$system" ]; then
    system=none
    [ ! -d "$root/usr/lib/systemd/system" ] && [ ! -d "$root/lib/systemd/system" ] || system=systemd
    [ ! -e "$root/etc/rc.common" ] || system=openwrt
fi
case $system in
    openwrt | systemd | none) ;;
    *) die "--system is openwrt, systemd or none, not '$system'" ;;
esac
# Whether systemd runs here, and is the one to be told.
booted=''
[ -n "$root" ] || [ "$system" != systemd ] || [ ! -d /run/systemd/system ] || booted=1

# put FILE PATH MODE: the whole file or nothing, under its final name at once.
put() {
    mkdir -p "$root${2%/*}"
    cp "$1" "$root$2.new"
    chmod "$3" "$root$2.new"
    mv "$root$2.new" "$root$2"
}

# The same for a file that is the user's from then on.
put_configuration() {
    if [ -e "$root/etc/config/netvitals" ]; then
        echo "install.sh: /etc/config/netvitals stays as it is"
        return
    fi
    mkdir -p "$root/etc/config"
    (umask 077 && sed "$1" "$here/netvitals/files/netvitals.conf" >"$root/etc/config/netvitals")
}

link() {
    case $(readlink "$root/usr/bin/$1" 2>/dev/null) in
        netvitals) return ;;
    esac
    if [ -e "$root/usr/bin/$1" ] || [ -L "$root/usr/bin/$1" ]; then
        echo "install.sh: /usr/bin/$1 belongs to another program: no link; use 'netvitals $1'"
    else
        ln -s netvitals "$root/usr/bin/$1"
    fi
}

# The link $1, if it is ours.
remove_link() {
    case $(readlink "$root/usr/bin/$1" 2>/dev/null) in
        netvitals) rm -f "$root/usr/bin/$1" ;;
    esac
}

# Everything but the configuration.
remove() {
    for name in $known; do remove_link "${name%:*}"; done
    rm -f "$root/usr/bin/netvitals" "$root/etc/init.d/netvitals" \
        "$root"/etc/rc.d/[SK]??netvitals "$root"/etc/capabilities/netvitals*.json \
        "$root/etc/uci-defaults/60_netvitals" "$root/lib/upgrade/keep.d/netvitals" \
        "$root/usr/lib/sysusers.d/netvitals.conf" "$root/etc/logrotate.d/connmonitor"
    for unit in "$here"/systemd/*.service; do
        rm -f "$root/usr/lib/systemd/system/${unit##*/}" \
            "$root/etc/systemd/system/multi-user.target.wants/${unit##*/}"
    done
    # The trailing names are ours; a directory that others use is not empty.
    rm -rf "$root/tmp/netvitals" "$root/var/run/netvitals" "$root/run/netvitals" \
        "$root/var/lib/netvitals" "$root/var/lib/private/netvitals" \
        "$root"/var/log/connmonitor.log* "$root"/var/log/connmonitor.err*
    for directory in etc/capabilities etc/uci-defaults lib/upgrade/keep.d lib/upgrade \
        usr/lib/sysusers.d usr/lib/systemd/system usr/lib/systemd etc/logrotate.d etc/netvitals; do
        rmdir "$root/$directory" 2>/dev/null || true
    done
    if grep -q '# netvitals:[A-Za-z0-9_]*$' "$root/etc/crontabs/root" 2>/dev/null; then
        sed -i '/\/usr\/bin\/netvitals .* # netvitals:[A-Za-z0-9_]*$/d' "$root/etc/crontabs/root"
    fi
}

# User and group of the package, as its postinst would make them.
add_user() {
    [ -e "$root/etc/passwd" ] || return 0
    grep -q '^netvitals:' "$root/etc/group" || echo 'netvitals:x:489:' >>"$root/etc/group"
    grep -q '^netvitals:' "$root/etc/passwd" ||
        echo 'netvitals:x:489:489:netvitals:/var/run/netvitals:/bin/false' >>"$root/etc/passwd"
    [ ! -e "$root/etc/shadow" ] || grep -q '^netvitals:' "$root/etc/shadow" ||
        echo 'netvitals:x:0:0:99999:7:::' >>"$root/etc/shadow"
}

remove_user() {
    for file in passwd group shadow; do
        [ ! -e "$root/etc/$file" ] || sed -i '/^netvitals:/d' "$root/etc/$file"
    done
}

if [ -n "$uninstall" ]; then
    if [ -z "$root" ] && [ "$system" = openwrt ] && [ -x /etc/init.d/netvitals ]; then
        /etc/init.d/netvitals disable
        /etc/init.d/netvitals stop
    elif [ -n "$booted" ]; then
        for unit in "$here"/systemd/*.service; do
            systemctl disable --now "${unit##*/}" 2>/dev/null || true
        done
    fi
    # Until the last documents are sent: three seconds at most.
    for _ in 1 2 3 4 5; do
        if [ -n "$root" ] || ! pidof netvitals >/dev/null; then break; fi
        sleep 1
    done
    remove
    # Elsewhere the group's number must not become another's: the configuration still bears it.
    [ "$system" != openwrt ] || remove_user
    [ -z "$booted" ] || systemctl daemon-reload
    echo "install.sh: removed; the configuration stays in $root/etc/config/netvitals"
    exit
fi

# An image's program may be for another CPU; without --links it has to run to say its applets.
if [ -z "$links" ]; then
    mkdir -p "$root/usr/bin"
    cp "$binary" "$root/usr/bin/netvitals.new"
    chmod 0755 "$root/usr/bin/netvitals.new"
    "$root/usr/bin/netvitals.new" --version >/dev/null 2>&1 || {
        rm "$root/usr/bin/netvitals.new"
        die "$binary does not run here; is it for this CPU? For an image, give --links"
    }
fi
put "$binary" /usr/bin/netvitals 0755
for name in $known; do
    if [ -n "$links" ]; then
        case " $links" in
            *" ${name%:*} "*) link "${name%:*}" ;;
        esac
    elif "$root/usr/bin/netvitals" "${name#*:}" --help >/dev/null 2>&1; then
        link "${name%:*}"
    else
        remove_link "${name%:*}"
    fi
done

case $system in
    openwrt)
        files=$here/netvitals/files
        put "$files/netvitals.init" /etc/init.d/netvitals 0755
        for file in "$files"/*.json; do put "$file" "/etc/capabilities/${file##*/}" 0644; done
        put "$files/netvitals.defaults" /etc/uci-defaults/60_netvitals 0755
        # For sysupgrade.
        mkdir -p "$root/lib/upgrade/keep.d"
        echo /etc/netvitals/ >"$root/lib/upgrade/keep.d/netvitals"
        put_configuration ''
        add_user
        [ -n "$root" ] || sh /etc/uci-defaults/60_netvitals
        [ -n "$root" ] || rm /etc/uci-defaults/60_netvitals
        next='service netvitals enable && service netvitals start'
        ;;
    systemd)
        for unit in "$here"/systemd/*.service; do
            put "$unit" "/usr/lib/systemd/system/${unit##*/}" 0644
        done
        put "$here/systemd/netvitals.sysusers" /usr/lib/sysusers.d/netvitals.conf 0644
        [ -e "$root/etc/logrotate.d/connmonitor" ] ||
            put "$here/systemd/connmonitor.logrotate" /etc/logrotate.d/connmonitor 0644
        # A server keeps what waits over a restart; a unit has a /tmp of its own.
        put_configuration "s|#\(option spool '\)/tmp/|\1/var/lib/|
            s|/tmp/netvitals/latest.json|/run/netvitals/latest.json|
            s|service netvitals reload|systemctl reload netvitals|
            s| (RAM), and how|, and how|
            s|# 1: the agent starts at boot; it|# systemctl enable --now netvitals starts it; it|
            /^\toption enabled '0'/d
            /^# Runs of an applet by cron/,\$d"
        if [ -z "$root" ]; then
            getent group netvitals >/dev/null || groupadd --system netvitals
            chgrp netvitals /etc/config/netvitals
            chmod 0640 /etc/config/netvitals
            [ -z "$booted" ] || systemctl daemon-reload
        fi
        next='systemctl enable --now netvitals'
        ;;
    none)
        put_configuration ''
        next='netvitals agent'
        ;;
esac
[ -n "$root" ] || echo "install.sh: installed; edit /etc/config/netvitals, then: $next"
