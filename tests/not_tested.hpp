// SPDX-License-Identifier: MIT
#pragma once
// not_tested: a test that cannot be made on this machine says so, and is counted: CTest lists it as skipped.

#include <iostream>
#include <string_view>

namespace daemonkit::testkit {

/// The exit status of a test program in which nothing failed and something could not be tested.
inline constexpr int not_tested_status = 77;

/// How many tests said that they could not be made; main.cpp turns it into the exit status.
inline int not_tested_count = 0;

/// Call it and return: nothing of the test case counts as passed.
inline void not_tested(std::string_view why) {
    std::cerr << "NOT TESTED HERE: " << why << std::endl;
    ++not_tested_count;
}

}  // namespace daemonkit::testkit
