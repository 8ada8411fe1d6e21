# shellcheck shell=bash disable=SC2016,SC1003,SC2154 # quoted for somebody else; of run.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The init script on a router that is made up: what procd is told, and the crontab. It is sourced by
# run.sh, not run.

# Makes the router of the directory $1, with ujail when $2 is jail.
router() {
    local library applet
    mkdir -p "$1"/{bin,sbin,dev,mnt/flash,tmp/run,usr/bin,usr/share} \
        "$1"/etc/{netvitals,ssl/certs,init.d,config,crontabs,capabilities}
    ln -s tmp "$1/var"
    chmod 1777 "$1/tmp"
    cp "$(command -v busybox)" "$1/bin/"
    while read -r library; do
        mkdir -p "$1${library%/*}"
        cp -L "$library" "$1$library"
    done < <(ldd "$1/bin/busybox" 2>/dev/null | grep -o '/[^ ]*' || true)
    # busybox-static lists itself.
    for applet in $(busybox --list); do
        [[ -e $1/bin/$applet ]] || ln -s busybox "$1/bin/$applet"
    done
    mknod -m 666 "$1/dev/null" c 1 3 2>/dev/null || touch "$1/dev/null"
    cp -r "$tests"/router/. "$tests"/words.sh "$1/"
    chmod +x "$1/etc/rc.common"
    cp "$files"/netvitals.init "$1/etc/init.d/netvitals"
    cp "$files"/*.json "$1/etc/capabilities/"
    printf '#!/bin/sh\necho "$*" >>/tmp/cron\n[ "$1" != enabled ] || [ -e /etc/cron-enabled ]\n' \
        >"$1/etc/init.d/cron"
    # The program refuses files with the option 'bogus'.
    cat >"$1/usr/bin/netvitals" <<'END'
#!/bin/sh
[ "$*" = 'agent --config /etc/config/netvitals --test' ] || exit 0
! grep -q bogus "$3" || {
	printf 'agent: error: %s\n' "$3:3: option 'bogus': unknown" "$3:4: another" >&2
	exit 2
}
END
    touch "$1/etc/cron-enabled"
    chmod +x "$1"/etc/init.d/* "$1/usr/bin/netvitals"
    [[ $2 != jail ]] || cp "$1/usr/bin/netvitals" "$1/sbin/ujail"
    printf '%s:/bin/false\n' root:x:0:0:root:/root netvitals:x:489:489::/var/run/netvitals \
        nobody:x:65534:65534::/var >"$1/etc/passwd"
    printf 'root:x:0:\nnetvitals:x:489:\n' >"$1/etc/group"
    printf 'lan br-lan\nwan eth1\n' >"$1/tmp/network"
    echo CET-1CEST >"$1/etc/TZ"
    for name in hosts resolv.conf netvitals/{names,ca.pem,hosts.conf} config/{network,dhcp}; do
        echo "$name" >"$1/etc/$name"
    done
    echo firewall >"$1/etc/config/firewall"
    echo secret >"$1/etc/netvitals/es.pass"
    chmod 0600 "$1/etc/netvitals/es.pass" "$1/etc/config/"{dhcp,firewall}
    install -m 0600 "$files"/netvitals.conf "$1/etc/config/netvitals"
}

# Runs the init script of the router $1; what it says and its status become $said and $status.
service() {
    local router=$1
    shift
    rm -f "$router/tmp/procd"
    status=0
    said=$(chroot "$router" /etc/init.d/netvitals "$@" 2>&1) || status=$?
}

# What procd was told, what stands in root's crontab, and the files of the service.
told() {
    cat "$1/tmp/procd" 2>/dev/null || true
    echo "crontab:"
    cat "$1/etc/crontabs/root" 2>/dev/null || true
    echo "files:"
    (cd "$1" && find tmp/run/netvitals tmp/netvitals mnt/flash -printf '%M %U %G %p\n' 2>/dev/null |
        sort -k4)
}

# What tells the instances $@ to read again.
hangup() {
    printf 'signal { "name": "netvitals", "instance": "%s", "signal": 1 }\n' "$@"
}

part_init() {
    local box text
    # As it is shipped: nothing runs, procd waits for a change.
    box=$work/default
    router "$box" jail
    service "$box" start
    check "default: status" 0 "$status"
    compare default "$(told "$box")"
    check "default: nothing on flash" "" "$(find "$box/etc/crontabs" -type f)"

    box=$work/jailed
    router "$box" jail
    cp "$tests"/cases/plain.conf "$box/etc/config/netvitals"
    service "$box" start
    check "jailed: said" "" "$said"
    compare jailed "$(told "$box")"
    check "jailed: the copy is the file" "$(cat "$box/etc/config/netvitals")" \
        "$(cat "$box/tmp/run/netvitals/conf/netvitals")"
    # The same again is the same, so that procd does nothing.
    text=$(told "$box" | grep -v ' tmp/run/netvitals/conf/sums$')
    service "$box" reload
    check "jailed: reload without a change" "$text" \
        "$(told "$box" | grep -v ' tmp/run/netvitals/conf/sums$')"
    # What runs is told of a change in what it reads, not by procd's reload_signal: procd would send
    # that instead of a restart for whatever is new in the definition.
    echo "dhcp again" >"$box/etc/config/dhcp"
    service "$box" reload
    check "jailed: a file that changed" "$(hangup agent)" "$(grep signal "$box/tmp/procd")"
    contains "jailed: told before procd may start another one" "close_instance
$(hangup agent)
triggers" "$(cat "$box/tmp/procd")"
    service "$box" reload
    check "jailed: told once" "" "$(grep signal "$box/tmp/procd" || true)"
    # What comes later changes the definition; another device behind lan, a file of it.
    touch "$box/tmp/dhcp.leases"
    echo "lan br-home" >"$box/tmp/network"
    service "$box" reload
    contains "jailed: leases that come later" 'add_jail_mount </tmp/dhcp.leases>' "$(told "$box")"
    contains "jailed: interfaces" 'lan br-home' "$(cat "$box/tmp/run/netvitals/conf/interfaces")"
    contains "jailed: interfaces: told" "$(hangup agent)" "$(cat "$box/tmp/procd")"
    # Who starts with the change is not told of it: a signal could come too early.
    sed -i '/^agent$/d' "$box/tmp/running"
    echo "dhcp once more" >"$box/etc/config/dhcp"
    service "$box" reload
    check "jailed: started again: not told" "" "$(grep signal "$box/tmp/procd" || true)"
    # The agent's user has put something in the place of root's directory.
    rm -rf "$box/tmp/run/netvitals/conf"
    ln -s /etc "$box/tmp/run/netvitals/conf"
    service "$box" reload
    check "jailed: no link is followed" "" "$(find "$box/etc" -maxdepth 1 -name interfaces)"
    check "jailed: the link is gone" directory "$(stat -c %F "$box/tmp/run/netvitals/conf")"
    service "$box" stop
    check "jailed: copies after stop" "" "$(find "$box/tmp/run/netvitals" -name conf)"

    box=$work/small-flash
    router "$box" none
    cp "$tests"/cases/plain.conf "$box/etc/config/netvitals"
    service "$box" start
    compare small-flash "$(told "$box")"

    for box in full full-small-flash; do
        router "$work/$box" "$([[ $box == full ]] && echo jail)"
        cp "$tests"/cases/full.conf "$work/$box/etc/config/netvitals"
        service "$work/$box" start
        check "$box: said" "" "$said"
        compare $box "$(told "$work/$box")"
    done
    text=$(cat "$work/full/tmp/run/netvitals/conf/netvitals")
    contains "full: the secret is a copy" \
        "option password_file '/var/run/netvitals/conf/files/etc/netvitals/es.pass'" "$text"
    contains "full: of a file that is not" "api_key_file '/var/run/netvitals/conf/files/etc" "$text"
    contains "full: the rest is as it was" "option name \"it's a tv # really\"" "$text"
    check "full: secret" secret \
        "$(cat "$work/full/tmp/run/netvitals/conf/files/etc/netvitals/es.pass")"
    check "full: mode of the spool" 700 "$(stat -c %a "$work/full/mnt/flash/spool")"
    # A secret that changed is copied before procd compares.
    echo changed >"$work/full/etc/netvitals/es.pass"
    service "$work/full" reload
    check "full: new secret" changed \
        "$(cat "$work/full/tmp/run/netvitals/conf/files/etc/netvitals/es.pass")"
    # One that cannot be read changes nothing; what runs goes on.
    rm "$work/full/etc/netvitals/es.pass"
    service "$work/full" reload
    check "full: without the secret: status" 1 "$status"
    contains "full: without the secret" \
        "option 'password_file': /etc/netvitals/es.pass cannot be read" "$said"
    check "full: without the secret: procd hears nothing" "open_service <netvitals>" \
        "$(cat "$work/full/tmp/procd")"
    check "full: the old copy stays" changed \
        "$(cat "$work/full/tmp/run/netvitals/conf/files/etc/netvitals/es.pass")"

    # With a jail the secret is in no definition, and without one what procd does not know either.
    box=$work/full-small-flash
    echo changed >>"$box/etc/netvitals/hosts.conf"
    service "$box" reload
    check "small flash: hosts that changed" "$(hangup agent connmonitor-lines)" \
        "$(grep signal "$box/tmp/procd")"
    echo changed >"$box/etc/netvitals/es.pass"
    service "$box" reload
    check "small flash: a secret that changed" "$(hangup agent connmonitor-lines)" \
        "$(grep signal "$box/tmp/procd" || true)"
    service "$box" reload
    check "small flash: told once" "" "$(grep signal "$box/tmp/procd" || true)"

    # Another user than the package's: no jail, the agent becomes it.
    box=$work/user
    router "$box" jail
    sed "2i\\\toption user 'nobody'" "$tests"/cases/plain.conf >"$box/etc/config/netvitals"
    service "$box" start
    contains "user: config" "<--config> </etc/config/netvitals>" "$(told "$box")"
    check "user: jail" "" "$(grep jail "$box/tmp/procd" || true)"
    check "user: owner" 65534 "$(stat -c %u "$box/tmp/netvitals")"
    # Who comes next writes to what the other left.
    echo 1 >"$box/tmp/netvitals/latest.json"
    mkdir "$box/tmp/netvitals/spool"
    echo 1 >"$box/tmp/run/netvitals/state.json"
    chown -R 65534:65534 "$box"/tmp/netvitals "$box/tmp/run/netvitals/state.json"
    ln -s /etc/passwd "$box/tmp/netvitals/link"
    cp "$tests"/cases/plain.conf "$box/etc/config/netvitals"
    service "$box" reload
    check "user: the jail's again" "489 489 489 489 489" "$(stat -c %u "$box"/tmp/netvitals \
        "$box"/tmp/netvitals/{latest.json,spool,link} "$box/tmp/run/netvitals/state.json" | xargs)"
    rm "$box/sbin/ujail"
    service "$box" reload
    check "user: root's" "0 0 0 0" "$(stat -c %u "$box"/tmp/netvitals \
        "$box"/tmp/netvitals/{latest.json,spool} "$box/tmp/run/netvitals/state.json" | xargs)"
    check "user: no link is followed" 0 "$(stat -c %u "$box/etc/passwd")"

    box=$work/disabled
    router "$box" jail
    sed "s/enabled '1'/enabled '0'/" "$tests"/cases/full.conf >"$box/etc/config/netvitals"
    service "$box" start
    check "disabled: instances" "" "$(grep open_instance "$box/tmp/procd" || true)"
    check "disabled: crontab" "" "$(find "$box/etc/crontabs" -type f)"

    refused
}

# Writes a configuration with a schedule of these options and this time to the router $1.
schedule() {
    local quoted=() text
    for text in "$2" "$3"; do quoted+=("'${text//\'/\'\\\'\'}'"); done
    printf "config schedule 'x'\n\toption enabled '1'\n\toption applet 'netmon'\n" \
        >"$1/etc/config/netvitals"
    printf '\toption options %s\n\toption cron %s\n' "${quoted[@]}" >>"$1/etc/config/netvitals"
}

part_schedules() {
    local box=$work/schedules text name own
    router "$box" jail

    # What may not stand in the crontab.
    for text in '$(reboot)' '`reboot`' '"$(reboot)"' 'a; reboot' 'a | sh' 'a & reboot' \
        'a && reboot' \
        '>/etc/passwd' '</etc/passwd' '100%' "it's" '"open' 'a\' $'a\n* * * * * reboot' \
        $'a\r* * * * * reboot' $'a\treboot' '# comment' 'a # netvitals:y' '(reboot)' '$HOME' \
        $'\'a\n* * * * * reboot\''; do
        schedule "$box" "$text" '* * * * *'
        service "$box" start
        contains "options $text" "section 'x' (schedule): option 'options': allowed" "$said"
        check "options $text: crontab" "" "$(find "$box/etc/crontabs" -type f)"
    done
    for text in '' '* * * *' '* * * * * reboot' '* * * * *; reboot' '60 * * * *' '* 24 * * *' \
        '* * 0 * *' '* * * 13 *' '* * * * 8' '*/5x * * * *' '*/a * * * *' '*/0 * * * *' \
        '*/60 * * * *' '5-1 * * * *' '1, * * * *' '-1 * * * *' '* * * anf *' 'mon * * * *' \
        '@reboot' $'* * * * *\n* * * * * reboot' $'* * * * *\n' '$(reboot) * * * *' '% * * * *' \
        '* * * * * # netvitals:y'; do
        schedule "$box" '' "$text"
        service "$box" start
        contains "cron $text" "section 'x' (schedule): option 'cron': allowed" "$said"
        check "cron $text: crontab" "" "$(find "$box/etc/crontabs" -type f)"
    done

    # What may, and what it becomes.
    while IFS='|' read -r text name; do
        schedule "$box" "$text" ' */5	8-18/2  1,15 jan-Mar * '
        service "$box" start
        check "options $text" \
            "*/5 8-18/2 1,15 jan-Mar * /usr/bin/netvitals netmon$name # netvitals:x" \
            "$(cat "$box/etc/crontabs/root")"
    done <<'END'
|
--eshost localhost:9200 --esindex notnetmon| --eshost localhost:9200 --esindex notnetmon
  -i 'eth*'  -i "!lo"| -i 'eth*' -i '!lo'
"it's" \"x\" ''| 'it'\''s' '"x"' ''
~root a#b c\ d| '~root' 'a#b' 'c d'
END
    said=$(chroot "$box" sh /words.sh 300 "${NETVITALS_SEED:-$RANDOM}" 2>&1) ||
        fail "words.sh: $said"

    # Lines of the user stay, to the byte.
    own=$work/own
    for text in '' $'MAILTO=""\n\n# netvitals:x\n0 4 * * * /usr/bin/netvitals netmon # mine\n' \
        '1 2 3 4 5 no-line-end' $'* * * * * a\r\n* * * * * b\xff\n\n\n'; do
        printf %s "$text" >"$own"
        rm -f "$box/etc/crontabs/root"
        [[ -z $text ]] || install -m 0640 "$own" "$box/etc/crontabs/root"
        cp "$tests"/cases/full.conf "$box/etc/config/netvitals"
        service "$box" start
        check "crontab: what was added" "$(sed -n '1,2p' "$tests/expected/full.crontab")" \
            "$(head -n 2 "$box/etc/crontabs/root")"
        tail -n +3 "$box/etc/crontabs/root" | cmp - "$own" || fail "crontab: start: $text"
        # Another schedule takes the place of the old ones; the same again writes nothing.
        schedule "$box" --pprint '0 4 * * *'
        service "$box" reload
        tail -n +2 "$box/etc/crontabs/root" | cmp - "$own" || fail "crontab: reload: $text"
        rm -f "$box/tmp/cron"
        name=$(stat -c '%i %Y' "$box/etc/crontabs/root")
        service "$box" reload
        check "crontab: written without need" "$name" "$(stat -c '%i %Y' "$box/etc/crontabs/root")"
        check "cron: restarted without need" "" "$(cat "$box/tmp/cron" 2>/dev/null || true)"
        service "$box" stop
        if [[ $text ]]; then
            cmp "$own" "$box/etc/crontabs/root" || fail "crontab: after stop: $text"
            check "crontab: mode" 640 "$(stat -c %a "$box/etc/crontabs/root")"
        else
            check "crontab: none after stop" "" "$(find "$box/etc/crontabs" -type f)"
        fi
        check "cron: restarted" "enabled restart" "$(xargs <"$box/tmp/cron")"
    done
    # Where cron is off, that is said.
    rm "$box/etc/cron-enabled"
    schedule "$box" '' '0 4 * * *'
    service "$box" start
    contains "cron is off" "schedules will not run: enable cron" "$said"
}

