#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Usage: openwrt/pack.sh [--deb] TARGET… | all [--features http|full]
# Makes packages of dist/netvitals-TARGET-{http,full} (cross/build.sh makes those) into
# dist/packages, without OpenWrt's SDK: for each architecture of OpenWrt that a target serves an
# .ipk, and an .apk where `apk mkpkg` is; with --deb instead a package for Debian. Prints their
# sizes, and what they take once installed, in bytes.
#
# The same files give the same packages, whatever the directory is called: times are those of
# $SOURCE_DATE_EPOCH, else of the last commit, else of 1970.
set -euo pipefail
shopt -s inherit_errexit
umask 022
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

die() {
    echo "pack.sh: $*" >&2
    exit 1
}

targets=() sets="http full" deb=
while (($#)); do
    case $1 in
        -h | --help)
            sed -n '3,${ /^#/!q; s/^# \{0,1\}//; p; }' "$0"
            exit 0
            ;;
        --features) sets=${2-} && shift ;;
        --deb) deb=1 ;;
        all) mapfile -t targets < <(awk '!/^#/ { print $1 }' cross/targets.txt) ;;
        *) targets+=("$1") ;;
    esac
    shift
done
[[ $sets =~ ^(http|full|http full)$ ]] || die "--features is http or full, not '$sets'"
((${#targets[@]})) || die "which target? see --help"

version=$(sed -n 's/^version = "\(.*\)"/\1/p;T;q' Cargo.toml)
makefile=openwrt/netvitals/Makefile
release=$(sed -n 's/^PKG_RELEASE:=//p' $makefile)
maintainer=$(sed -n 's/^PKG_MAINTAINER:=//p' $makefile)
url=$(sed -n 's/^  URL:=//p' $makefile)
user=$(sed -n 's/^  USERID:=//p' $makefile)
# Neither orders pre-releases as semver writes them.
apk_version=${version/-/_}-r$release
deb_version=${version/-/\~}-$release
grep -qx "PKG_VERSION:=$version" $makefile || die "$makefile is not of version $version"
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH=$epoch
out=dist/packages
mkdir -p $out
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
has_apk=
if [[ ! $deb ]]; then
    if [[ $(apk --version 2>/dev/null) == "apk-tools 3."* ]]; then
        has_apk=1
    else
        echo "pack.sh: no .apk: there is no 'apk mkpkg'; it is part of apk-tools 3" >&2
    fi
fi

# Debian's name of a target; nothing where Debian has none.
debian_name() {
    case $1 in
        x86_64) echo amd64 ;;
        aarch64) echo arm64 ;;
        armv7) echo armhf ;;
        armv5te) echo armel ;;
        mipsel | riscv64) echo "$1" ;;
        i686) echo i386 ;;
    esac
}

# The whole description of the package $1, as the feed's recipe has it.
description() {
    sed -n "/^define Package\/$1\/description/,/^endef/{/^  /p}" $makefile
}

title() {
    description "$1" | xargs | sed 's/\..*//'
}

# The same in less than 80 characters.
synopsis() {
    sed -n 's/^  TITLE:=//p' $makefile | tr -d '\n'
    sed -n "/^define Package\/$1\$/,/^endef/s/^  TITLE+=//p" $makefile
}

# The script of the recipe that is called $1.
recipe_script() {
    sed -n "/^define Package\/netvitals\/$1/,/^endef/p" $makefile | sed '1d; $d; s/\$\$/$/g'
}

# A tar of the directory $1 that depends on nothing but its files.
pack() {
    tar --format=gnu --numeric-owner --owner=0 --group=0 --sort=name --mtime="@$epoch" \
        -C "$1" -c . | gzip -9n
}

bytes_installed() {
    find "$1" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }'
}

# The files of the package $1 with the binary $2 below the directory $3.
stage() {
    local name=$1 links="netmon connvitals connmonitor"
    [[ $name == netvitals ]] || links+=" connspy connspy-stream tstat_send tstat_cull"
    openwrt/install.sh --root "$3" --system "$4" --links "$links" "$2"
    find "$3" -exec touch -h -d "@$epoch" {} +
}

