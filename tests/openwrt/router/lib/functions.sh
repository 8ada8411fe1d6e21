# shellcheck shell=dash disable=SC2034 # assigned and read by name
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Stands in for OpenWrt's: reads UCI text into variables, and checks values as procd's validator
# does, as far as the init script asks for it.

# Prints the statements of UCI text as calls of config, option and list.
uci_statements() {
	awk '
	{ text = text $0 "\n" }
	function quoted(value) {
		gsub(/\047/, "\047\\\047\047", value)
		return "\047" value "\047"
	}
	function end_word() {
		if (begun) words[++count] = word
		word = ""
		begun = 0
	}
	function end_statement() {
		end_word()
		if (words[1] == "config") {
			section = count > 2 ? words[3] : "cfg" (++anonymous)
			print "config", quoted(words[2]), quoted(section)
		} else if (count == 3 && words[3] != "") {
			print words[1], quoted(words[2]), quoted(words[3])
		}
		count = 0
	}
	END {
		for (i = 1; i <= length(text); i++) {
			c = substr(text, i, 1)
			if (c == "\\" && quote != "\047") {
				word = word substr(text, ++i, 1)
				begun = 1
			} else if (quote != "") {
				if (c == quote) quote = ""
				else word = word c
			} else if (c == "\047" || c == "\"") {
				quote = c
				begun = 1
			} else if (c == "#") {
				while (substr(text, i + 1, 1) != "\n") i++
			} else if (c == "\n") {
				end_statement()
			} else if (c == " " || c == "\t") {
				end_word()
			} else {
				word = word c
				begun = 1
			}
		}
	}' "$1"
}

config() {
	SECTION=$2
	SECTIONS="$SECTIONS $2"
	eval "CONFIG_$2_TYPE=\$1"
}

option() { eval "CONFIG_${SECTION}_$1=\$2"; }

list() {
	local length value
	config_get length "$SECTION" "$1_LENGTH" 0
	config_get value "$SECTION" "$1"
	length=$((length + 1))
	eval "CONFIG_${SECTION}_$1_LENGTH=\$length CONFIG_${SECTION}_$1_ITEM$length=\$2"
	eval "CONFIG_${SECTION}_$1=\${value:+\$value }\$2"
}

config_load() {
	local name
	for name in $(set | sed -n 's/^\(CONFIG_[A-Za-z0-9_]*\)=.*/\1/p'); do unset "$name"; done
	SECTIONS=
	eval "$(uci_statements "/etc/config/$1")"
}

config_get() { eval "$1=\${CONFIG_$2_$3:-\${4-}}"; }

config_get_bool() {
	config_get "$@"
	eval "case \$$1 in
		1 | on | true | yes | enabled) $1=1 ;;
		0 | off | false | no | disabled) $1=0 ;;
		*) $1=\${4-} ;;
	esac"
}

config_foreach() {
	local function="$1" type="$2" found section
	shift 2
	for section in $SECTIONS; do
		config_get found "$section" TYPE
		[ "$found" != "$type" ] || "$function" "$section" "$@"
	done
}

config_list_foreach() {
	local section="$1" name="$2" function="$3" length value item=1
	shift 3
	config_get length "$section" "${name}_LENGTH" 0
	while [ "$item" -le "$length" ]; do
		config_get value "$section" "${name}_ITEM$item"
		"$function" "$value" "$@"
		item=$((item + 1))
	done
}

append() {
	local old
	eval "old=\${$1-}"
	eval "$1=\${old:+\$old }\$2"
}

# is_valid RULE VALUE
is_valid() {
	local rule="$1" value="$2" range word
	case "$rule" in
		string) ;;
		bool)
			case "$value" in
				1 | on | true | yes | enabled | 0 | off | false | no | disabled) ;;
				*) return 1 ;;
			esac
			;;
		uinteger)
			case "$value" in *[!0-9]*) return 1 ;; esac
			;;
		'and(uinteger,range('*)
			range=${rule#*range(}
			range=${range%))}
			# It compares with an int.
			[ "${range#*,}" -le 2147483647 ] || return 1
			is_valid uinteger "$value" && [ "$value" -ge "${range%,*}" ] &&
				[ "$value" -le "${range#*,}" ]
			;;
		'rangelength('*)
			range=${rule#*(}
			range=${range%)}
			[ "${#value}" -ge "${range%,*}" ] && [ "${#value}" -le "${range#*,}" ]
			;;
		"regex('"*)
			range=${rule#*\'}
			range=${range%\')}
			printf '%s\n' "$value" | grep -Eqx "$range"
			;;
		"or('"*)
			range=${rule#*(}
			for word in $(echo "${range%)}" | tr "'," '  '); do
				[ "$word" != "$value" ] || return 0
			done
			return 1
			;;
		'list('*)
			rule=${rule#*(}
			is_valid "${rule%)}" "$value"
			;;
		*)
			echo "unknown rule $rule" >&2
			exit 9
			;;
	esac
}

# publish TYPE RULE…: as procd.sh does it, which leaves a text with the rules between double quotes
# to eval. What is no text of the shell then ends the init script.
publish() {
	local type="$1" rule rules=''
	shift
	for rule; do
		name=${rule%%:*}
		rule=${rule#*:}
		rules="$rules \"$name:${rule%%:*}\""
	done
	eval "record validation \"$type\"$rules"
}

uci_load_validate() {
	local section="$3" type="$2" rule name value result=0
	shift 4
	if [ -z "$section" ]; then
		[ "${VALIDATING-}" != 1 ] || publish "$type" "$@"
		return 0
	fi
	for rule; do
		name=${rule%%:*}
		rule=${rule#*:}
		# What follows another colon is a default.
		rule=${rule%%:*}
		config_get value "$section" "$name"
		[ -z "$value" ] || is_valid "$rule" "$value" || {
			echo "$section.$name=$value validates as $rule with false" >&2
			result=255
		}
	done
	return $result
}
