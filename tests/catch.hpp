// SPDX-License-Identifier: MIT
#pragma once
// Catch2 3 or 2.13, whichever is installed. Only what both have is used: TEST_CASE, SECTION, CHECK, REQUIRE,
// CHECK_THROWS_AS, INFO, CAPTURE, GENERATE.

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_message.hpp>      // INFO, CAPTURE
#include <catch2/catch_test_macros.hpp>  // TEST_CASE, SECTION, CHECK, REQUIRE
#include <catch2/catch_tostring.hpp>     // StringMaker
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#else
#include <catch2/catch.hpp>
#endif
