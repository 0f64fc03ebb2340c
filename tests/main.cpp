// SPDX-License-Identifier: MIT
// The main function of every test executable: Catch2's, and one option of its own.
//
// --list-for-ctest prints "<name>\t<tags>" per test, in the form cmake/discover_tests.cmake reads: the two
// versions of Catch2 have no listing in common. The exit status is 0, 1 when something failed, and 77 when nothing
// failed and something could not be tested on this machine, which CTest lists as skipped.

#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/interfaces/catch_interfaces_registry_hub.hpp>  // getRegistryHub
#include <catch2/interfaces/catch_interfaces_testcase.hpp>      // ITestCaseRegistry
#define DAEMONKIT_CATCH2_MAJOR() 3
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#define DAEMONKIT_CATCH2_MAJOR() 2
#endif

#include "not_tested.hpp"

#include <iostream>
#include <string_view>

#include <unistd.h>  // close

namespace {

// CTest leaves its log open at descriptor 3; a test that looks at descriptors must not depend on who started it.
void close_what_was_inherited() {
    for (int fd = 3; fd < 1024; ++fd) ::close(fd);
}

int list_for_ctest() {
    for (const auto& test : Catch::getRegistryHub().getTestCaseRegistry().getAllTests()) {
        const auto& info = test.getTestCaseInfo();
        if (!info.isHidden()) std::cout << info.name << '\t' << info.tagsAsString() << '\n';
    }
    return std::cout.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    close_what_was_inherited();
    Catch::Session session;
    if (argc == 2 && std::string_view(argv[1]) == "--list-for-ctest") return list_for_ctest();
#if DAEMONKIT_CATCH2_MAJOR() == 2
    // Version 3 fails by itself when no test matches; version 2 has to be told.
    session.configData().warnings = Catch::WarnAbout::NoTests;
#endif
    const int status = session.run(argc, argv);
    if (status != 0) return 1;  // a count of failures must not look like the status below
    return daemonkit::testkit::not_tested_count == 0 ? 0 : daemonkit::testkit::not_tested_status;
}
