// SPDX-License-Identifier: MIT
#pragma once
// Which system and which sanitizer this is. Floor 0. Only alias headers and syscall.hpp ask.

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
