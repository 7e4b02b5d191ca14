# SPDX-License-Identifier: BSD-2-Clause
# The front door. CMake does the work; `make help` lists what there is.

TARGET ?= auto
KERNEL ?= 6.1
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60

.PHONY: all packages build demo test test-kernels bench bench-flood lint format fuzz install uninstall clean help
all: build

packages:
	@packaging/install-packages

build: packages
	@cmake --preset release --log-level=WARNING -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null
	@cmake --build build

## demo: the QEMU host, its driver, the hook and the target, with real I/O [TARGET=spdk|kernel]
demo: build
	@lab/demo --target $(TARGET) --kernel $(KERNEL)

## test: all tests; what cannot run here says why
test: build
	@tests/run

## test-kernels: the lab's tests on every kernel we support, and the one below
test-kernels: build
	@tests/run kernels

## bench: what attaching costs, and what the transport does beside TCP
bench: build
	@bench/run
	@bench/transport
	@bench/ebpf_throughput

## bench-flood: what a flood leaves of a connection, with the XDP filter and without
bench-flood: build
	@bench/flood

## lint: formatting, clang-tidy, cppcheck, warnings of gcc and clang
lint: packages
	@packaging/lint

## format: rewrites the sources the way lint wants them
format: packages
	@git ls-files '*.c' '*.h' | xargs clang-format -i

## fuzz: every fuzzer for FUZZ_SECONDS each
fuzz: packages
	@cmake --preset fuzz --log-level=WARNING >/dev/null
	@cmake --build build-fuzz --target fuzzers
	@fuzz/run $(FUZZ_SECONDS)

## install: to PREFIX (/usr/local), DESTDIR in front
install: build
	@cmake --install build

## uninstall: what install installed; with the same DESTDIR in front
uninstall:
	@packaging/uninstall "$(DESTDIR)"

## clean: removes the build trees
clean:
	@rm -rf build build-*

## help: this list
help:
	@sed -n 's/^## /  /p' $(MAKEFILE_LIST)
