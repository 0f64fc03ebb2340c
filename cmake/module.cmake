# SPDX-License-Identifier: MIT
# daemonkit::module, by which `import daemonkit;` works. Experimental, and never installed: what a compiler makes of a
# module, no other version of it can read. docs/platforms.md tells which compilers can.
if(CMAKE_VERSION VERSION_LESS 3.28)
    message(FATAL_ERROR "DAEMONKIT_BUILD_MODULE needs CMake 3.28, the first that finds out which file imports what; this "
        "is ${CMAKE_VERSION}. Without CMake: see docs/platforms.md.")
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16
        OR CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 15)
    message(FATAL_ERROR "DAEMONKIT_BUILD_MODULE needs clang++ 16 or g++ 15; this is ${CMAKE_CXX_COMPILER_ID} "
        "${CMAKE_CXX_COMPILER_VERSION}")
endif()
if(NOT CMAKE_GENERATOR MATCHES "Ninja")
    message(FATAL_ERROR "DAEMONKIT_BUILD_MODULE needs Ninja; this is ${CMAKE_GENERATOR}")
endif()

add_library(daemonkit_module STATIC)
add_library(daemonkit::module ALIAS daemonkit_module)
target_sources(daemonkit_module PUBLIC FILE_SET module TYPE CXX_MODULES FILES modules/daemonkit.cppm)
target_link_libraries(daemonkit_module PUBLIC daemonkit)
