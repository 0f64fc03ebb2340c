# SPDX-License-Identifier: MIT
# The target single_header makes single/daemonkit_single.hpp in the build folder (scripts/amalgamate).
#
# With DAEMONKIT_SINGLE_HEADER this project's tests and examples are built with it: single/daemonkit/ has a header of every
# name that there is, and each is one line that includes the single one.
set(single_dir "${PROJECT_BINARY_DIR}/single")
list(TRANSFORM DAEMONKIT_HEADERS PREPEND "${PROJECT_SOURCE_DIR}/" OUTPUT_VARIABLE parts)
add_custom_command(OUTPUT "${single_dir}/daemonkit_single.hpp" VERBATIM
    COMMAND bash "${PROJECT_SOURCE_DIR}/scripts/amalgamate" "${single_dir}/daemonkit_single.hpp"
    DEPENDS ${parts} "${PROJECT_SOURCE_DIR}/cmake/headers.cmake" "${PROJECT_SOURCE_DIR}/scripts/amalgamate"
            "${PROJECT_SOURCE_DIR}/LICENSE"
    COMMENT "Making daemonkit_single.hpp")
add_custom_target(single_header DEPENDS "${single_dir}/daemonkit_single.hpp")

if(DAEMONKIT_SINGLE_HEADER)
    foreach(header IN LISTS DAEMONKIT_HEADERS)
        set(text "#include <daemonkit_single.hpp>\n")
        # A test may want the alternative that is not this system's, and that is in no header but its own.
        file(STRINGS "${PROJECT_SOURCE_DIR}/${header}" behind LIMIT_COUNT 8 REGEX "Floor [0-9] behind ")
        if(behind)
            string(REGEX REPLACE "^include/daemonkit/(.*)\\.hpp$" "\\1" part "${header}")
            string(MAKE_C_IDENTIFIER "${part}" part)
            string(TOUPPER "DAEMONKIT_PART_${part}" part)
            string(APPEND text "#ifndef ${part}\n#include \"${PROJECT_SOURCE_DIR}/${header}\"\n#endif\n")
        endif()
        string(REGEX REPLACE "^include/" "${single_dir}/" file "${header}")
        file(CONFIGURE OUTPUT "${file}" CONTENT "#pragma once\n${text}" @ONLY)
    endforeach()
    target_include_directories(daemonkit INTERFACE "${single_dir}")
    add_dependencies(daemonkit single_header)
endif()

# daemonkit_precompile(<target>): a program that defines nothing that the single header asks for takes it precompiled;
# two hundred times three seconds are more than all the tests take.
function(daemonkit_precompile target)
    if(NOT TARGET daemonkit_precompiled)
        file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/single/precompiled.cpp" CONTENT "\n")
        add_library(daemonkit_precompiled OBJECT "${PROJECT_BINARY_DIR}/single/precompiled.cpp")
        target_link_libraries(daemonkit_precompiled PRIVATE daemonkit daemonkit_strict)
        target_precompile_headers(daemonkit_precompiled PRIVATE <daemonkit_single.hpp>)
    endif()
    target_precompile_headers(${target} REUSE_FROM daemonkit_precompiled)
endfunction()
