# shellcheck shell=bash disable=SC2016,SC1003,SC2154 # quoted for somebody else; of run.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The .deb by real dpkg, and install.sh, each in a scratch root. It is sourced by run.sh, not run.

# A root in which dpkg runs scripts, with as little as they need.
debian() {
    local tool library
    mkdir -p "$1"/{bin,sbin,dev,proc,tmp,run,usr/bin,usr/lib,usr/sbin,var/lib,var/log} \
        "$1"/etc "$1"/var/lib/dpkg/{info,updates,triggers}
    touch "$1"/var/lib/dpkg/{status,available}
    for tool in busybox dpkg dpkg-deb dpkg-split groupadd groupdel getent rm tar; do
        tool=$(command -v $tool)
        [[ -e $1$tool ]] || cp -L "$tool" "$1/usr/bin/${tool##*/}"
        while read -r library; do
            mkdir -p "$1${library%/*}"
            cp -Lu "$library" "$1$library"
        done < <(ldd "$tool" 2>/dev/null | grep -o '/[^ ]*' || true)
    done
    for tool in $(busybox --list); do
        [[ -e $1/usr/bin/$tool ]] || ln -s busybox "$1/usr/bin/$tool"
    done
    rm -r "${1:?}"/{bin,sbin}
    ln -s usr/bin "$1/bin"
    ln -s usr/bin "$1/sbin"
    for tool in ldconfig start-stop-daemon; do ln -sf busybox "$1/usr/bin/$tool"; done
    cp -L /lib/*/libnss_files.so.2 "$1/usr/lib/" 2>/dev/null || true
    printf 'passwd: files\ngroup: files\n' >"$1/etc/nsswitch.conf"
    echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
    echo 'root:x:0:' >"$1/etc/group"
    printf 'root:*::\n' >"$1/etc/gshadow"
    cp /etc/login.defs "$1/etc/" 2>/dev/null || true
    mknod -m 666 "$1/dev/null" c 1 3 2>/dev/null || touch "$1/dev/null"
}

# The system calls that the words mean, a line each: their names, or systemd's sets.
calls_of() {
    local word
    for word; do
        case $word in
            @*)
                # shellcheck disable=SC2046 # words
                calls_of $(systemd-analyze syscall-filter "$word" | sed '1d; s/#.*//')
                ;;
            *) echo "$word" ;;
        esac
    done
}

# The system calls that the unit $1 allows.
# shellcheck disable=SC2046 # words
calls_of_unit() {
    calls_of @default $(sed -n 's/^SystemCallFilter=\([^~]\)/\1/p' "$1") | sort -u >"$work/allowed"
    calls_of $(sed -n 's/^SystemCallFilter=~//p; s/^ProtectClock=yes/@clock/p' "$1") | sort -u |
        comm -13 - "$work/allowed"
}

# What the programs of the units call is what the units allow: another call would end them.
part_units() {
    local name binary=${NETVITALS:-target/debug/netvitals} box=$work/units
    for name in "$binary" strace systemd-analyze; do
        command -v "$name" >/dev/null ||
            { echo "packages: no $name: the units' system calls are not tested" && return; }
    done
    mkdir "$box"
    cat >"$box/netvitals" <<END
config netvitals
    option interval 1s
    list interface lan0
    option spool $box/spool
    option state_file $box/state
config output
    option type elastic
    option url http://localhost:9
config output
    option type file
    option path $box/latest
config probe
    option host 192.0.2.1
    option ping 200ms
    option scan 1s
END
    printf '1 1 1 2 41 5 1 100\nlocalhost\n192.0.2.1\n' >"$box/connmonitor"
    for name in netvitals connmonitor; do
        # Unless it is said, messages go where the output goes: to /dev/null.
        checks=$((checks + 1))
        grep -q '^StandardError=[ja]' "openwrt/systemd/$name.service" || fail "units: messages"
        # shellcheck disable=SC2016 # of the other shell
        unshare --net --pid --fork --kill-child --mount-proc bash -c '
            name=$3 applet=agent
            [[ $name == netvitals ]] && applet+=" --config" || applet=$name
            ip link set lo up
            ip link add lan0 type veth peer name device
            ip addr add 192.0.2.1/24 dev lan0
            ip link set lan0 up
            ip link set device up
            strace -D -f -qq -o "$2/$name.calls" "$1" $applet "$2/$name" >"$2/$name.out" 2>&1 &
            result=$name.out
            [[ $name != netvitals ]] || result=state
            until_it_does test -s "$2/$result"
            kill $! && wait $! || true' bash "$binary" "$box" "$name" || fail "units: $name"
        sed 's/^[0-9]* *//; s/(.*//; /^[a-z_0-9]*$/!d' "$box/$name.calls" | sort -u >"$box/used"
        contains "units: $name was seen" epoll_wait "$(xargs <"$box/used")"
        check "units: $name: calls that its unit does not allow" "" \
            "$(calls_of_unit "openwrt/systemd/$name.service" | comm -23 "$box/used" -)"
    done
}

