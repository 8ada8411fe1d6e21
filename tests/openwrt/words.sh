#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=dash
# Run in the scratch root: tries the quoting of schedules with COUNT random texts of hostile pieces
# (SEED chooses them). What is accepted must be the same words to sh as it was to the user, and must
# run nothing.

count=$1 seed=$2
# Its functions alone.
# shellcheck source=openwrt/netvitals/files/netvitals.init
. /etc/init.d/netvitals

show() {
	for word; do echo "<$word>"; done
}

awk -v count="$count" -v seed="$seed" 'BEGIN {
	srand(seed)
	harmless = "a|b c|--x=1| |  |\047|\"|\\|\\\047|\\\"|#|*|?|~|[a]|{a,b}|!|=|é"
	hostile = "$(touch /tmp/hit)|`touch /tmp/hit`|;|&|%|<|>|(|)|\t|$x|-"
	n = split(harmless "|" hostile, pieces, "|")
	pieces[++n] = "|"
	while (count--) {
		text = ""
		# Of the first pieces more often: what is refused for a single character is not tried.
		for (i = int(rand() * 8); i >= 0; i--)
			text = text pieces[1 + int(rand() * (rand() < 0.9 ? 19 : n))]
		print text
	}
}' >/tmp/texts

accepted=0 tried=0
while IFS= read -r text; do
	tried=$((tried + 1))
	line=$(words "$text") || continue
	accepted=$((accepted + 1))
	# No dollar, backquote, separator or redirection is in it: nothing but words can come of it.
	wanted=$(HOME='~' && set -f && eval "set -- $text" && show "$@")
	found=$(cd /mnt && sh -c "show() { for word; do echo \"<\$word>\"; done; }
show$line # netvitals:x")
	[ "$wanted" = "$found" ] || {
		echo "'$text' became '$line'"
		exit 1
	}
	case "$line" in
		*[\`\$\;\|\&\<\>\(\)%]*)
			echo "'$text' was accepted as '$line'"
			exit 1
			;;
	esac
done </tmp/texts
[ ! -e /tmp/hit ] || {
	echo "a command ran"
	exit 1
}
echo "$tried texts, $accepted accepted"
[ "$accepted" -gt $((tried / 20)) ] && [ "$accepted" -lt "$tried" ]
