# SPDX-License-Identifier: BSD-2-Clause
# Roots of Debian releases, made with debootstrap and entered with chroot; sourced by test-debian and test-packages. The
# kernel is this machine's. What is mounted ends with the mount namespace that the caller has made.

# debian_suite RELEASE
debian_suite() {
	case $1 in
	12) echo bookworm ;;
	13) echo trixie ;;
	*) return 1 ;;
	esac
}

# debian_make_root ROOT SUITE [PACKAGES, with commas]
debian_make_root() {
	local root=$1 suite=$2 mirror
	[ ! -e "$root/etc/debian_version" ] || return 0
	mirror=${STOQ_DEBIAN_MIRROR:-$(packaging/debian-mirror)}
	[ -n "$mirror" ] || fail "apt's sources name no Debian mirror: set STOQ_DEBIAN_MIRROR to the URI of one"
	echo "${0##*/}: making $root from $mirror"
	rm -rf "$root.new"
	mkdir -p "$(dirname "$root")"
	debootstrap --variant=minbase ${3:+--include="$3"} "$suite" "$root.new" "$mirror" >"$root.log" 2>&1 ||
		fail "debootstrap failed: $(tail -n 3 "$root.log")"
	mv "$root.new" "$root"
}

# debian_mount ROOT: the root is a mount of its own, which tests that make mount namespaces need. /sys has a BPF file
# system of its own: no guard of this machine is seen.
debian_mount() {
	mountpoint -q "$1" || mount --bind "$1" "$1"
	mount -t proc proc "$1/proc"
	mount --rbind /dev "$1/dev"
	mount -t sysfs sysfs "$1/sys"
	mount -t bpf bpf "$1/sys/fs/bpf"
	mount -t tmpfs tmpfs "$1/run"
	mount -t tmpfs tmpfs "$1/tmp"
}

# debian_network ROOT: names are found there as here.
debian_network() {
	cp -L /etc/resolv.conf "$1/etc/resolv.conf"
}

# debian_inside ROOT COMMAND
debian_inside() {
	chroot "$1" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive DPKG_FORCE=unsafe-io STOQ_WERROR="${STOQ_WERROR:-OFF}" ${http_proxy:+http_proxy="$http_proxy"} \
		${DEB_BUILD_OPTIONS:+DEB_BUILD_OPTIONS="$DEB_BUILD_OPTIONS"} bash -e -c "$2"
}
