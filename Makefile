# SPDX-License-Identifier: BSD-2-Clause
# The front door. CMake does the work; `make help` lists what there is.

TARGET ?= auto
KERNEL ?= 6.1
SECONDS ?= 60
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
# A compiler that is newer than this tree has warnings of its own: they stop CI, not users.
export STOQ_WERROR ?= $(if $(CI),ON,OFF)

configure = cmake --preset release --log-level=WARNING -DCMAKE_INSTALL_PREFIX=$(PREFIX) -DSTOQ_WERROR=$(STOQ_WERROR)

.PHONY: all build build-all demo demo-fleet test test-kernels test-debian-13 test-arm64 test-packages bench bench-flood lint format fuzz deb dist rpm oci install uninstall clean help
all: build

## build: stoq, libstoq and the manual, in build/; what they need is installed
build:
	@packaging/install-packages build
	@$(configure) $(if $(wildcard build/CMakeCache.txt),,-DSTOQ_TESTS=OFF) >/dev/null
	@cmake --build build --target product

# With the tests and what the benchmarks run.
build-all:
	@packaging/install-packages build test
	@$(configure) -DSTOQ_TESTS=ON >/dev/null
	@cmake --build build

## demo: the QEMU host, its driver, the hook and the target, with real I/O [TARGET=spdk|kernel]
demo: build
	@packaging/install-packages lab
	@lab/demo --target $(TARGET) --kernel $(KERNEL)

## demo-fleet: three nodes in network namespaces, a Prometheus, real traffic, and the dashboards in a browser [SECONDS=60]
demo-fleet: build-all
	@packaging/install-packages fleet
	@lab/demo-fleet $(SECONDS)

## test: all tests; what cannot run here says why
test: build-all
	@packaging/install-packages lab fuzz
	@tests/run

## test-kernels: the lab's tests on every kernel we support, and the one below
test-kernels: build-all
	@packaging/install-packages lab
	@tests/run kernels

## test-debian-13: builds in a Debian 13 of its own (debootstrap), and runs the tests that can run there
test-debian-13:
	@packaging/test-debian 13

## test-arm64: cross-builds for arm64, runs its tests with qemu-user, and boots an arm64 guest, in a root of its own (debootstrap)
test-arm64:
	@packaging/test-arm64

## test-packages: Debian packages, built and tried in roots of Debian 12 and 13; the image for containers
test-packages:
	@packaging/test-packages 12
	@packaging/test-packages 13
	@packaging/install-packages oci
	@packaging/make-oci build/packages-$(if $(wildcard /etc/debian_version),$(shell cut -d. -f1 /etc/debian_version))
	@packaging/test-oci

## bench: what attaching costs, and what the transport does beside TCP
bench: build-all
	@packaging/install-packages bench
	@bench/run
	@bench/turns
	@bench/veth
	@bench/transport
	@bench/ebpf_throughput

## bench-flood: what a flood leaves of a connection, with the XDP filter and without
bench-flood: build-all
	@bench/flood

## bench-tunnel: what stoq tunnel does beside plaintext TCP and stunnel, over veth and over a path that loses packets
bench-tunnel: build-all
	@packaging/install-packages bench
	@bench/tunnel

## lint: formatting, clang-tidy, cppcheck, warnings of gcc and clang
lint:
	@packaging/install-packages build test lint
	@packaging/lint

## format: rewrites the sources the way lint wants them
format:
	@packaging/install-packages lint
	@git ls-files '*.c' '*.h' | xargs clang-format -i

## fuzz: every fuzzer for FUZZ_SECONDS each
fuzz:
	@packaging/install-packages build test fuzz
	@cmake --preset fuzz --log-level=WARNING -DSTOQ_WERROR=$(STOQ_WERROR) >/dev/null
	@cmake --build build-fuzz --target fuzzers
	@fuzz/run $(FUZZ_SECONDS)

## install: to PREFIX (/usr/local), DESTDIR in front
install: build
	@cmake --install build
	@cp build/install_manifest.txt build/installed.txt
	@packaging/after-install build/installed.txt "$(DESTDIR)"

## deb: Debian packages, in build/deb; DEB_BUILD_OPTIONS=nocheck leaves out the tests
deb:
	@packaging/install-packages build test deb
	@packaging/make-deb

## dist: the release: build/dist/stoq-VERSION.tar.xz, its SPDX document, checksums; the same tree gives the same bytes
dist:
	@packaging/install-packages build dist
	@packaging/make-dist

## rpm: RPM packages from that archive, in build/rpm, where rpmbuild is [RPMBUILD_OPTIONS=--nodeps, on Debian]
rpm: dist
	@packaging/make-rpm $(RPMBUILD_OPTIONS)

## oci: an OCI image with the package that `make deb` has made, in build/oci
oci:
	@packaging/install-packages oci
	@packaging/make-oci

## uninstall: what install installed; with the same DESTDIR in front
uninstall:
	@packaging/uninstall "$(DESTDIR)"

## clean: removes the build trees
clean:
	@rm -rf build build-*

## help: this list
help:
	@sed -n 's/^## /  /p' $(MAKEFILE_LIST)
