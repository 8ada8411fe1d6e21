# shellcheck shell=bash disable=SC2016,SC1003,SC2154 # quoted for somebody else; of run.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# What the init script refuses. It is sourced by run.sh, not run.

# Values that are refused, each with its option; without them the file is good.
refused() {
    local box=$work/refused line section option value
    router "$box" jail
    while read -r section option value; do
        sed "/^config.*'$section'/a\\\toption $option '$value'" "$tests"/cases/full.conf |
            awk -v section="'$section'" -v option="$option" '
                /^config/ { inside = index($0, section); seen = 0 }
                inside && $2 == option && seen++ { next }
                { print }' >"$box/etc/config/netvitals"
        rm -f "$box/tmp/running"
        service "$box" start
        contains "refused: $option '$value'" "section '$section' (" "$said"
        contains "refused: $option '$value'" "option '$option': " "$said"
        check "refused: $option '$value': instances" "" \
            "$(grep open_instance "$box/tmp/procd" || true)"
        check "refused: $option '$value': crontab" "" "$(find "$box/etc/crontabs" -type f)"
        check "refused: $option '$value': the trigger stays" 1 \
            "$(grep -c add_reload_trigger "$box/tmp/procd")"
    done <<'END'
main enabled maybe
main interval 5x
main interval 1.2345s
main interval -1
main capture pcap
main ring_kib 127
main ring_kib 1e3
main discovery on
main discovery_rate 0
main spool_kib 63
main log_level loud
es type mqtt
es url ftp://192.0.2.9/
es batch 5001
es timeout soon
rates applet reboot
rates enabled 2
lines loss_limit 101
lines state up
gate hourly hourly
gate memory_mib 0
gate max_log_late_seconds 1000000000
END
    sed '/type/d' "$tests"/cases/plain.conf >"$box/etc/config/netvitals"
    service "$box" start
    contains "refused: output without type" "section 'latest' (output): option 'type': missing" \
        "$said"
    sed '/path/d' "$tests"/cases/plain.conf >"$box/etc/config/netvitals"
    service "$box" start
    contains "refused: file without path" "section 'latest' (output): option 'path': missing" \
        "$said"
    printf "config netvitals 'other'\n" | cat "$tests"/cases/plain.conf - \
        >"$box/etc/config/netvitals"
    service "$box" start
    contains "refused: two agents" "section 'other' (netvitals): there is one already" "$said"
    check "refused: two agents: instances" "" "$(grep open_instance "$box/tmp/procd" || true)"
    sed "s/type 'file'/type 'stdout'/; /path/d" "$tests"/cases/plain.conf \
        >"$box/etc/config/netvitals"
    service "$box" start
    contains "refused: no output" "no output configured" "$said"
    check "refused: no output: instances" "" "$(grep open_instance "$box/tmp/procd" || true)"
    sed '/option to_host/d' "$tests"/cases/full.conf >"$box/etc/config/netvitals"
    service "$box" start
    contains "refused: no host" "section 'gate' (connspy): nothing is asked for" "$said"
    check "refused: no host: instances" "" "$(grep open_instance "$box/tmp/procd" || true)"
    for line in busiest_from_host only_complete_hours; do
        sed "s/^config connspy.*/&\n\toption $line '1'/; /option hourly/d
            s/^config connspy.*/&\n\toption busiest_host '1'/" "$tests"/cases/full.conf \
            >"$box/etc/config/netvitals"
        service "$box" start
        contains "refused: $line" "section 'gate' (connspy): option '" "$said"
        contains "refused: $line" "'$([[ $line == b* ]] && echo "$line" || echo hourly)'; nothing" \
            "$said"
    done
    # What only the program knows; every line of it.
    sed "s/^config netvitals.*/&\n\toption bogus '1'/" "$tests"/cases/plain.conf \
        >"$box/etc/config/netvitals"
    service "$box" start
    contains "refused: unknown option" \
        "netvitals: /etc/config/netvitals:3: option 'bogus': unknown; nothing was changed" "$said"
    contains "refused: and another" \
        "netvitals: /etc/config/netvitals:4: another; nothing was changed" "$said"
    check "refused: unknown option: instances" "" "$(grep open_instance "$box/tmp/procd" || true)"
    # UCI itself: a name, and what is set but not written.
    sed "s/^config output.*/config output 'a-b'/" "$tests"/cases/plain.conf \
        >"$box/etc/config/netvitals"
    service "$box" start
    contains "refused: no UCI" "/etc/config/netvitals: Parse error (invalid character" "$said"
    check "refused: no UCI: once" 1 "$(wc -l <<<"$said")"
    cp "$tests"/cases/plain.conf "$box/etc/config/netvitals"
    mkdir "$box/tmp/.uci"
    echo "netvitals.main.enabled='0'" >"$box/tmp/.uci/netvitals"
    service "$box" start
    contains "refused: not committed" "uci commit netvitals" "$said"
    check "refused: not committed: instances" "" "$(grep open_instance "$box/tmp/procd" || true)"
    rm -r "$box/tmp/.uci"
    # While something runs, what is refused changes nothing; also when it is not the first.
    sed "s/enabled '1'/enabled 'maybe'/" "$tests"/cases/plain.conf >"$box/etc/config/netvitals"
    echo netvitals >"$box/tmp/running"
    service "$box" start
    check "refused: nothing runs" "0 1" "$status $(grep -c close_service "$box/tmp/procd")"
    printf 'netvitals\nconnmonitor-lines\n' >"$box/tmp/running"
    service "$box" start
    check "refused: something runs" "1 0" "$status $(grep -c close_service "$box/tmp/procd")"
    rm "$box/tmp/running"
    # Names that could be more than a name to procd's functions.
    for line in 'lan /tmp/x' '$(reboot)' 'lan;reboot' 'lan*'; do
        sed "s,^config netvitals.*,&\n\tlist interface '$line'," "$tests"/cases/plain.conf \
            >"$box/etc/config/netvitals"
        service "$box" start
        contains "refused: interface $line" "section 'main': option 'interface': allowed" "$said"
    done
    # Paths that could be more than a path to procd's functions.
    for line in '/tmp/a b/x' '/tmp/$(reboot)/x' '/tmp/../etc/x' '/tmp/a:b/x' 'tmp/x' '/x'; do
        sed "s,/tmp/netvitals/latest.json,$line," "$tests"/cases/plain.conf \
            >"$box/etc/config/netvitals"
        service "$box" start
        contains "refused: path $line" "allowed: no link" "$said"
    done
    # Without a jail a broken file is refused as well.
    rm "$box/sbin/ujail"
    sed "s/enabled '1'/enabled 'maybe'/" "$tests"/cases/plain.conf >"$box/etc/config/netvitals"
    service "$box" start
    contains "refused: small flash" "option 'enabled'" "$said"
}
