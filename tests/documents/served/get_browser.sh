#!/bin/sh
# Get what the tests of the client in JavaScript need, into a folder: playwright-core and TypeScript
# from npm, and Debian's Chromium where no browser is installed: installed by root, for others
# unpacked with the libraries that are not there. Tells in one line why not where it cannot, and fails.
set -eu
folder=$1

left_out() {
	echo "left out: $1; tests of the client in JavaScript will be skipped" >&2
	exit 1
}

mkdir -p "$folder/browser"
command -v node >/dev/null && command -v npm >/dev/null || left_out "there is no Node.js with npm"
npm install --prefix "$folder/browser" --no-save --no-audit --no-fund --silent \
	playwright-core@1.64.1 typescript@5.9.3 >"$folder/browser/npm.log" 2>&1 ||
	left_out "npm does not install playwright-core and typescript ($folder/browser/npm.log)"

for name in chromium chromium-browser google-chrome google-chrome-stable; do
	if command -v "$name" >/dev/null; then exit 0; fi
done
command -v apt-get >/dev/null || left_out "no Chromium is installed, and there is no apt-get"
if [ "$(id -u)" = 0 ]; then
	install() {
		DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
			chromium fonts-dejavu-core >"$folder/browser/apt.log" 2>&1
	}
	install || { apt-get -qq update >/dev/null 2>&1 && install; } ||
		left_out "apt-get does not install chromium ($folder/browser/apt.log)"
	exit 0
fi

half=$folder/chromium.half
rm -rf "$folder/chromium" "$half"
mkdir -p "$half/debs" "$half/lists/partial" "$half/cache/archives/partial"
cd "$half/debs"

# With the lists of packages that are there, else with lists of our own.
fetch() {
	missing=$(apt-get -s "$@" --no-install-recommends install chromium fonts-dejavu-core 2>/dev/null |
		sed -n 's/^Inst \([^ ]*\) (.*/\1/p') && [ "$missing" ] || return 1
	# shellcheck disable=SC2086
	apt-get -qq "$@" download $missing >/dev/null 2>&1
}

own="-o Dir::State::lists=$half/lists -o Dir::Cache=$half/cache -o APT::Sandbox::User="
# shellcheck disable=SC2086
fetch || { apt-get -qq $own update >/dev/null 2>&1 && fetch $own; } ||
	left_out "no Chromium is installed, and apt-get does not download it"
for package in *.deb; do
	dpkg -x "$package" "$half/unpacked"
done
LD_LIBRARY_PATH=$(find "$half/unpacked" -name '*.so*' -exec dirname {} + | sort -u | paste -sd: -) \
	"$half/unpacked/usr/lib/chromium/chromium" --version >/dev/null 2>&1 ||
	left_out "Debian's Chromium does not run here"
cd /
mv "$half/unpacked" "$folder/chromium"
rm -rf "$half"
