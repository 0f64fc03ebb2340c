# SPDX-License-Identifier: MIT
# daemonkit_read_version(<variable> <version.hpp>): the version as CMake writes it, read from the header, which is
# the one place where it stands. A change of the header configures again.
function(daemonkit_read_version variable header)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${header}")
    file(READ "${header}" text)
    set(parts "")
    foreach(part MAJOR MINOR PATCH)
        if(NOT text MATCHES "#define DAEMONKIT_VERSION_${part}\\(\\) ([0-9]+)")
            message(FATAL_ERROR "${header} does not define DAEMONKIT_VERSION_${part}()")
        endif()
        list(APPEND parts "${CMAKE_MATCH_1}")
    endforeach()
    list(JOIN parts "." version)
    set(${variable} "${version}" PARENT_SCOPE)
endfunction()