# until COMMAND…: waits for it to succeed, for ten seconds.
until_it_does() {
    local try
    for ((try = 0; try < 100; try++)); do
        if "$@" 2>/dev/null; then return; fi
        sleep 0.1
    done
    echo "in vain: $*"
}
export -f until_it_does

# The agent itself in what the init script asks procd for, where there is a binary.
part_jail() {
    local box=$work/real text unshare library binary=${NETVITALS:-target/debug/netvitals}
    [[ -x $binary ]] || { echo "packages: no $binary: the jail is not tested" && return; }
    router "$box" jail
    cp "$binary" "$box/usr/bin/netvitals"
    for library in $(ldd "$binary" | grep -o '/[^ ]*'); do
        mkdir -p "$box${library%/*}"
        cp -Ln "$library" "$box$library"
    done
    printf "config interface 'lan'\n\toption device 'br-lan'\n" >"$box/etc/config/network"
    chmod 0600 "$box/etc/config/network"
    printf "config host\n\toption mac '02:00:00:00:01:01'\n\toption name 'tv'\n" \
        >"$box/etc/config/dhcp"
    cp "$tests/cases/plain.conf" "$box/etc/config/netvitals"
    printf "\nconfig output 'es'\n\toption type 'elastic'\n\toption url 'http://127.0.0.1:9'\n" \
        >>"$box/etc/config/netvitals"
    printf "\toption user 'x'\n\toption password_file '/etc/netvitals/es.pass'\n" \
        >>"$box/etc/config/netvitals"
    sed -i "s/^config netvitals.*/&\n\toption interval '1s'/" "$box/etc/config/netvitals"
    service "$box" start
    check "jail: said" "" "$said"
    mkdir "$work/jail"
    # First documents; then other settings, renewed before the signal.
    unshare=(unshare --mount-proc --net --pid --fork --kill-child)
    text=$("${unshare[@]}" "$tests/ujail.sh" "$box" "$work/jail" "
        config='$box/etc/config/netvitals'
        until_it_does grep -q realtimeSnapshot '$box/tmp/netvitals/latest.json'
        sed -i \"s/^config netvitals.*/&\\n\\toption server_id 'renamed'/\" \"\$config\"
        chroot '$box' /etc/init.d/netvitals reload
        kill -HUP \$agent
        until_it_does grep -q '\"serverId\":\"renamed\"' '$box/tmp/netvitals/latest.json'
        until_it_does test -s '$box/tmp/run/netvitals/state.json'
        until_it_does sh -c 'ls -A $box/tmp/netvitals/spool/*'
        grep -E 'Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs|^Uid' /proc/\$agent/status" 2>&1) ||
        fail "jail: status $?"
    contains "jail: user" "Uid:	489	489	489	489" "$text"
    contains "jail: no more privileges" "NoNewPrivs:	1" "$text"
    contains "jail: SIGHUP" "configuration read again" "$text"
    # Nothing else is missing there than the server.
    check "jail: complaints" "" \
        "$(grep -E 'warning|error|cannot|in vain' <<<"$text" | grep -v "output 'es'" || true)"
    check "jail: owner of the state" "489 640" \
        "$(stat -c '%u %a' "$box/tmp/run/netvitals/state.json")"
    [[ ! ${VERBOSE-} ]] || { echo "$text" && head -c 3000 "$box/tmp/netvitals/latest.json"; }
}