# OpenWrt's own, which do what is usual: user, defaults, enabling, starting.
# shellcheck disable=SC2016 # expanded on the router
postinst='#!/bin/sh
[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0
[ -s ${IPKG_INSTROOT}/lib/functions.sh ] || exit 0
. ${IPKG_INSTROOT}/lib/functions.sh
default_postinst $0 $@'
# shellcheck disable=SC2016
prerm='#!/bin/sh
[ -s ${IPKG_INSTROOT}/lib/functions.sh ] || exit 0
. ${IPKG_INSTROOT}/lib/functions.sh
default_prerm $0 $@'

make_ipk() {
    local name=$1 tree=$2 architecture=$3 control=$work/control
    rm -rf "$control" "$work/ipk"
    mkdir "$control" "$work/ipk"
    {
        echo "Package: $name"
        echo "Version: $version-r$release"
        [[ $name == netvitals ]] || printf 'Provides: netvitals\nConflicts: netvitals\n'
        echo "Source: feeds/packages/net/netvitals"
        echo "SourceName: $name"
        echo "License: MIT OR Apache-2.0"
        echo "LicenseFiles: LICENSE-MIT LICENSE-APACHE"
        echo "Section: net"
        echo "Require-User: $user"
        echo "SourceDateEpoch: $epoch"
        echo "URL: $url"
        echo "Maintainer: $maintainer"
        echo "Architecture: $architecture"
        echo "Installed-Size: $(bytes_installed "$tree")"
        echo "Description: $(description "$name" | sed '1s/^ *//; 2,$s/^ */ /')"
    } >"$control/control"
    echo /etc/config/netvitals >"$control/conffiles"
    echo "$postinst" >"$control/postinst"
    echo "$prerm" >"$control/prerm"
    recipe_script postrm >"$control/postrm"
    chmod 0755 "$control"/{postinst,prerm,postrm}
    echo 2.0 >"$work/ipk/debian-binary"
    pack "$tree" >"$work/ipk/data.tar.gz"
    pack "$control" >"$work/ipk/control.tar.gz"
    # The order in which opkg reads.
    tar --format=gnu --numeric-owner --owner=0 --group=0 --mtime="@$epoch" -C "$work/ipk" -c \
        ./debian-binary ./data.tar.gz ./control.tar.gz |
        gzip -9n >"$out/${name}_$version-r${release}_$architecture.ipk"
    made "$out/${name}_$version-r${release}_$architecture.ipk" "$tree"
}

# apk knows neither conffiles nor users: OpenWrt's scripts look for them among the files.
make_apk() {
    local name=$1 tree=$work/apk architecture=$3 scripts=$work/scripts lists
    local file=$out/$name-$apk_version.$architecture.apk
    rm -rf "$tree" "$scripts"
    mkdir "$scripts"
    cp -a "$2" "$tree"
    lists=$tree/lib/apk/packages
    mkdir -p "$lists"
    (cd "$tree" && find . \( -type f -o -type l \) -printf '/%P\n' | sort) >"$work/list"
    mv "$work/list" "$lists/$name.list"
    echo /etc/config/netvitals >"$lists/$name.conffiles"
    printf '/etc/config/netvitals %s\n' \
        "$(sha256sum "$tree/etc/config/netvitals" | cut -d' ' -f1)" >"$lists/$name.conffiles_static"
    echo "$user" >"$lists/$name.rusers"
    find "$tree/lib" -exec touch -h -d "@$epoch" {} +
    # shellcheck disable=SC2016
    local head='#!/bin/sh
[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0
[ -s ${IPKG_INSTROOT}/lib/functions.sh ] || exit 0
. ${IPKG_INSTROOT}/lib/functions.sh
export root="${IPKG_INSTROOT}"
export pkgname="'$name'"'
    printf '%s\nadd_group_and_user\ndefault_postinst\n' "$head" >"$scripts/post-install"
    printf '%s\nexport PKG_UPGRADE=1\nadd_group_and_user\ndefault_postinst\n' \
        "$head" >"$scripts/post-upgrade"
    printf '%s\ndefault_prerm\n' "$head" >"$scripts/pre-deinstall"
    recipe_script postrm >"$scripts/post-deinstall"
    local arguments=(--info "name:$name" --info "version:$apk_version" --info "arch:$architecture"
        --info "description:$(title "$name")" --info "license:MIT OR Apache-2.0"
        --info "maintainer:$maintainer" --info "url:$url" --info "origin:netvitals"
        --files "$tree" --output "$file")
    [[ $name == netvitals ]] || arguments+=(--info "provides:netvitals=$apk_version")
    for script in post-install post-upgrade pre-deinstall post-deinstall; do
        arguments+=(--script "$script:$scripts/$script")
    done
    # The owners in it are those of the files.
    if [[ $(id -u) == 0 ]]; then
        chown -hR 0:0 "$tree"
        apk mkpkg "${arguments[@]}"
    else
        unshare -r apk mkpkg "${arguments[@]}"
    fi
    made "$file" "$tree"
}

make_deb() {
    local name=$1 tree=$2 architecture=$3
    local file=$out/${name}_${deb_version}_$architecture.deb
    mkdir -p "$tree/DEBIAN" "$tree/usr/share/doc/$name" "$tree/etc/netvitals"
    install -m 0644 LICENSE-MIT "$tree/usr/share/doc/$name/copyright"
    {
        echo "Package: $name"
        echo "Version: $deb_version"
        echo "Architecture: $architecture"
        echo "Maintainer: $maintainer"
        echo "Installed-Size: $((($(bytes_installed "$tree") + 1023) / 1024))"
        if [[ $name == netvitals ]]; then
            printf 'Conflicts: netvitals-full\nReplaces: netvitals-full\n'
        else
            printf 'Provides: netvitals\nConflicts: netvitals\nReplaces: netvitals\n'
        fi
        echo "Depends: passwd"
        echo "Section: net"
        echo "Priority: optional"
        echo "Homepage: $url"
        echo "Description: $(synopsis "$name")"
        description "$name" | sed 's/^ */ /'
    } >"$tree/DEBIAN/control"
    printf '/etc/config/netvitals\n/etc/logrotate.d/connmonitor\n' >"$tree/DEBIAN/conffiles"
    cp openwrt/debian/{postinst,prerm,postrm} "$tree/DEBIAN/"
    chmod 0755 "$tree/DEBIAN"/p*
    find "$tree" -exec touch -h -d "@$epoch" {} +
    dpkg-deb --root-owner-group --threads-max=1 --build "$tree" "$file" >/dev/null
    made "$file" "$tree"
}

table="| package | bytes | installed |
|---|--:|--:|"
# Adds the package $1, made of the tree $2, to the table.
made() {
    table+="
| ${1##*/} | $(stat -c %s "$1") | $(bytes_installed "$2") |"
}

for target in "${targets[@]}"; do
    serves=$(awk -v name="$target" '$1 == name { print $NF }' cross/targets.txt)
    [[ $serves ]] || die "there is no target '$target'; see cross/targets.txt"
    for set in $sets; do
        name=netvitals
        [[ $set == http ]] || name+=-full
        binary=dist/netvitals-$target-$set
        [[ -f $binary ]] || die "$binary is missing; run cross/build.sh $target --features $set"
        tree=$work/tree-$target-$set
        if [[ $deb ]]; then
            architecture=$(debian_name "$target")
            [[ $architecture ]] || {
                echo "pack.sh: no .deb for $target: Debian 12 does not know it" >&2
                continue
            }
            stage $name "$binary" "$tree" systemd
            make_deb $name "$tree" "$architecture"
            continue
        fi
        stage $name "$binary" "$tree" openwrt
        for architecture in ${serves//,/ }; do
            make_ipk $name "$tree" "$architecture"
            [[ ! $has_apk ]] || make_apk $name "$tree" "$architecture"
        done
    done
done
echo "$table"
