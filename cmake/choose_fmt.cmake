# SPDX-License-Identifier: MIT
# daemonkit_fmt: the target of {fmt} 9.1 or newer to link, or empty where there is none. In a checkout as in an installed
# package: what is there already is taken, or else what find_package finds. DAEMONKIT_FMT_HEADER_ONLY asks for the
# headers alone; a {fmt} that has nothing else (as Conan's with header_only) needs no asking.
if(NOT TARGET fmt::fmt AND NOT TARGET fmt::fmt-header-only)
    find_package(fmt 9.1 QUIET CONFIG)
endif()
set(daemonkit_fmt "")
if(TARGET fmt::fmt AND NOT DAEMONKIT_FMT_HEADER_ONLY)
    set(daemonkit_fmt fmt::fmt)
elseif(TARGET fmt::fmt-header-only)
    set(daemonkit_fmt fmt::fmt-header-only)
endif()
