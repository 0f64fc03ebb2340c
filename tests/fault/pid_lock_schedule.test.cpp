// SPDX-License-Identifier: MIT
// Two starters, and every schedule with one preemption: one process is stopped before or after each of its system
// calls, this one does all it has to do, and the other goes on. The same with a process that is killed there.
#include <daemonkit/pid_lock.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "pid_lock_probe.hpp"
#include "temp_folder.hpp"

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

// An flock that has nothing to do with PidLock: two holders at once cannot both have it.
class Witness {
public:
    explicit Witness(const std::string& file)
        : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
        is_alone_ = ::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0;
    }
    bool is_alone() const { return is_alone_; }

private:
    detail::UniqueFd fd_;
    bool is_alone_ = false;
};

// One try to start.
struct Start {
    explicit Start(const std::string& path) {
        try {
            lock.emplace(path);
        } catch (const Error& error) {
            refused = error.explanation();
        }
    }
    std::optional<PidLock> lock;
    std::string refused;
};

// The words of a refusal that names that process or none.
bool names_nobody_but(const std::string& words, pid_t pid) {
    return words == unnamed || words == already_running_as + std::to_string(pid);
}

// The probe with a plan for its call number `call`: stop, late_stop, kill or late_kill.
std::vector<std::string> plan(const std::string& action, int call) {
    return {"DAEMONKIT_FAULT=any:" + std::to_string(call) + ":" + action};
}

struct Files {
    TempFolder folder;
    std::string pid = folder / "pid";
    std::string witness = folder / "witness";
};

// The first process: a whole life of a lock.
std::vector<std::string> life(const Files& files) {
    return pid_lock_probe({"lock:" + files.pid, "witness:" + files.witness, "write", "unwitness",
                           "leave", "pause:over"});
}

void check_next_start(const Files& files) {
    {
        PidLock lock(files.pid);
        lock.write_pid();
        CHECK(read_file(files.pid) == own_pid() + "\n");
    }
    CHECK_FALSE(fs::exists(files.pid));
}

}  // namespace

TEST_CASE("PidLock: a start and an end in the middle of another one, at every call",
          "[pid_lock][process][fault]") {
    const std::string action = GENERATE("stop", "late_stop");
    const bool leaves_file = GENERATE(false, true);  // ends as if killed, with its pid in the file
    const bool is_stale = GENERATE(false, true);
    CAPTURE(action, leaves_file, is_stale);
    int call = 1;
    for (;; ++call) {
        const Files files;
        if (is_stale) write_file(files.pid, "1\n");
        RunningProgram other(life(files), plan(action, call));
        const bool was_stopped = other.await_stop_or("over");
        CAPTURE(call);
        if (!was_stopped) break;

        const auto holder = PidLock::holder(files.pid);
        Start mine(files.pid);
        const bool came_up = mine.lock.has_value();
        if (came_up) {
            CHECK(Witness(files.witness).is_alone());
            mine.lock->write_pid();
            if (leaves_file) mine.lock->abandon();
            mine.lock.reset();
        } else {
            CHECK(names_nobody_but(mine.refused, other.pid()));
        }
        if (holder && holder->pid) CHECK(*holder->pid == other.pid());
        if (holder) CHECK_FALSE(came_up);

        other.signal(SIGCONT);
        const std::string said = other.until("over");
        INFO(said);
        CHECK(said.find("violation") == std::string::npos);
        CHECK(said.find("error") == std::string::npos);  // nobody is there any more: it comes up
        CHECK(said.find("acquired=yes") != std::string::npos);
        check_next_start(files);
    }
    CHECK(call > 12);
}

