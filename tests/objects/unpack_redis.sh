#!/bin/sh
# Unpack Debian's redis-server into a folder, with the libraries that are not installed; no root is
# needed. Tells in one line why not where it cannot, and fails.
set -eu
folder=$1

left_out() {
	echo "left out: no redis-server on PATH, and $1; the tests of redis:// will be skipped" >&2
	exit 1
}

for tool in apt-get dpkg dpkg-deb; do
	command -v "$tool" >/dev/null 2>&1 || left_out "there is no $tool to fetch it with"
done
rm -rf "$folder" "$folder.half"
mkdir -p "$folder.half/debs" "$folder.half/lists/partial" "$folder.half/cache/archives/partial"
cd "$folder.half/debs"
half=$(dirname "$PWD")

# With the lists of packages that are there, else with lists of our own.
fetch() {
	apt-get -qq download "$@" >/dev/null 2>&1 && return
	own="-o Dir::State::lists=$half/lists -o Dir::Cache=$half/cache -o APT::Sandbox::User="
	# shellcheck disable=SC2086
	{ [ -e "$half/updated" ] || apt-get -qq $own update; } >/dev/null 2>&1 || return 1
	: >"$half/updated"
	# shellcheck disable=SC2086
	apt-get -qq $own download "$@" >/dev/null 2>&1
}

fetch redis-server redis-tools || left_out "apt-get does not download it"
dpkg-deb -f redis-tools_*.deb Depends | tr ',' '\n' | sed 's/^ *//; s/[ (|].*//' | sort -u |
	while read -r library; do
		case $(dpkg-query -W -f '${Status}' "$library" 2>/dev/null) in
		*' installed') ;;
		*) fetch "$library" || echo "$library" >>"$half/missing" ;;
		esac
	done
[ ! -e "$half/missing" ] || left_out "apt-get does not download $(cat "$half/missing")"
for package in *.deb; do
	dpkg -x "$package" "$half/unpacked"
done
"$half/unpacked/usr/bin/redis-server" --version >/dev/null 2>&1 ||
	LD_LIBRARY_PATH=$(find "$half/unpacked" -name '*.so.*' -exec dirname {} + | sort -u | paste -sd: -) \
		"$half/unpacked/usr/bin/redis-server" --version >/dev/null 2>&1 ||
	left_out "Debian's does not run here"
cd /
mv "$half/unpacked" "$folder"
rm -rf "$half"