part_deb() {
    local box=$work/debian from=$work/deb before unit
    command -v dpkg-deb >/dev/null || { echo "packages: no dpkg: .deb is not tested" && return; }
    sources "$from"
    "$from/openwrt/pack.sh" --deb x86_64 >/dev/null
    sed -i 's/^version = "0.1.0"/version = "0.1.1"/' "$from/Cargo.toml"
    sed -i 's/^PKG_VERSION:=0.1.0/PKG_VERSION:=0.1.1/' "$from/openwrt/netvitals/Makefile"
    sed -i '1a# of the new version' "$from/openwrt/netvitals/files/netvitals.conf"
    "$from/openwrt/pack.sh" --deb x86_64 >/dev/null
    debian "$box"
    cp "$from"/dist/packages/*.deb "$box/tmp/"
    before=$(tree "$box" | grep -v ' var/l')
    deb() {
        said=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$box" dpkg --force-confdef \
            --force-confold --force-depends "$@" 2>&1) || fail "dpkg $*: $said"
    }

    deb --install /tmp/netvitals_0.1.0-1_amd64.deb
    for unit in openwrt/systemd/*.service; do
        unit=${unit##*/}
        cmp "openwrt/systemd/$unit" "$box/usr/lib/systemd/system/$unit" || fail "deb: $unit"
        check "deb: mode of $unit" 644 "$(stat -c %a "$box/usr/lib/systemd/system/$unit")"
    done
    check "deb: configuration" "640 netvitals" \
        "$(chroot "$box" stat -c '%a %G' /etc/config/netvitals)"
    check "deb: secrets" "750 netvitals" "$(chroot "$box" stat -c '%a %G' /etc/netvitals)"
    contains "deb: spool" "	option spool '/var/lib/netvitals/spool'" \
        "$(cat "$box/etc/config/netvitals")"
    contains "deb: a file that others see" "	option path '/run/netvitals/latest.json'" \
        "$(cat "$box/etc/config/netvitals")"
    check "deb: runs" "netvitals 0.1.0 x86_64 http" "$(chroot "$box" /usr/bin/netmon)"
    contains "deb: group" "netvitals:x:" "$(cat "$box/etc/group")"

    # The user's configuration stays.
    echo '# mine' >>"$box/etc/config/netvitals"
    echo secret >"$box/etc/netvitals/es.pass"
    deb --install /tmp/netvitals_0.1.1-1_amd64.deb
    check "deb: upgraded" "0.1.1-1" "$(sed -n 's/^Version: //p' "$box/var/lib/dpkg/status")"
    check "deb: mine after the upgrade" "# mine" "$(tail -n 1 "$box/etc/config/netvitals")"
    check "deb: mode after the upgrade" "640 netvitals" \
        "$(chroot "$box" stat -c '%a %G' /etc/config/netvitals)"
    check "deb: the new one beside it" "# of the new version" \
        "$(sed -n 2p "$box/etc/config/netvitals.dpkg-dist")"

    # The other variant takes over what waits, and the group, also when this one is purged.
    mkdir -p "$box/var/lib/netvitals/spool" "$box/run/netvitals"
    deb --install /tmp/netvitals-full_0.1.1-1_amd64.deb
    deb --purge netvitals
    check "deb: variant" "netvitals 0.1.0 x86_64 full" "$(chroot "$box" /usr/bin/netmon)"
    check "deb: what waits" directory "$(stat -c %F "$box/var/lib/netvitals/spool")"
    check "deb: mine in the other variant" "640 netvitals # mine" \
        "$(chroot "$box" stat -c '%a %G' /etc/config/netvitals) $(
            tail -n 1 "$box/etc/config/netvitals")"
    deb --install /tmp/netvitals_0.1.1-1_amd64.deb
    deb --purge netvitals-full

    deb --remove netvitals
    check "deb: program after removal" "" "$(find "$box" -name 'netvitals*' -not -path '*/dpkg/*' \
        -not -path "$box/etc/*" -not -path "$box/tmp/*")"
    check "deb: mine after removal" "# mine" "$(tail -n 1 "$box/etc/config/netvitals")"
    deb --purge netvitals
    check "deb: the secret is the user's" secret "$(cat "$box/etc/netvitals/es.pass")"
    check "deb: no other group gets its number" "750 netvitals" \
        "$(chroot "$box" stat -c '%a %G' /etc/netvitals)"
    rm -r "$box/etc/netvitals"
    deb --install /tmp/netvitals_0.1.1-1_amd64.deb
    deb --remove netvitals
    rm "$box/etc/config/netvitals"
    deb --force-confmiss --install /tmp/netvitals_0.1.1-1_amd64.deb
    check "deb: secrets after a new installation" "750 netvitals 640 netvitals" \
        "$(chroot "$box" stat -c '%a %G' /etc/netvitals /etc/config/netvitals | xargs)"
    deb --purge netvitals
    rm -f "$box"/etc/{group,gshadow,passwd}- "$box"/etc/.pwd.lock
    check "deb: after purge" "$before" "$(tree "$box" | grep -v ' var/l')"
    check "deb: group after purge" 'root:x:0:' "$(cat "$box/etc/group")"

    if command -v systemd-analyze >/dev/null; then
        # It looks for the program and the manual pages of this machine.
        for unit in openwrt/systemd/*.service; do
            sed "s|/usr/bin/netvitals|$from/dist/netvitals-x86_64-http|" "$unit" \
                >"$work/${unit##*/}"
            check "systemd-analyze verify $unit" "" \
                "$(systemd-analyze verify --man=no --recursive-errors=no "$work/${unit##*/}" 2>&1)"
        done
    else
        echo "packages: no systemd-analyze: the units are not verified"
    fi
}