TEST_CASE("PidLock: a start in the middle of another one that stays, at every call",
          "[pid_lock][process][fault]") {
    const std::string action = GENERATE("stop", "late_stop");
    const bool is_stale = GENERATE(false, true);
    CAPTURE(action, is_stale);
    int call = 1;
    int both_up = 0;  // one after the other
    for (;; ++call) {
        const Files files;
        if (is_stale) write_file(files.pid, "1\n");
        RunningProgram other(life(files), plan(action, call));
        const bool was_stopped = other.await_stop_or("over");
        CAPTURE(call);
        if (!was_stopped) break;

        Start mine(files.pid);
        std::optional<Witness> witness;
        if (mine.lock) {
            witness.emplace(files.witness);
            CHECK(witness->is_alone());
            mine.lock->write_pid();
        } else {
            CHECK(names_nobody_but(mine.refused, other.pid()));
        }
        other.signal(SIGCONT);
        const std::string said = other.until("over");
        INFO(said);
        CHECK(said.find("violation") == std::string::npos);
        const bool other_came_up = said.find("acquired=yes") != std::string::npos;
        if (!mine.lock) CHECK(other_came_up);
        if (mine.lock && other_came_up) ++both_up;
        if (!other_came_up) {
            CHECK(said.find("errno=" + std::to_string(EWOULDBLOCK)) != std::string::npos);
            CHECK((said.find(already_running_as + own_pid()) != std::string::npos ||
                   said.find(unnamed) != std::string::npos));
        }
        if (mine.lock) {  // still the one, whatever the other did in the meantime
            struct ::stat held {};
            REQUIRE(::fstat(mine.lock->native_handle(), &held) == 0);
            CHECK(status_of(files.pid).st_ino == held.st_ino);
            CHECK(fs::file_size(files.pid) == own_pid().size() + 1);
            mine.lock.reset();
        }
        CHECK_FALSE(fs::exists(files.pid));
    }
    CHECK(call > 12);
    CHECK(both_up <= 3);  // only where the other's end had already given the lock up
}

TEST_CASE("PidLock: an end and a new start in the middle of another start, at every call",
          "[pid_lock][process][fault]") {
    // The other process has opened a file that loses its name before it is locked.
    const std::string action = GENERATE("stop", "late_stop");
    CAPTURE(action);
    int call = 1;
    for (;; ++call) {
        const Files files;
        Start before(files.pid);
        REQUIRE(before.lock);
        before.lock->write_pid();
        RunningProgram other(life(files), plan(action, call));
        const bool was_stopped = other.await_stop_or("over");
        CAPTURE(call);
        if (!was_stopped) break;

        before.lock.reset();
        Start mine(files.pid);
        std::optional<Witness> witness;
        if (mine.lock) {
            witness.emplace(files.witness);
            mine.lock->write_pid();
        } else {
            CHECK(names_nobody_but(mine.refused, other.pid()));
        }
        other.signal(SIGCONT);
        const std::string said = other.until("over");
        INFO(said);
        CHECK(said.find("violation") == std::string::npos);
        CHECK((said.find("acquired=yes") == std::string::npos) == mine.lock.has_value());
    }
    CHECK(call > 4);
}

TEST_CASE("PidLock: a holder that is killed at any call leaves nothing that keeps the next one out",
          "[pid_lock][process][fault]") {
    const std::string action = GENERATE("kill", "late_kill");
    const bool is_stale = GENERATE(false, true);
    CAPTURE(action, is_stale);
    int call = 1;
    for (;; ++call) {
        const Files files;
        if (is_stale) write_file(files.pid, "1\n");
        RunningProgram other(life(files), plan(action, call));
        other.hang_up();  // the pause at the end is none
        CAPTURE(call);
        if (other.await_end() == 0) break;
        CHECK_FALSE(PidLock::holder(files.pid));
        check_next_start(files);
    }
    CHECK(call > 12);
}

TEST_CASE(
    "PidLock: a look that is overtaken by the end of a start does not say that nobody is there",
    "[pid_lock][process][fault]") {
    const std::string action = GENERATE("stop", "late_stop");
    CAPTURE(action);
    int call = 1;
    for (;; ++call) {
        const Files files;
        RunningProgram start(pid_lock_probe(
            {"lock:" + files.pid, "pause:locked", "fork", "write", "pause:written"}));
        start.await("paused");
        RunningProgram look(pid_lock_probe({"holder:" + files.pid, "pause:over"}),
                            plan(action, call));
        CAPTURE(call);
        if (!look.await_stop_or("over")) break;

        start.tell();
        const std::string daemon = start.await("daemon");
        start.await("paused");  // the launcher is gone, the daemon has written its pid

        look.signal(SIGCONT);
        const std::string holder = look.await("holder");
        CHECK((holder == daemon || holder == "unnamed"));
    }
    CHECK(call > 4);
}
