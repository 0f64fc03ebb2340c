// SPDX-License-Identifier: MIT
#pragma once
// DaemonFiles: the files of one daemon under test; and what has to hold of them and of its processes, as a text that
// is empty when all of it does: CHECK(why_not_up(start, files) == "").

#include <daemonkit/pid_lock.hpp>

#include "daemon_start.hpp"
#include "file_text.hpp"
#include "run_program.hpp"
#include "temp_folder.hpp"

#include <algorithm>  // std::count
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace daemonkit::testkit {

using Words = std::vector<std::string>;

inline Words operator+(Words first, const Words& more) {
    first.insert(first.end(), more.begin(), more.end());
    return first;
}

/// What a process wrote about itself as key=value lines.
class Report {
public:
    explicit Report(const std::string& path) {
        std::istringstream lines(read_file(path));
        for (std::string line; std::getline(lines, line);) {
            const auto equals = line.find('=');
            fields_[line.substr(0, equals)] = line.substr(std::min(line.size(), equals + 1));
        }
    }

    /// The value of a key; "(no KEY)" when there is none.
    std::string operator[](const std::string& key) const {
        const auto found = fields_.find(key);
        return found == fields_.end() ? "(no " + key + ")" : found->second;
    }

    /// The keys that begin so, without that beginning.
    std::vector<std::string> keys_after(const std::string& beginning) const {
        std::vector<std::string> keys;
        for (const auto& [key, value] : fields_)
            if (key.rfind(beginning, 0) == 0) keys.push_back(key.substr(beginning.size()));
        return keys;
    }

    /// True when the signal is in the set, as proc_pid_status(5) writes it.
    bool has_signal(const std::string& set, int number) const {
        return (std::stoull((*this)[set], nullptr, 16) >> static_cast<unsigned>(number - 1) & 1U) !=
               0;
    }

private:
    std::map<std::string, std::string> fields_;
};

/// The lines that only one of the two files has; what probe_daemon writes with --state is in FILE.before, FILE.after.
inline std::string differences(const std::string& before, const std::string& after) {
    std::map<std::string, int> balance;
    std::istringstream first(read_file(before));
    std::istringstream second(read_file(after));
    if (first.str().empty() || second.str().empty()) return "nothing was written";
    for (std::string line; std::getline(first, line);) --balance[line];
    for (std::string line; std::getline(second, line);) ++balance[line];
    std::string all;
    for (const auto& [line, count] : balance)
        if (count != 0) all += (count < 0 ? "was: " : "is: ") + line + "; ";
    return all;
}

/// Why a launcher is not what it was before a start that failed.
inline std::string why_changed(const std::string& state) {
    return differences(state + ".before", state + ".after");
}

/// The files of one daemon; `jail` stands before those that it opens behind a chroot.
struct DaemonFiles {
    TempFolder folder;
    std::string jail;
    std::string pid_file = folder / "pid";
    std::string log = folder / "log";
    std::string witness = folder / "witness";
    std::string report = folder / "report";

    /// probe_daemon with all of them, and more options.
    Words start(const Words& more = {}, const std::string& program = "probe_daemon") const {
        const Words mine{probe(program), "--pid-file", pid_file,   "--log", log,
                         "--witness",    witness,      "--report", report};
        return mine + more;
    }
};

/// The command with a copy of its program in the folder: another user need not be able to reach the build.
inline Words for_other_users(const DaemonFiles& files, Words command) {
    const std::string copy = files.folder / "program";
    std::filesystem::copy_file(command.front(), copy, std::filesystem::copy_options::skip_existing);
    command.front() = copy;
    return command;
}

/// True when somebody holds a flock on the file. Asked by trying: not while somebody may want to take it.
inline bool is_locked(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    const bool locked = ::flock(file, LOCK_SH | LOCK_NB) != 0;
    ::close(file);
    return locked;
}

/// Why a start is not up as its status says: one daemon, which holds its lock, is named by it, and runs its body.
inline std::string why_not_up(DaemonStart& start, const DaemonFiles& files) {
    const Ended launcher = start.await();
    if (launcher.exit_status != 0)
        return "status " + std::to_string(launcher.exit_status) + ", signal " +
               std::to_string(launcher.signal) + ": " + start.err();
    const auto processes = start.processes();
    if (processes.size() != 1) return std::to_string(processes.size()) + " processes";
    const std::string pid = std::to_string(processes.front());
    const auto holder = PidLock::holder(files.pid_file);
    if (!holder || holder->pid != processes.front()) return "pid " + pid + " is not the holder";
    if (read_file(files.pid_file) != pid + "\n")
        return "pid " + pid + " is not in the pid file: " + read_file(files.pid_file);
    if (!is_locked(files.pid_file)) return "the pid file is not locked";
    const std::string witness = files.jail + files.witness;
    const std::string running = "pid " + pid + ": running\n";
    if (!eventually([&] { return read_file(files.log).find(running) != std::string::npos; }))
        return "the body does not begin";
    if (!is_locked(witness)) return "the body has no witness";
    if (std::filesystem::exists(witness + ".VIOLATION")) return "two daemons at once";
    return "";
}

/// Why a start has not failed as it should: told in one line, and nothing left.
inline std::string why_not_failed(DaemonStart& start, const DaemonFiles& files) {
    const Ended launcher = start.await();
    if (launcher.exit_status == 0) return "status 0";
    if (launcher.signal == 0 && std::count(start.err().begin(), start.err().end(), '\n') != 1)
        return "not one line: " + start.err();
    constexpr Milliseconds time_to_go{1000};
    if (!start.leaves_nothing(time_to_go)) return "a process is left: " + start.err();
    if (is_locked(files.pid_file) || PidLock::holder(files.pid_file)) return "still locked";
    return "";
}

/// Why a further start does not come up and end as if nothing had happened before.
inline std::string why_no_clean_life(const DaemonFiles& files, const Words& command) {
    DaemonStart start(command);
    if (const std::string why = why_not_up(start, files); !why.empty()) return "next start: " + why;
    const Ended ended = DaemonStart::end(start.daemon(), SIGTERM);
    if (ended.exit_status != 0) return "next end: status " + std::to_string(ended.exit_status);
    if (is_locked(files.pid_file)) return "next end: still locked";
    return "";
}

}  // namespace daemonkit::testkit