part_install() {
    local box="$work/in place" before system from=$work/from
    local install=$work/from/openwrt/install.sh binary=$work/from/dist/netvitals-x86_64-full
    sources "$from"
    for system in openwrt systemd none; do
        rm -rf "$box"
        mkdir -p "$box"/{etc/crontabs,tmp,usr/bin}
        case $system in
            openwrt)
                mkdir -p "$box"/{lib,etc/init.d}
                touch "$box"/{etc/rc.common,etc/shadow,etc/init.d/done,lib/functions.sh}
                ;;
            systemd)
                mkdir -p "$box/usr/lib/systemd/system"
                touch "$box/usr/lib/systemd/system/other.service"
                ;;
        esac
        printf 'root:x:0:0::/root:/bin/sh\n' >"$box/etc/passwd"
        printf 'root:x:0:\n' >"$box/etc/group"
        printf '0 4 * * * mine\n' >"$box/etc/crontabs/root"
        # A program of that name is another's.
        echo other >"$box/usr/bin/netmon"
        # The first word of the place is nobody's to remove.
        touch "$work/in"
        before=$(tree "$box")
        said=$("$install" --root "$box" "$binary")
        contains "install, $system: another's program" "/usr/bin/netmon belongs to another" "$said"
        check "install, $system: another's program" other "$(cat "$box/usr/bin/netmon")"
        check "install, $system: link" netvitals "$(readlink "$box/usr/bin/connspy-stream")"
        check "install, $system: mode of the configuration" 600 \
            "$(stat -c %a "$box/etc/config/netvitals")"
        case $system in
            openwrt)
                cmp "$files/netvitals.init" "$box/etc/init.d/netvitals" ||
                    fail "install: init script"
                contains "install: user" netvitals:x:489 "$(cat "$box/etc/passwd")"
                ;;
            systemd)
                cmp openwrt/systemd/netvitals.service \
                    "$box/usr/lib/systemd/system/netvitals.service" || fail "install: unit"
                ;;
        esac
        # Again, over a configuration and in use.
        echo '# mine' >>"$box/etc/config/netvitals"
        printf '* * * * * /usr/bin/netvitals netmon # netvitals:x\n0 4 * * * mine\n' \
            >"$box/etc/crontabs/root"
        mkdir -p "$box/tmp/netvitals/spool" "$box/var/lib/netvitals"
        "$install" --root "$box" "$binary" >/dev/null
        check "install, $system: mine" "# mine" "$(tail -n 1 "$box/etc/config/netvitals")"
        "$install" --root "$box" --uninstall >/dev/null
        check "install, $system: after --uninstall" "# mine" \
            "$(tail -n 1 "$box/etc/config/netvitals")"
        check "install, $system: crontab" "0 4 * * * mine" "$(cat "$box/etc/crontabs/root")"
        rm -r "$box/etc/config"
        rmdir "$box/var/lib" "$box/var" 2>/dev/null || true
        check "install, $system: what is left" "$before" "$(tree "$box")"
        rm "$work/in"
        check "install, $system: users" 'root:x:0:0::/root:/bin/sh' "$(cat "$box/etc/passwd")"
    done
    check "install: no binary" 1 "$("$install" --root "$box" absent >/dev/null 2>&1 || echo $?)"
    for option in --root --system --links; do
        said=$("$install" "$binary" $option 2>&1 || echo "status $?")
        check "install: $option alone" "install.sh: $option needs a value"$'\nstatus 1' "$said"
    done
    said=$("$install" --root '' --uninstall 2>&1 || echo "status $?")
    check "install: no root" $'install.sh: --root needs a value\nstatus 1' "$said"
    # A program without an applet takes the link of one with it.
    "$install" --root "$box" "$binary" >/dev/null
    printf '#!/bin/sh\n[ "$1" != connspy ]\n' >"$work/less"
    "$install" --root "$box" "$work/less" >/dev/null
    check "install: links of another set" "connmonitor connspy-stream connvitals" \
        "$(cd "$box/usr/bin" && echo conn*)"
    "$install" --root "$box" "$binary" >/dev/null
    # A program for another CPU takes no place.
    printf '\177ELF' >"$work/elf"
    said=$("$install" --root "$box" "$work/elf" 2>&1 || echo "status $?")
    contains "install: another CPU" "does not run here" "$said"
    check "install: another CPU" "netvitals 0.1.0 x86_64 full" "$("$box/usr/bin/netvitals")"
    check "install: another CPU" netvitals "$(cd "$box/usr/bin" && echo netvitals*)"
}
