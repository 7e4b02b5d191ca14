# SPDX-License-Identifier: BSD-2-Clause
# Cross-compiling for arm64 on Debian, with the libraries of `dpkg --add-architecture arm64`. PKG_CONFIG_LIBDIR names
# their folder. Programs of the tests run with qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
