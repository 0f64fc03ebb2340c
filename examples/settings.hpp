// SPDX-License-Identifier: MIT
#pragma once
// Settings from a file and from the environment, checked as a whole. No part of the library: copy it, and change it.
//
//   # a comment: at the beginning of a line, or after a blank
//   interval = 30s
//   [web]                  # from here on, ports is web.ports
//   ports = 80, 443
//
// With the prefix SCANNER, the variable SCANNER_WEB_PORTS takes the place of web.ports in the file. All that is wrong is
// told together, in a line each: `FILE:LINE: reason`, or `VARIABLE: reason`. See tests/settings.test.cpp.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace settings {

/// What is wrong, a line for each.
class Invalid : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The text, or the beginning of a long one.
inline std::string quoted(std::string_view text) {
    constexpr std::size_t most = 60;
    return '"' + std::string(text.substr(0, most)) + (text.size() > most ? "..." : "") + '"';
}

inline std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// The parts of a text between these characters, those that are not empty.
inline std::vector<std::string> split(std::string_view text, std::string_view between) {
    std::vector<std::string> parts;
    for (std::size_t end = 0; !text.empty(); text.remove_prefix(std::min(end + 1, text.size()))) {
        end = std::min(text.find_first_of(between), text.size());
        if (end > 0) parts.emplace_back(text.substr(0, end));
    }
    return parts;
}

/// The lines of a text, as they stand.
inline std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    for (std::size_t end = 0; !text.empty(); text.remove_prefix(std::min(end + 1, text.size()))) {
        end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
    }
    return lines;
}

/// The text of a plain file. Nothing that stands in its place, such as a FIFO, holds up its reader.
inline std::string read_text(const std::string& path) {
    struct File {
        explicit File(const std::string& path)
            : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
        ~File() { static_cast<void>(fd >= 0 && ::close(fd) == 0); }
        File(const File&) = delete;
        File& operator=(const File&) = delete;
        const int fd;
    };
    const auto refuse = [&](const std::string& reason) { throw Invalid(path + ": " + reason); };
    const auto refuse_errno = [&] { refuse(std::generic_category().message(errno)); };
    const File file(path);
    struct ::stat status {};
    if (file.fd < 0 || ::fstat(file.fd, &status) != 0) refuse_errno();
    if (!S_ISREG(status.st_mode)) refuse("not a plain file");

    constexpr std::size_t most = 1024 * 1024;
    std::string text;
    for (char piece[4096];;) {
        const ::ssize_t count = ::read(file.fd, piece, sizeof piece);
        if (count == 0) return text;
        if (count < 0 && errno != EINTR) refuse_errno();
        if (count > 0) text.append(piece, static_cast<std::size_t>(count));
        if (text.size() > most) refuse("larger than 1 MiB");
    }
}

// -- what a value can be ------------------------------------------------------------------------------------------------
// Each of these makes a function that takes a text and returns a value, or throws an Invalid with the reason. One that
// a program writes for a kind of its own stands beside them.

inline std::string text(std::string_view value) { return std::string(value); }

/// Absolute, as the program runs in another directory soon.
inline std::string path(std::string_view value) {
    if (value.front() != '/') throw Invalid(quoted(value) + " is not an absolute path");
    return std::string(value);
}

/// A whole number from `least` to `most`.
template <class Number>
auto number(Number least, Number most) {
    return [=](std::string_view value) {
        Number count{};
        const char* const end = value.data() + value.size();
        const auto [rest, error] = std::from_chars(value.data(), end, count);
        if (rest != end || error == std::errc::invalid_argument)
            throw Invalid(quoted(value) + " is not a whole number");
        if (error != std::errc() || count < least || count > most)
            throw Invalid(std::string(value) + " is not from " + std::to_string(least) + " to " +
                          std::to_string(most));
        return count;
    };
}

/// In the largest unit of which it is a whole number.
inline std::string to_string(std::chrono::milliseconds time) {
    const auto count = time.count();
    constexpr std::pair<int, const char*> units[] = {
        {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "min"}, {1000, "s"}};
    for (const auto& [length, unit] : units)
        if (count != 0 && count % length == 0) return std::to_string(count / length) + unit;
    return std::to_string(count) + "ms";
}

