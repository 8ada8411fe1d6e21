# shellcheck shell=bash disable=SC2016,SC1003,SC2154 # quoted for somebody else; of run.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Packages and the feed's recipe. It is sourced by run.sh, not run.

# The sources in the directory $1, with small files for binaries.
sources() {
    local target
    mkdir -p "$1/dist"
    git ls-files -z --cached --others --exclude-standard openwrt cross/targets.txt Cargo.toml \
        'LICENSE-*' | tar -c --null -T - | tar -xC "$1"
    while read -r target _; do
        for set in http full; do
            printf '#!/bin/sh\necho netvitals 0.1.0 %s %s\n' "$target" "$set" \
                >"$1/dist/netvitals-$target-$set"
            chmod 0755 "$1/dist/netvitals-$target-$set"
        done
    done < <(grep -v '^#' cross/targets.txt)
}

# The tree below the directory $1: mode, owner, size, name.
tree() {
    (cd "$1" && find . -mindepth 1 -printf '%M %U:%G %P %l\n' | sed 's/ *$//' | sort -k3)
}

# Unpacks the .ipk $1 into the directory $2, with the control files in $2.control.
unpack_ipk() {
    mkdir -p "$2" "$2.control"
    tar -xzOf "$1" ./data.tar.gz | tar -xzpC "$2" --numeric-owner
    tar -xzOf "$1" ./control.tar.gz | tar -xzpC "$2.control" --numeric-owner
}

part_packages() {
    local one=$work/one other=$work/a/much/deeper/place file name serves architecture set
    sources "$one"
    # Another umask, other modes of directories and files: nothing of it may be seen.
    (umask 077 && sources "$other")
    "$one/openwrt/pack.sh" all >"$work/table" 2>"$work/notes"
    (umask 027 && "$other/openwrt/pack.sh" all >/dev/null 2>&1)
    "$one/openwrt/pack.sh" --deb all >>"$work/table" 2>>"$work/notes"
    (umask 027 && "$other/openwrt/pack.sh" --deb all >/dev/null 2>&1)
    check "packages: the same from two places" \
        "$(cd "$one/dist/packages" && sha256sum -- *)" \
        "$(cd "$other/dist/packages" && sha256sum -- *)"
    if [[ $(apk --version 2>/dev/null) != "apk-tools 3."* ]]; then
        contains "packages: without apk" "no .apk" "$(cat "$work/notes")"
        check "packages: no .apk" "" "$(find "$one/dist/packages" -name '*.apk')"
    fi
    contains "packages: Debian knows no mips" "no .deb for mips:" "$(cat "$work/notes")"

    # One for each architecture and set, each with its own CPU's binary.
    while read -r name serves; do
        for architecture in ${serves//,/ }; do
            for set in http full; do
                local package=netvitals
                [[ $set == http ]] || package=netvitals-full
                file=$one/dist/packages/${package}_0.1.0-r1_$architecture.ipk
                [[ -f $file ]] || { fail "packages: $file is missing" && continue; }
                unpack_ipk "$file" "$work/ipk/$architecture-$set"
                check_ipk "$work/ipk/$architecture-$set" $package "$architecture" "$name" $set
            done
        done
    done < <(awk '!/^#/ { print $1, $NF }' cross/targets.txt)
    check "packages: no other" "$(awk '!/^#/ { n += 2 * split($NF, a, ",") } END { print n }' \
        cross/targets.txt)" "$(find "$one/dist/packages" -name '*.ipk' | wc -l)"
    [[ $(apk --version 2>/dev/null) != "apk-tools 3."* ]] || check_apk "$one/dist/packages"
    check_removal "$work/ipk/mips_24kc-http"
    check_defaults
    compare ipk-http "$(tree "$work/ipk/mips_24kc-http")"
    compare ipk-full "$(tree "$work/ipk/mips_24kc-full")"
    check "packages: the outer archive" "./debian-binary ./data.tar.gz ./control.tar.gz" \
        "$(tar -tzf "$one/dist/packages/netvitals_0.1.0-r1_mips_24kc.ipk" | xargs)"
    # Whatever order the file system has.
    tar -xzOf "$one/dist/packages/netvitals_0.1.0-r1_mips_24kc.ipk" ./data.tar.gz | tar -tz |
        tr / '\001' | LC_ALL=C sort -c || fail "packages: the files are not in order"
    # Another commit's time is the only thing that may differ.
    rm -r "$other/dist/packages"
    SOURCE_DATE_EPOCH=86400 "$other/openwrt/pack.sh" mips --features http >/dev/null 2>&1
    check "packages: time" "1970-01-02" "$(tar -tvzf \
        "$other/dist/packages/netvitals_0.1.0-r1_mips_24kc.ipk" | awk 'NR == 1 { print $4 }')"
}

# field FILE NAME
field() {
    sed -n "s/^$2: //p" "$1"
}

check_ipk() {
    local tree=$1 package=$2 architecture=$3 target=$4 set=$5 control=$1.control/control script
    check "$package $architecture: fields" \
        "$package 0.1.0-r1 $architecture net netvitals=489:netvitals=489" \
        "$(for name in Package Version Architecture Section Require-User; do
            field "$control" "$name"
        done | xargs)"
    check "$package $architecture: Installed-Size" \
        "$(find "$tree" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')" \
        "$(field "$control" Installed-Size)"
    check "$package $architecture: Depends" "" "$(field "$control" Depends)"
    check "$package $architecture: binary" "netvitals 0.1.0 $target $set" \
        "$("$tree/usr/bin/netvitals")"
    check "$package $architecture: conffiles" /etc/config/netvitals "$(cat "$1.control/conffiles")"
    for script in postinst prerm postrm; do
        check "$package $architecture: mode of $script" 755 "$(stat -c %a "$1.control/$script")"
        busybox ash -n "$1.control/$script" || fail "$script"
    done
}

