// SPDX-License-Identifier: MIT
#pragma once
// Command: a program with its arguments and its environment, ready to be executed. Floor 3.
//
// Whatever has to be worked out is worked out when it is made: to execute it takes system calls alone, so that a new
// process can, whose other threads are gone with what they held locked.

#include <daemonkit/detail/syscall.hpp>
#include <daemonkit/environment.hpp>
#include <daemonkit/error.hpp>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>  // std::move
#include <vector>

#include <sys/stat.h>  // stat

namespace daemonkit::detail {

/// The environment that the options make of this process's own, as "NAME=VALUE" texts.
///
/// Threads:  a change of the environment in another thread meanwhile is undefined, as with getenv.
inline std::vector<std::string> environment_texts(const Environment& wanted) {
    const auto name_of = [](std::string_view text) { return text.substr(0, text.find('=')); };
    const auto is_listed = [&](std::string_view name) {
        for (const std::string& listed : wanted.listed)
            if (listed == name) return true;
        return false;
    };
    std::vector<std::string> texts;
    for (char** text = sys::environment(); text != nullptr && *text != nullptr; ++text) {
        const bool keeps_all = wanted.inherited == InheritedEnvironment::keep;
        if (keeps_all || is_listed(name_of(*text))) texts.emplace_back(*text);
    }
    for (const auto& set : wanted.set) {
        const auto is_before = [&](const std::string& text) { return name_of(text) == set.first; };
        std::erase_if(texts, is_before);  // of two values for one name the later one counts
        texts.push_back(set.first);
        texts.back() += '=';
        texts.back() += set.second;
    }
    return texts;
}

/// The files that a command's name may stand for: itself with a slash in it, else one in each folder of PATH.
///
/// An entry of PATH that is no absolute path is passed over: it would mean whatever directory the daemon is in.
inline std::vector<std::string> program_files(const std::string& name,
                                              const std::vector<std::string>& environment) {
    if (name.find('/') != std::string::npos) return {name};
    std::string_view path = "/usr/bin:/bin";
    constexpr std::string_view variable = "PATH=";
    for (const std::string& text : environment)
        if (text.compare(0, variable.size(), variable) == 0)
            path = std::string_view(text).substr(variable.size());
    std::vector<std::string> files;
    while (!path.empty()) {
        const std::string_view folder = path.substr(0, path.find(':'));
        if (!folder.empty() && folder.front() == '/') {
            files.emplace_back(folder);
            files.back() += '/';
            files.back() += name;
        }
        path.remove_prefix(folder.size() < path.size() ? folder.size() + 1 : path.size());
    }
    return files;
}

/// Refuses what names no program.
///
/// Errors:   Step::validate_options.
inline void require_command(const std::vector<std::string>& words) {
    const auto refuse = [](const char* why) {
        throw Error(Step::validate_options, "command", EINVAL, why);
    };
    if (words.empty() || words.front().empty()) refuse("it names no program");
    for (const std::string& word : words)
        if (word.find('\0') != std::string::npos) refuse("a NUL byte ends an argument");
}

/// Why a program could not be executed, in words that tell what to do; empty where the errno does.
inline std::string explain_execution(const std::string& program, int error) {
    const bool is_path = program.find('/') != std::string::npos;
    struct ::stat status {};
    switch (error) {
        case ENOENT:
            if (!is_path) return "it is in no folder of PATH";
            if (!sys::stat(program.c_str(), &status)) return {};
            return "the interpreter that the program needs does not exist";
        case EACCES:
            if (is_path) return {};
            return "a folder of PATH may not be searched, or the program there not executed";
        case ENOEXEC: return "it is no program; a script begins with #! and its interpreter";
        default: return {};
    }
}

/// A program, its arguments and its environment.
class Command {
public:
    /// `words` are the program and its arguments.
    ///
    /// Errors:   Step::validate_options.
    Command(std::vector<std::string> words, const Environment& environment)
        : words_((require_command(words), std::move(words))),
          environment_(environment_texts(environment)),
          files_(program_files(words_.front(), environment_)) {
        for (std::string& text : words_) argv_.push_back(text.data());
        argv_.push_back(nullptr);
        for (std::string& text : environment_) envp_.push_back(text.data());
        envp_.push_back(nullptr);
    }
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    /// What the caller calls the program.
    const std::string& program() const noexcept { return words_.front(); }

    /// Becomes the program; returns the errno when that is not possible. Async-signal-safe.
    ///
    /// As execvp(3) does, but without its shell for what is no program.
    int execute() const noexcept {
        int error = ENOENT;
        for (const std::string& file : files_) {
            const int failed = sys::execve(file.c_str(), argv_.data(), envp_.data()).error;
            if (failed == EACCES) error = EACCES;
            if (failed != EACCES && failed != ENOENT && failed != ENOTDIR) return failed;
            if (files_.size() == 1) return failed;
        }
        return error;
    }

private:
    std::vector<std::string> words_;
    std::vector<std::string> environment_;
    std::vector<std::string> files_;
    std::vector<char*> argv_;
    std::vector<char*> envp_;
};

}  // namespace daemonkit::detail
