# SPDX-License-Identifier: MIT
# daemonkit::fmt: the library and {fmt}, for programs that include daemonkit/fmt.hpp. It is there when {fmt} is.
option(DAEMONKIT_FMT_HEADER_ONLY "daemonkit::fmt takes {fmt} as headers, and not as a library (default: OFF)" OFF)
option(DAEMONKIT_FETCH_FMT "Download {fmt} where it is not found (default: OFF)" OFF)

include(cmake/choose_fmt.cmake)
if(NOT daemonkit_fmt AND DAEMONKIT_FETCH_FMT)
    include(FetchContent)
    # SYSTEM has to be the first word: elsewhere CMake 3.25 takes it for a part of what stands before it.
    FetchContent_Declare(fmt SYSTEM
        URL https://github.com/fmtlib/fmt/archive/refs/tags/11.2.0.tar.gz
        URL_HASH SHA256=bc23066d87ab3168f27cef3e97d545fa63314f5c79df5ea444d41d56f962c6af)
    set(FMT_INSTALL OFF)  # what is fetched for a build is not part of what is installed
    FetchContent_MakeAvailable(fmt)
    include(cmake/choose_fmt.cmake)
endif()

if(daemonkit_fmt)
    add_library(daemonkit_fmt INTERFACE)
    add_library(daemonkit::fmt ALIAS daemonkit_fmt)
    target_link_libraries(daemonkit_fmt INTERFACE daemonkit::daemonkit ${daemonkit_fmt})
endif()