/// A length of time, `500ms`, `30s`, `5min`, `2h` or `1d`, from `least` to `most`.
inline auto duration(std::chrono::milliseconds least, std::chrono::milliseconds most) {
    return [=](std::string_view value) {
        using Count = std::chrono::milliseconds::rep;
        constexpr Count longest = std::numeric_limits<Count>::max();
        const auto begin_of_unit = std::min(value.find_first_not_of("0123456789"), value.size());
        const std::string_view unit = trim(value.substr(begin_of_unit));
        const Count length = unit == "ms"    ? 1
                             : unit == "s"   ? 1000
                             : unit == "min" ? 60'000
                             : unit == "h"   ? 3'600'000
                             : unit == "d"   ? 86'400'000
                                             : 0;
        if (begin_of_unit == 0 || length == 0)
            throw Invalid(quoted(value) + " is not a length of time such as 500ms, 30s or 5min");
        Count count = longest;  // and so it stays when there are too many digits
        std::from_chars(value.data(), value.data() + begin_of_unit, count);
        const std::chrono::milliseconds time(count > longest / length ? longest : count * length);
        if (time < least || time > most)
            throw Invalid(std::string(value) + " is not from " + to_string(least) + " to " +
                          to_string(most));
        return time;
    };
}

/// One of these words, each of which stands for a value.
template <class Value>
auto one_of(std::initializer_list<std::pair<const char*, Value>> words) {
    return [words = std::vector(words)](std::string_view value) {
        std::string all;
        for (const auto& [word, meaning] : words) {
            if (value == word) return meaning;
            all += (all.empty() ? "" : ", ") + std::string(word);
        }
        throw Invalid(quoted(value) + " is none of " + all);
    };
}

/// A value that need not be there: the fallback is std::nullopt.
template <class Parse>
auto optional(Parse parse) {
    return [parse](std::string_view value) { return std::optional(parse(value)); };
}

/// Several values, between commas or blanks.
template <class Parse>
auto list_of(Parse parse) {
    return [parse](std::string_view value) {
        std::vector<decltype(parse(value))> values;
        for (const std::string& part : split(value, ", \t")) values.push_back(parse(part));
        if (values.empty()) throw Invalid("it has no value");
        return values;
    };
}

// -- where it comes from ------------------------------------------------------------------------------------------------

/// The settings of one moment. Each is asked for by its key; `checked` refuses what is wrong, and what nobody asked for.
class Source {
public:
    /// From the environment alone: the key `interval` is the variable PREFIX_INTERVAL. Others are not looked at.
    explicit Source(std::string prefix) : prefix_(std::move(prefix)) {}

    /// From the file too, for keys of which there is no variable. A file that cannot be read is an Invalid.
    Source(std::string prefix, std::string path)
        : prefix_(std::move(prefix)), path_(std::move(path)) {
        std::size_t number = 0;
        for (const std::string& line : lines_of(read_text(path_))) read_line(++number, line);
    }

    /// The value, or the fallback when there is none; one that cannot be used is kept in mind.
    template <class Parse, class Value = std::invoke_result_t<Parse&, std::string_view>>
    Value get(const std::string& key, Parse parse, std::type_identity_t<Value> fallback) {
        const auto entry = find(key);
        const char* const variable = std::getenv(variable_of(key).c_str());
        if (entry != entries_.end()) entry->is_known = true;
        if (variable == nullptr && entry == entries_.end()) return fallback;
        try {
            const std::string_view value =
                trim(variable != nullptr ? std::string_view(variable) : entry->value);
            if (value.empty()) throw Invalid("it has no value");
            if (has_control_character(value)) throw Invalid("it has a control character");
            return parse(value);
        } catch (const Invalid& reason) {
            if (variable != nullptr)
                problems_.emplace_back(0, variable_of(key) + ": " + reason.what());
            else
                refuse_line(entry->line, key + ": " + reason.what());
            return fallback;
        }
    }

    /// The same, where there has to be a value.
    template <class Parse>
    auto get(const std::string& key, Parse parse) {
        using Value = std::invoke_result_t<Parse&, std::string_view>;
        if (find(key) == entries_.end() && std::getenv(variable_of(key).c_str()) == nullptr)
            refuse(key, "missing");
        return get(key, parse, Value{});
    }

