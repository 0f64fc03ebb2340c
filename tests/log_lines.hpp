// SPDX-License-Identifier: MIT
#pragma once
// log_lines: what stands in a LogFile and in the old files beside it, read back field by field.

#include "catch.hpp"
#include "file_text.hpp"

#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace daemonkit::testkit {

/// A line, taken apart. A line of another form fails the test.
struct FileLine {
    std::string time;
    std::string ident;
    std::string pid;
    std::string severity;
    std::string text;
};

inline FileLine parse_line(const std::string& line) {
    static const std::regex form(
        R"((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d) (\S+)\[(\d+)\] ([a-z]+): (.*))");
    std::smatch parts;
    INFO(line);
    REQUIRE(std::regex_match(line, parts, form));
    return {parts[1], parts[2], parts[3], parts[4], parts[5]};
}

/// The lines of a file, if there is one, each with its newline taken off; the last has to have one.
inline std::vector<std::string> whole_lines(const std::string& path) {
    if (::access(path.c_str(), F_OK) != 0) return {};
    const std::string all = read_file(path);
    INFO(path);
    REQUIRE((all.empty() || all.back() == '\n'));
    std::vector<std::string> lines;
    std::istringstream stream(all);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

/// The texts of a file's lines.
inline std::vector<std::string> texts(const std::string& path) {
    std::vector<std::string> found;
    for (const auto& line : whole_lines(path)) found.push_back(parse_line(line).text);
    return found;
}

/// The texts of all the files, from the oldest to PATH itself; some may be missing.
inline std::vector<std::string> all_texts(const std::string& path) {
    std::vector<std::string> found;
    for (unsigned number = 1000; number > 0; --number)
        for (auto& text : texts(path + "." + std::to_string(number))) found.push_back(text);
    for (auto& text : texts(path)) found.push_back(text);
    return found;
}

}  // namespace daemonkit::testkit
