# SPDX-License-Identifier: MIT
# Included by the project of a consumer (CMAKE_PROJECT_hello_INCLUDE). When all of it is read, the library may have
# brought its two targets and its own options along, and nothing else: no tests, no checks, no variable of CMake's.
get_cmake_property(cached_before CACHE_VARIABLES)

function(check_folder folder)
    get_property(targets DIRECTORY "${folder}" PROPERTY BUILDSYSTEM_TARGETS)
    list(REMOVE_ITEM targets hello daemonkit daemonkit_fmt)
    get_property(tests DIRECTORY "${folder}" PROPERTY TESTS)
    if(targets OR tests)
        message(FATAL_ERROR "as a subproject, daemonkit brings along: ${targets} ${tests}")
    endif()
    get_property(below DIRECTORY "${folder}" PROPERTY SUBDIRECTORIES)
    foreach(folder IN LISTS below)
        check_folder("${folder}")
    endforeach()
endfunction()

function(check_manners)
    check_folder("${CMAKE_SOURCE_DIR}")
    get_target_property(verify daemonkit VERIFY_INTERFACE_HEADER_SETS)
    if(verify OR EXISTS "${CMAKE_BINARY_DIR}/CPackConfig.cmake")
        message(FATAL_ERROR "as a subproject, daemonkit brings its checks or packages along")
    endif()
    get_cmake_property(cached CACHE_VARIABLES)
    list(REMOVE_ITEM cached ${cached_before})
    # Beside its own: what project() writes, and what FetchContent, CPM and the search for {fmt} do.
    list(FILTER cached EXCLUDE REGEX "^(DAEMONKIT_|daemonkit_|CMAKE_PROJECT_VERSION)")
    list(FILTER cached EXCLUDE REGEX "^(FETCHCONTENT_|CPM_|GIT_EXECUTABLE|FIND_PACKAGE_MESSAGE_|fmt_DIR)")
    if(cached)
        message(FATAL_ERROR "as a subproject, daemonkit leaves variables in the cache: ${cached}")
    endif()
endfunction()
cmake_language(DEFER CALL check_manners)
