// SPDX-License-Identifier: MIT
// Linked into probes and examples: a daemon is not dumpable, may be in another root, and closes what it inherited, so
// LeakSanitizer cannot look into it and would end it with an error. The test executables keep the leak check.

extern "C" const char* __asan_default_options();  // NOLINT: AddressSanitizer's name
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }  // NOLINT
