// SPDX-License-Identifier: MIT
#pragma once
// Which system and which sanitizer this is. Floor 0. Only alias headers and syscall.hpp ask.

#if __cplusplus < 202002L
#error "daemonkit needs C++20: compile with -std=c++20"
#endif

#if defined(__linux__)
#define DAEMONKIT_OS_LINUX() 1
#else
#define DAEMONKIT_OS_LINUX() 0
#endif

#if defined(__APPLE__)
#define DAEMONKIT_OS_MACOS() 1
#else
#define DAEMONKIT_OS_MACOS() 0
#endif

#if defined(__FreeBSD__)
#define DAEMONKIT_OS_FREEBSD() 1
#else
#define DAEMONKIT_OS_FREEBSD() 0
#endif

#if !DAEMONKIT_OS_LINUX() && !DAEMONKIT_OS_MACOS() && !defined(__FreeBSD__) && \
    !defined(__OpenBSD__) && !defined(__NetBSD__) && !defined(__DragonFly__)
#error "daemonkit supports Linux, macOS and the BSDs"
#endif

#include <climits>  // declares the version of glibc, where it is glibc

// POSIX.1-2024's _Fork: in glibc since 2.34. musl has it too, and no way to ask for its version.
#if DAEMONKIT_OS_LINUX() && defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 34)
#define DAEMONKIT_HAS_BARE_FORK() 1
#else
#define DAEMONKIT_HAS_BARE_FORK() 0
#endif
#else
#define DAEMONKIT_HAS_BARE_FORK() 0
#endif

#if defined(__SANITIZE_THREAD__)
#define DAEMONKIT_TSAN() 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DAEMONKIT_TSAN() 1
#else
#define DAEMONKIT_TSAN() 0
#endif
#else
#define DAEMONKIT_TSAN() 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define DAEMONKIT_ASAN() 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DAEMONKIT_ASAN() 1
#else
#define DAEMONKIT_ASAN() 0
#endif
#else
#define DAEMONKIT_ASAN() 0
#endif
