# shellcheck shell=dash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Stands in for OpenWrt's: /tmp/network has lines of interface and device.

network_flush_cache() { :; }

network_get_device() {
	local __device
	__device=$(awk -v name="$2" '$1 == name { print $2 }' /tmp/network)
	eval "$1=\$__device"
	[ -n "$__device" ]
}

network_find_wan() { eval "$1=wan"; }
