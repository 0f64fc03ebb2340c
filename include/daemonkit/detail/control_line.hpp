// SPDX-License-Identifier: MIT
#pragma once
// The lines of a control socket: requests as words, answers as a status and text. Floor 1.
//
// A request is one line of UTF-8: words with spaces between them. A word that holds a space or begins with a quote is
// written in double quotes, and in them `\"` `\\` `\n` `\t` mean a quote, a backslash, a newline, a tab. There are no
// other control characters. An answer is one or more lines, all with the status: `0-first`, `0-second`, `0 last`.

#include <daemonkit/control_message.hpp>
#include <daemonkit/detail/utf8.hpp>

#include <cstddef>  // std::size_t
#include <string>
#include <string_view>
#include <utility>  // std::exchange, std::move
#include <vector>

namespace daemonkit::detail {

/// The words of a request, or why they are none.
struct ControlWords {
    std::vector<std::string> words = {};
    const char* fault = nullptr;  ///< null: `words` holds one or more
};

/// True for a byte that stands in no line; a tab is one.
constexpr bool is_control_byte(char byte) noexcept {
    const auto value = static_cast<unsigned char>(byte);
    return value < 0x20 || value == 0x7f;
}

/// True when the text can be a word: it is UTF-8, and of control characters it has newlines and tabs alone.
constexpr bool is_control_word(std::string_view text) noexcept {
    for (const char byte : text)
        if (is_control_byte(byte) && byte != '\n' && byte != '\t') return false;
    return is_utf8(text);
}

/// Takes a word in quotes, and the quotes, off the line; says what is wrong with it, or null.
inline const char* take_quoted_word(std::string_view& line, std::string& word) {
    line.remove_prefix(1);
    for (;;) {
        const std::size_t end = line.find_first_of("\"\\");
        if (end == std::string_view::npos) return "a quote is not closed";
        word += line.substr(0, end);
        const char mark = line[end];
        line.remove_prefix(end + 1);
        if (mark == '"') break;
        const char escaped = line.empty() ? '\0' : line.front();
        if (escaped == '"' || escaped == '\\')
            word += escaped;
        else if (escaped == 'n')
            word += '\n';
        else if (escaped == 't')
            word += '\t';
        else
            return "in quotes, a backslash stands before a quote, a backslash, n or t";
        line.remove_prefix(1);
    }
    return line.empty() || line.front() == ' ' ? nullptr : "a space has to follow a closing quote";
}

/// Reads a line, which comes without its newline.
inline ControlWords parse_control_line(std::string_view line) {
    for (const char byte : line)
        if (is_control_byte(byte)) return {{}, "a control character stands in the line"};
    if (!is_utf8(line)) return {{}, "the line is not UTF-8"};
    ControlWords parsed;
    for (;;) {
        const std::size_t start = line.find_first_not_of(' ');
        if (start == std::string_view::npos) break;
        line.remove_prefix(start);
        std::string word;
        if (line.front() == '"') {
            if (const char* const fault = take_quoted_word(line, word)) return {{}, fault};
        } else {
            word = line.substr(0, line.find(' '));
            if (word.find('"') != std::string::npos)
                return {{}, "a quote stands inside of a word: quote all of it"};
            line.remove_prefix(word.size());
        }
        parsed.words.push_back(std::move(word));
    }
    if (parsed.words.empty()) parsed.fault = "a verb is missing";
    return parsed;
}

/// Adds a word to a line, in quotes where it needs them.
inline void append_control_word(std::string& line, std::string_view word) {
    if (!line.empty()) line += ' ';
    if (!word.empty() && word.find_first_of(" \"\n\t") == std::string_view::npos) {
        line += word;
        return;
    }
    line += '"';
    for (const char byte : word) {
        if (byte == '"' || byte == '\\')
            (line += '\\') += byte;
        else if (byte == '\n')
            line += "\\n";
        else if (byte == '\t')
            line += "\\t";
        else
            line += byte;
    }
    line += '"';
}

/// Adds an answer, line by line. A status that is none is one of a handler that has failed.
inline void append_control_answer(std::string& to, int status, std::string_view text) {
    const std::string number = std::to_string(status >= 0 && status <= 255 ? status : 70);
    for (;;) {
        const std::size_t end = text.find('\n');
        to += number;
        to += end == std::string_view::npos ? ' ' : '-';
        to += text.substr(0, end);
        to += '\n';
        if (end == std::string_view::npos) return;
        text.remove_prefix(end + 1);
    }
}

/// How many bytes `append_control_answer` adds at most.
inline std::size_t control_answer_size(std::string_view text) noexcept {
    std::size_t lines = 1;
    for (const char byte : text) lines += byte == '\n' ? 1 : 0;
    constexpr std::size_t status_and_mark = 4;
    return text.size() + 1 + lines * status_and_mark;
}

/// Reads an answer as it comes.
class ControlAnswerReader {
public:
    enum class State { unfinished, whole, broken };

    /// Takes bytes in; `broken` once they cannot be the beginning of one answer. What follows its end is left alone.
    State feed(std::string_view bytes) {
        for (; state_ == State::unfinished && !bytes.empty();) {
            const std::size_t end = bytes.find('\n');
            line_ += bytes.substr(0, end);
            if (end == std::string_view::npos) break;
            bytes.remove_prefix(end + 1);
            take_line();
            line_.clear();
        }
        return state_;
    }

    /// The answer, when it is whole.
    ControlAnswer& answer() noexcept { return answer_; }

private:
    void take_line() {
        int status = 0;
        std::size_t digits = 0;
        for (; digits < line_.size() && digits < 4 && line_[digits] >= '0' && line_[digits] <= '9';
             ++digits)
            status = status * 10 + (line_[digits] - '0');
        const bool is_first = std::exchange(is_first_, false);
        const bool has_mark =
            digits < line_.size() && (line_[digits] == ' ' || line_[digits] == '-');
        if (digits == 0 || status > 255 || !has_mark || (!is_first && status != answer_.status)) {
            state_ = State::broken;
            return;
        }
        answer_.status = status;
        if (!is_first) answer_.text += '\n';
        answer_.text += std::string_view(line_).substr(digits + 1);
        if (line_[digits] == ' ') state_ = State::whole;
    }

    State state_ = State::unfinished;
    bool is_first_ = true;
    std::string line_;
    ControlAnswer answer_;
};

}  // namespace daemonkit::detail
