# SPDX-License-Identifier: MIT
# daemonkit_strict: warnings as errors for the tests and examples of this project; never part of what is installed.
add_library(daemonkit_strict INTERFACE)
target_compile_options(daemonkit_strict INTERFACE
    -Wall -Wextra -Wpedantic -Werror
    -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wcast-align -Wcast-qual
    -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference -Wdouble-promotion
    -Wformat=2 -Wundef -Wextra-semi -Wmissing-declarations
)
