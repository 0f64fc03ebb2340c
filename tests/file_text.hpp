// SPDX-License-Identifier: MIT
#pragma once
// A whole file as text, and back.

#include <fstream>
#include <sstream>
#include <string>

namespace daemonkit::testkit {

/// What the file holds; empty when there is none.
inline std::string read_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

/// The file holds the text and nothing else.
inline void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
}

}  // namespace daemonkit::testkit
