# SPDX-License-Identifier: MIT
# Run after a test executable is built: writes the file `list`, from which CTest learns one test per TEST_CASE, with
# its tags, and `labels`, as labels. Unlike catch_discover_tests, an executable that cannot list its tests, or has none,
# is an error.
execute_process(COMMAND "${executable}" --list-for-ctest
    OUTPUT_VARIABLE output RESULT_VARIABLE result)
if(NOT result STREQUAL "0" OR output STREQUAL "")
    file(REMOVE "${executable}")  # a build that is started again must come here again
    message(FATAL_ERROR "${executable} lists no tests (${result})")
endif()

set(script "")
string(REGEX REPLACE "\n$" "" output "${output}")
string(REPLACE ";" "\\;" output "${output}")
string(REPLACE "\n" ";" lines "${output}")
foreach(line IN LISTS lines)
    # Outside of this set a name would need escaping in CMake, in CTest or in Catch2's test specification.
    if(NOT line MATCHES "^([A-Za-z0-9 ,.:;_/+='()<>!?%@&#-]+)\t([][A-Za-z0-9_.!-]+)$")
        file(REMOVE "${executable}")
        message(FATAL_ERROR "a test without tags, or with a character in its name that CTest cannot pass on: ${line}")
    endif()
    set(name "${CMAKE_MATCH_1}")
    string(REGEX MATCHALL "[A-Za-z0-9_-]+" tags "${CMAKE_MATCH_2}")
    string(REPLACE "," "\\," specification "${name}")  # a bare comma separates patterns
    string(APPEND script
        "add_test([==[${name}]==] [==[${executable}]==] [==[${specification}]==])\n"
        "set_tests_properties([==[${name}]==] PROPERTIES TIMEOUT ${timeout} LABELS [==[${tags};${labels}]==]\n"
        "  SKIP_RETURN_CODE 77)\n")  # tests/not_tested.hpp
endforeach()
file(WRITE "${list}" "${script}")
