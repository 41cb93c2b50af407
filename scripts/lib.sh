# Shared by the scripts: where the project is, how to speak, how to install. Sourced, not run.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

BUILD_PACKAGES=(cmake ninja-build pkg-config gcc libc6-dev libevent-dev libcurl4-openssl-dev libarchive-dev
	libssl-dev libyaml-dev libsqlite3-dev libseccomp-dev zlib1g-dev libzstd-dev
	libbz2-dev liblzma-dev nettle-dev libxml2-dev)
TEST_PACKAGES=(clang clang-tidy libclang-rt-14-dev libcmocka-dev libjansson-dev valgrind strace python3 python3-venv
	curl openssl procps)

say() { printf '%s==>%s %s\n' "${BOLD:-}" "${PLAIN:-}" "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then BOLD=$'\e[1m' PLAIN=$'\e[0m'; fi

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"
	elif command -v sudo >/dev/null; then sudo "$@"
	else die "installing packages needs root: run as root, or install sudo. Wanted: $*"
	fi
}

# install_packages NAME…: installs what is missing, says what it does.
install_packages() {
	local missing=() name
	command -v apt-get >/dev/null || die "this script installs Debian packages, and apt-get is not here. Install: $*"
	for name in "$@"; do
		dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing ${missing[*]}"
	as_root apt-get update -qq
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The image may carry libraries older than their security fixes; CMake refuses those (cmake/Dependencies.cmake).
upgrade_libraries() {
	local libs=(libevent-core-2.1-7 libevent-openssl-2.1-7 libevent-pthreads-2.1-7 libarchive-dev libarchive13 libcurl4 libssl3 libsqlite3-0)
	local old
	old=$(apt-get -s install --only-upgrade "${libs[@]}" 2>/dev/null | awk '/^Inst/ {print $2}' | xargs)
	[ -z "$old" ] || {
		say "upgrading $old"
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --only-upgrade "${libs[@]}" >/dev/null
	}
}

# build PRESET [TARGET…]
build() {
	local preset=$1; shift
	say "building the $preset preset"
	[ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >"build-$preset.log" 2>&1 ||
		{ cat "build-$preset.log"; rm -f "build-$preset.log"; die "configuring the $preset preset failed"; }
	rm -f "build-$preset.log"
	cmake --build --preset "$preset" ${1:+--target "$@"} -- --quiet
}

# free_port: a TCP port of 127.0.0.1 that nobody listens on.
free_port() {
	python3 - <<-'P'
	import socket
	s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])
	P
}
