# SPDX-License-Identifier: MIT
# daemonkit_strict: warnings as errors for the tests and examples of this project; never part of what is installed.
add_library(daemonkit_strict INTERFACE)
target_compile_options(daemonkit_strict INTERFACE
    -Wall -Wextra -Wpedantic -Werror
    -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wcast-align -Wcast-qual
    -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference -Wdouble-promotion
    -Wformat=2 -Wundef -Wextra-semi -Wmissing-declarations
)

# Where g++ 12 inlines libstdc++ it warns about libstdc++'s own code: an impossible overlap in operator+ of strings (GCC
# bug 105651), and a null pointer in vector::insert. Without optimization, and with clang++, these stay errors.
target_compile_options(daemonkit_strict INTERFACE
    "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>,$<CONFIG:Release>>:-Wno-restrict;-Wno-error=null-dereference>")
