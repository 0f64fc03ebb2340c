// SPDX-License-Identifier: MIT
#pragma once
// Catch2 3 or 2.13, whichever is installed. Only what both have is used: TEST_CASE, SECTION, CHECK, REQUIRE,
// CHECK_THROWS_AS, CHECK_THROWS_WITH a whole text, INFO, CAPTURE, GENERATE.

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_message.hpp>      // INFO, CAPTURE
#include <catch2/catch_test_macros.hpp>  // TEST_CASE, SECTION, CHECK, REQUIRE
#include <catch2/catch_tostring.hpp>     // StringMaker
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers.hpp>  // CHECK_THROWS_WITH
#else
#include <catch2/catch.hpp>
#endif
