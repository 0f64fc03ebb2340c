// SPDX-License-Identifier: MIT
#pragma once
// log_lines: what stands in a LogFile and in the old files beside it, read back field by field.

#include "catch.hpp"
#include "file_text.hpp"

#include <algorithm>
#include <filesystem>
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
        R"((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d) (\S+)\[(\d+)\] ([a-z]+): )");
    std::smatch parts;
    INFO(line);
    // Not the text as well: the library's regex needs stack for each of its characters.
    REQUIRE(std::regex_search(line, parts, form, std::regex_constants::match_continuous));
    return {parts[1], parts[2], parts[3], parts[4], parts.suffix()};
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

/// The files PATH.N there are, from the oldest on, and then PATH itself.
inline std::vector<std::string> all_files(const std::string& path) {
    const std::filesystem::path log(path);
    const std::string start = log.filename().string() + ".";
    std::vector<int> numbers;
    for (const auto& entry : std::filesystem::directory_iterator(log.parent_path())) {
        const std::string name = entry.path().filename();
        if (name.compare(0, start.size(), start) == 0)
            numbers.push_back(std::stoi(name.substr(start.size())));
    }
    std::sort(numbers.rbegin(), numbers.rend());
    std::vector<std::string> files;
    for (const int number : numbers) files.push_back(path + "." + std::to_string(number));
    files.push_back(path);
    return files;
}

/// The texts of all the files.
inline std::vector<std::string> all_texts(const std::string& path) {
    std::vector<std::string> found;
    for (const auto& file : all_files(path))
        for (auto& text : texts(file)) found.push_back(text);
    return found;
}

}  // namespace daemonkit::testkit