    /// The sections of the file, in order. Who asks for none has none: they are refused.
    std::vector<std::string> sections() {
        std::vector<std::string> names;
        for (Entry& entry : sections_) {
            entry.is_known = true;
            names.push_back(entry.key);
        }
        return names;
    }

    /// What only the program can know is wrong: with the variable, or the line, that the value comes from.
    void refuse(const std::string& key, const std::string& reason) {
        const std::string variable = variable_of(key);
        const auto entry = find(key);
        const auto is_its_section = [&](const Entry& section) {
            return key.substr(0, key.find('.')) == section.key;
        };
        const auto section = std::find_if(sections_.begin(), sections_.end(), is_its_section);
        if (std::getenv(variable.c_str()) != nullptr || path_.empty())
            problems_.emplace_back(0, variable + ": " + reason);
        else if (entry != entries_.end())
            refuse_line(entry->line, key + ": " + reason);
        else if (section != sections_.end())
            refuse_line(section->line, key + ": " + reason);
        else
            problems_.emplace_back(0, path_ + ": " + key + ": " + reason);
    }

    /// Returns what was made of the settings. Errors: Invalid with all that is wrong, in the order of the lines.
    template <class Value>
    Value checked(Value value) {
        for (const Entry& section : sections_)
            if (!section.is_known) refuse_line(section.line, "there is no section " + section.key);
        for (const Entry& entry : entries_)
            if (!entry.is_known) refuse_line(entry.line, "there is no key " + entry.key);
        if (problems_.empty()) return value;
        std::stable_sort(
            problems_.begin(), problems_.end(),
            [](const auto& one, const auto& other) { return one.first < other.first; });
        std::string all;
        for (const auto& [line, reason] : problems_) all += (all.empty() ? "" : "\n") + reason;
        throw Invalid(all);
    }

private:
    struct Entry {
        std::size_t line = 0;
        std::string key;
        std::string value;
        bool is_known = false;
    };

    static bool has_control_character(std::string_view text) {
        return std::any_of(text.begin(), text.end(),
                           [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
    }

    static bool is_name(std::string_view text) {
        return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") ==
                                    std::string_view::npos;
    }

    void refuse_line(std::size_t line, const std::string& reason) {
        problems_.emplace_back(line, path_ + ":" + std::to_string(line) + ": " + reason);
    }

    void read_line(std::size_t number, std::string_view line) {
        for (std::size_t at = 0; (at = line.find('#', at)) != std::string_view::npos; ++at)
            if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') line = line.substr(0, at);
        line = trim(line);
        if (line.empty()) return;
        if (has_control_character(line)) return refuse_line(number, "it has a control character");
        if (line.front() == '[') return begin_section(number, line);
        const auto equals = std::min(line.find('='), line.size());
        const std::string_view name = trim(line.substr(0, equals));
        if (equals == line.size() || !is_name(name))
            return refuse_line(number, quoted(line) + " is not of the form key = value");
        const std::string key =
            sections_.empty() ? std::string(name) : sections_.back().key + "." + std::string(name);
        if (const auto first = find(key); first != entries_.end()) {
            first->is_known = true;
            return refuse_line(number,
                               key + ": set before, in line " + std::to_string(first->line));
        }
        entries_.push_back({number, key, std::string(line.substr(equals + 1)), false});
    }

    void begin_section(std::size_t number, std::string_view line) {
        const std::string_view name = trim(line.substr(1, line.size() - 2));
        if (line.back() != ']' || !is_name(name))
            return refuse_line(number, quoted(line) + " is not of the form [section]");
        for (const Entry& section : sections_)
            if (section.key == name)
                refuse_line(number, "section " + std::string(name) + " begins before, in line " +
                                        std::to_string(section.line));
        sections_.push_back({number, std::string(name), "", false});
    }

    std::vector<Entry>::iterator find(const std::string& key) {
        return std::find_if(entries_.begin(), entries_.end(),
                            [&](const Entry& entry) { return entry.key == key; });
    }

    std::string variable_of(const std::string& key) const {
        std::string name = prefix_ + "_";
        for (const char c : key)
            name += c == '.' || c == '-'   ? '_'
                    : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A')
                                           : c;
        return name;
    }

    std::string prefix_;
    std::string path_;
    std::vector<Entry> entries_;
    std::vector<Entry> sections_;
    std::vector<std::pair<std::size_t, std::string>> problems_;
};

}  // namespace settings