# What the scripts of the .ipk in $1.control do when it goes, on a router where it ran.
check_removal() {
    local box=$work/removal
    router "$box" jail
    mount -t proc proc "$box/proc" 2>/dev/null || mkdir -p "$box/proc"
    cp "$1.control/postrm" "$box/"
    cp "$tests/cases/full.conf" "$box/etc/config/netvitals"
    service "$box" start
    contains "removal: before" netvitals:rates "$(cat "$box/etc/crontabs/root")"
    # What OpenWrt's default_prerm and default_postinst do at an upgrade.
    service "$box" stop
    chroot "$box" env PKG_UPGRADE=1 sh /postrm
    check "removal: the spool stays at an upgrade" drwx------ \
        "$(stat -c %A "$box/mnt/flash/spool")"
    check "removal: what waits stays at an upgrade" directory "$(stat -c %F "$box/tmp/netvitals")"
    service "$box" start
    contains "removal: after the upgrade" netvitals:rates "$(cat "$box/etc/crontabs/root")"
    service "$box" disable
    service "$box" stop
    contains "removal: procd ends it" "kill <netvitals>" "$(cat "$box/tmp/procd")"
    chroot "$box" sh /postrm
    check "removal: what is left" "" \
        "$(find "$box"/tmp/run/netvitals "$box"/tmp/netvitals "$box"/etc/crontabs/* 2>/dev/null)"
    check "removal: configuration" "$(cat "$tests/cases/full.conf")" \
        "$(cat "$box/etc/config/netvitals")"
    umount "$box/proc" 2>/dev/null || true
}

# /etc/uci-defaults: only a file without a version is written to, and its mode is mended.
check_defaults() {
    local box=$work/defaults version
    router "$box" jail
    printf '#!/bin/sh\necho "$*" >>/tmp/uci\n[ "$2" != get ] || cat /tmp/version 2>/dev/null\n' \
        >"$box/sbin/uci"
    cp "$files/netvitals.defaults" "$box/"
    for version in '' 1; do
        rm -f "$box/tmp/uci"
        printf %s "$version" >"$box/tmp/version"
        chmod 0644 "$box/etc/config/netvitals"
        chroot "$box" sh /netvitals.defaults || fail "defaults: status"
        check "defaults, version '$version': mode" 600 "$(stat -c %a "$box/etc/config/netvitals")"
        check "defaults, version '$version': writes" "$([[ $version ]] || echo 2)" \
            "$(grep -cE '^(set|commit)' "$box/tmp/uci" | grep -v '^0$' || true)"
    done
}

