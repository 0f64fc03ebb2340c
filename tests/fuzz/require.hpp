// SPDX-License-Identifier: MIT
#pragma once
// require: what has to hold whatever the input is; where it does not, the fuzzer has found something.

#include <cstdio>
#include <cstdlib>

namespace fuzz {

inline void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

}  // namespace fuzz
