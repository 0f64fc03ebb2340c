# SPDX-License-Identifier: MIT
# Stands in for CPM.cmake, which cannot be downloaded by a test: what CPM 0.42 does with one package on CMake 3.25.
# It knows the forms CPMAddPackage("gh:<owner>/<name>@<version>") and CPMAddPackage(URI "gh:..." OPTIONS "<name> <value>").
include(FetchContent)
function(CPMAddPackage)
    cmake_parse_arguments(arg "" URI OPTIONS ${ARGN})
    if(NOT arg_URI)
        set(arg_URI "${ARGV0}")
    endif()
    if(NOT arg_URI MATCHES "^gh:([^/]+)/([^@]+)@(.+)$")
        message(FATAL_ERROR "the stand-in for CPM does not know this form: ${ARGN}")
    endif()
    set(name "${CMAKE_MATCH_2}")
    FetchContent_Declare(${name}
        GIT_REPOSITORY "https://github.com/${CMAKE_MATCH_1}/${name}.git" GIT_TAG "v${CMAKE_MATCH_3}")
    FetchContent_Populate(${name})
    foreach(option IN LISTS arg_OPTIONS)
        string(REGEX MATCH "^([^ ]+) +(.*)$" option "${option}")
        set(${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
    endforeach()
    add_subdirectory("${${name}_SOURCE_DIR}" "${${name}_BINARY_DIR}" EXCLUDE_FROM_ALL SYSTEM)
endfunction()