# What apk itself finds in the .apk files below $1.
check_apk() {
    local text
    text=$(apk adbdump "$1/netvitals-full-0.1.0-r1.mips_24kc.apk")
    contains "apk: name" "  name: netvitals-full" "$text"
    contains "apk: version" "  version: 0.1.0-r1" "$text"
    contains "apk: architecture" "  arch: mips_24kc" "$text"
    contains "apk: user" "netvitals-full.rusers" "$text"
    contains "apk: script" "default_prerm" "$text"
    check "apk: how many" "$(find "$1" -name '*.ipk' | wc -l)" "$(find "$1" -name '*.apk' | wc -l)"
    mkdir -p "$work/apk"
    apk --allow-untrusted extract --destination "$work/apk" \
        "$1/netvitals-0.1.0-r1.mips_24kc.apk" >/dev/null
    rm -r "$work/apk/lib/apk"
    check "apk: the files of the .ipk" "$(tree "$work/ipk/mips_24kc-http")" "$(tree "$work/apk")"
}

# The feed's recipe, run by make with stand-ins for OpenWrt's, installs what the .ipk has.
part_recipe() {
    local box=$work/recipe package
    mkdir -p "$box"/{feeds/lang/rust,feeds/net,include,installed/bin}
    cp -r openwrt/netvitals "$box/feeds/net/"
    printf '#!/bin/sh\necho netvitals 0.1.0 mips full\n' >"$box/installed/bin/netvitals"
    cat >"$box/rules.mk" <<'END'
INCLUDE_DIR:=$(TOPDIR)/include
PKG_INSTALL_DIR:=$(TOPDIR)/installed
INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
INSTALL_CONF:=install -m0600
INSTALL_DATA:=install -m0644
LN:=ln -sf
RUST_ARCH_DEPENDS:=@(mips||x86_64)
END
    cat >"$box/include/package.mk" <<'END'
define BuildPackage
  $(eval $(Package/$(1)))
  packages+=$(1)
  $(1):
	$$(call Package/$(1)/install,$(TOPDIR)/$(1))
	@echo "$(1) $(SECTION) $(CATEGORY) $(VARIANT) $(USERID)"
endef
END
    cat >"$box/feeds/lang/rust/rust-package.mk" <<'END'
RustBinPackage=
Build/Compile/Cargo=cargo install $(2) --features "$(RUST_PKG_FEATURES)"
Build/Compile=
features:
	@echo '$(Build/Compile)'
END
    for package in netvitals netvitals-full; do
        make -s -C "$box/feeds/net/netvitals" TOPDIR="$box" $package >"$work/recipe.said" 2>&1 ||
            fail "recipe: $(cat "$work/recipe.said")"
        # What the SDK adds for the directory among the conffiles.
        mkdir -p "$box/$package/lib/upgrade/keep.d"
        printf '/etc/netvitals/\n' >"$box/$package/lib/upgrade/keep.d/netvitals"
        set=http
        [[ $package == netvitals ]] || set=full
        check "recipe: $set" "$(cat "$tests/expected/ipk-$set.txt")" "$(tree "$box/$package")"
    done
    for set in http full; do
        check "recipe: features of $set" "cargo install --no-default-features --features \"$set\"" \
            "$(make -s -C "$box/feeds/net/netvitals" TOPDIR="$box" BUILD_VARIANT=$set features)"
    done
    check "recipe: version" "$(sed -n 's/^version = "\(.*\)"/\1/p;T;q' Cargo.toml)" \
        "$(sed -n 's/^PKG_VERSION:=//p' openwrt/netvitals/Makefile)"
    # Nobody indents these, nobody calls packages by a variable.
    check "recipe: indented conffiles" "" \
        "$(sed -n '/conffiles$/,/^endef/{/^[[:space:]]/p}' openwrt/netvitals/Makefile)"
    check "recipe: names" "" \
        "$(grep -nE '(define|call|eval).*PKG_NAME' openwrt/netvitals/Makefile || true)"
    check "test.sh: grep -q" "" "$(grep -n 'grep -[a-zA-Z]*q' openwrt/netvitals/test.sh || true)"
}
