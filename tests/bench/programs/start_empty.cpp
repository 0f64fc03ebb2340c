// SPDX-License-Identifier: MIT
// No daemon at all: what the others take above it is what becoming one takes.
#include "start.hpp"

int main(int argc, char** argv) {
    const bench::Start start = bench::begin(argc, argv);
    bench::tell_ready(start);
}
