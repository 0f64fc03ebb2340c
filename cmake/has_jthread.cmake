# SPDX-License-Identifier: MIT
# DAEMONKIT_HAS_STD_JTHREAD: not with libc++ before version 20. The library does without; tests and examples that do not are
# then not built, and told as not tested.
include(CheckCXXSourceCompiles)
block()
    set(CMAKE_CXX_STANDARD 20)
    set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
    set(CMAKE_REQUIRED_QUIET ON)
    check_cxx_source_compiles("
        #include <version>
        #ifndef __cpp_lib_jthread
        #error there is none
        #endif
        " DAEMONKIT_HAS_STD_JTHREAD)
endblock()

# daemonkit_lacks_jthread(<variable> <name> <name of the test>): whether that one of the tests and examples has to be left out.
function(daemonkit_lacks_jthread variable name test)
    set(needing
        guide/stop_token
        guide/watchdog
        notify
        producer_consumer
        reload_on_sighup
        threads_tour
        watchdog)
    set(${variable} FALSE PARENT_SCOPE)
    if(NOT DAEMONKIT_HAS_STD_JTHREAD AND name IN_LIST needing)
        set(${variable} TRUE PARENT_SCOPE)
        if(DAEMONKIT_BUILD_TESTS)
            add_test(NAME "${test}" COMMAND sh -c "echo 'NOT TESTED HERE: the standard library has no std::jthread'; exit 77")
            set_tests_properties("${test}" PROPERTIES SKIP_RETURN_CODE 77)
        endif()
    endif()
endfunction()
