# SPDX-License-Identifier: MIT
# daemonkit::daemonkit, which needs nothing else; with the component fmt also daemonkit::fmt, for programs that include
# daemonkit/fmt.hpp. {fmt} is looked for when the component is asked for, and not otherwise.
include("${CMAKE_CURRENT_LIST_DIR}/daemonkit-targets.cmake")

foreach(_daemonkit_component IN LISTS daemonkit_FIND_COMPONENTS)
    set(daemonkit_${_daemonkit_component}_FOUND FALSE)
    set(_daemonkit_reason "daemonkit has no component ${_daemonkit_component}")
    if(_daemonkit_component STREQUAL "fmt")
        set(_daemonkit_reason "the component fmt of daemonkit needs {fmt} 9.1 or newer, which is not found")
        include("${CMAKE_CURRENT_LIST_DIR}/choose_fmt.cmake")
        if(daemonkit_fmt)
            set(daemonkit_fmt_FOUND TRUE)
            if(NOT TARGET daemonkit::fmt)
                # In quotes, vcpkg does not advise it to those who have not asked for the component.
                add_library("daemonkit::fmt" INTERFACE IMPORTED)
                target_link_libraries(daemonkit::fmt INTERFACE daemonkit::daemonkit ${daemonkit_fmt})
            endif()
        endif()
    endif()
    if(daemonkit_FIND_REQUIRED_${_daemonkit_component} AND NOT daemonkit_${_daemonkit_component}_FOUND)
        set(daemonkit_FOUND FALSE)
        set(daemonkit_NOT_FOUND_MESSAGE "${_daemonkit_reason}")
    endif()
endforeach()
unset(_daemonkit_component)
unset(_daemonkit_reason)
