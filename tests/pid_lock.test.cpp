// SPDX-License-Identifier: MIT
#include <daemonkit/pid_lock.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "pid_lock_probe.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

static_assert(!std::is_copy_constructible_v<PidLock> && !std::is_copy_assignable_v<PidLock>);
static_assert(std::is_nothrow_move_constructible_v<PidLock> && !std::is_move_assignable_v<PidLock>);
static_assert(std::is_nothrow_destructible_v<PidLock>);

// -- one process -----------------------------------------------------------------------------------------------------

TEST_CASE("PidLock: the file is made empty, holds exactly the pid after write_pid, and goes",
          "[pid_lock][unit]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    {
        PidLock lock(path);
        CHECK(lock.is_held());
        CHECK(lock.path() == path);
        CHECK((::fcntl(lock.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(fs::file_size(path) == 0);
        lock.write_pid();
        CHECK(read_file(path) == own_pid() + "\n");
        lock.write_pid();
        CHECK(read_file(path) == own_pid() + "\n");
    }
    CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("PidLock: the descriptor is above 2 and close-on-exec, even when 0 is free",
          "[pid_lock][unit]") {
    const TempFolder folder;
    const int saved = ::fcntl(0, F_DUPFD_CLOEXEC, 100);
    ::close(0);
    int fd = -1;
    bool is_guarded = false;
    bool zero_is_free = false;
    {
        const PidLock lock(folder / "pid");
        fd = lock.native_handle();
        is_guarded = (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
        zero_is_free = ::fcntl(0, F_GETFD) == -1;
    }
    REQUIRE(::dup2(saved, 0) == 0);
    ::close(saved);
    CHECK(fd > 2);
    CHECK(is_guarded);
    CHECK(zero_is_free);
    CHECK(::fcntl(fd, F_GETFD) == -1);
}

TEST_CASE("PidLock: a second lock in the same process is refused, and the first one stays",
          "[pid_lock][unit]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    PidLock lock(path);
    lock.write_pid();
    const Error error = refusal(path);
    CHECK(error.step() == Step::lock_pid_file);
    CHECK(error.code() == std::errc::operation_would_block);
    CHECK_FALSE(PidLock::try_acquire(path));
    CHECK(lock.is_held());
    CHECK(read_file(path) == own_pid() + "\n");
    CHECK(run_pid_lock({"try:" + path})["acquired"] == "no");
}

TEST_CASE("PidLock: release gives the lock up once, abandon leaves the file", "[pid_lock][unit]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    PidLock lock(path);
    SECTION("release") {
        lock.release();
        CHECK_FALSE(lock.is_held());
        CHECK_FALSE(fs::exists(path));
        PidLock next(path);
        lock.release();
        CHECK(fs::exists(path));
        CHECK(next.is_held());
    }
    SECTION("abandon") {
        lock.write_pid();
        lock.abandon();
        CHECK_FALSE(lock.is_held());
        CHECK(read_file(path) == own_pid() + "\n");
        const PidLock next(path);
        CHECK(fs::file_size(path) == 0);
    }
    SECTION("afterwards there is nothing to write to") {
        lock.release();
        CHECK_THROWS_AS(lock.write_pid(), Error);
        CHECK_FALSE(fs::exists(path));
    }
}

TEST_CASE("PidLock: a moved lock is held by the new object alone", "[pid_lock][unit]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    std::optional<PidLock> outer = PidLock::try_acquire(path);
    REQUIRE(outer);
    {
        PidLock inner(std::move(*outer));
        CHECK_FALSE(outer->is_held());
        outer.reset();
        CHECK(inner.is_held());
        inner.write_pid();
        CHECK(read_file(path) == own_pid() + "\n");
    }
    CHECK_FALSE(fs::exists(path));
}

TEST_CASE("PidLock: giving up keeps errno", "[pid_lock][unit]") {
    const TempFolder folder;
    std::optional<PidLock> lock(std::in_place, folder / "pid");
    fs::remove(folder / "pid");
    errno = E2BIG;
    lock.reset();
    CHECK(errno == E2BIG);
}

// -- two processes ---------------------------------------------------------------------------------------------------

TEST_CASE("PidLock: a second process is refused and told the holder's pid, and touches nothing",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram holder(pid_lock_probe({"lock:" + path, "write", "pause:held"}));
    holder.await("paused");
    const std::string content = std::to_string(holder.pid()) + "\n";
    const auto written = fs::last_write_time(path);

    const Error error = refusal(path, {.mode = 0600});
    CHECK(error.step() == Step::lock_pid_file);
    CHECK(error.code().value() == EWOULDBLOCK);
    CHECK(error.explanation() == already_running_as + std::to_string(holder.pid()));
    CHECK(error.exit_status() == 75);
    CHECK_FALSE(PidLock::try_acquire(path));
    CHECK(PidLock::holder(path).value().pid == holder.pid());
    CHECK(read_file(path) == content);
    CHECK(fs::last_write_time(path) == written);
    CHECK((status_of(path).st_mode & 07777) == 0644);

    holder.tell();
    CHECK(holder.await_end() == 0);
    CHECK_FALSE(PidLock::holder(path));
    CHECK(PidLock(path).is_held());
}

TEST_CASE("PidLock: a holder is not named by what stands in the file", "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    SECTION("before the pid is written") {
        write_file(path, "1\n");
        RunningProgram holder(pid_lock_probe({"lock:" + path, "pause:held"}));
        holder.await("paused");
        CHECK(refusal(path).explanation() == unnamed);
        CHECK(PidLock::holder(path).has_value());
        CHECK_FALSE(PidLock::holder(path)->pid);
        CHECK(PidLock::holder(path)->launcher == holder.pid());
        CHECK(read_file(path).empty());
    }
    SECTION("when somebody has overwritten it") {
        RunningProgram holder(pid_lock_probe({"lock:" + path, "write", "pause:held"}));
        holder.await("paused");
        write_file(path, own_pid() + "\n");
        CHECK(refusal(path).explanation() == already_running_as + std::to_string(holder.pid()));
        CHECK(PidLock::holder(path)->pid == holder.pid());
    }
    SECTION("when its process is gone") {
        write_file(path, own_pid() + "\n");
        CHECK_FALSE(PidLock::holder(path));
        CHECK(read_file(path) == own_pid() + "\n");
    }
}

TEST_CASE("PidLock: the launcher's end changes neither the lock nor whom it names",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram program(
        pid_lock_probe({"lock:" + path, "fork", "pause:unwritten", "write", "pause:written"}));
    const pid_t daemon = std::stoi(program.await("daemon"));
    program.await("paused");
    CHECK(daemon != program.pid());
    CHECK(refusal(path).explanation() == unnamed);

    program.tell();
    program.await("paused");
    CHECK(read_file(path) == std::to_string(daemon) + "\n");
    CHECK(refusal(path).explanation() == already_running_as + std::to_string(daemon));
    CHECK(PidLock::holder(path).value().pid == daemon);

    program.tell();
    CHECK(program.await("end") == "reached");
    CHECK(program.rest().empty());  // the end of the daemon's stdout: it is gone
    CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("PidLock: a forked process that leaves the scope removes nothing and unlocks nothing",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram holder(pid_lock_probe({"lock:" + path, "write", "fork-leave", "pause:held"}));
    holder.await("paused");
    CHECK(read_file(path) == std::to_string(holder.pid()) + "\n");
    CHECK(refusal(path).explanation() == already_running_as + std::to_string(holder.pid()));
}

TEST_CASE("PidLock: a killed holder's file does not hold up the next start",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram holder(pid_lock_probe({"lock:" + path, "write", "pause:held"}));
    holder.await("paused");
    holder.signal(SIGKILL);
    CHECK(holder.await_end() == 128 + SIGKILL);
    CHECK(read_file(path) == std::to_string(holder.pid()) + "\n");
    CHECK_FALSE(PidLock::holder(path));

    PidLock next(path);
    next.write_pid();
    CHECK(read_file(path) == own_pid() + "\n");
}

TEST_CASE("PidLock: a worker that outlives its killed daemon keeps the lock, and is told of",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram daemon(pid_lock_probe({"lock:" + path, "write", "fork-worker", "pause:held"}));
    daemon.await("worker");
    daemon.signal(SIGKILL);
    CHECK(daemon.await_end() == 128 + SIGKILL);
    CHECK(refusal(path).explanation() == unnamed);
    const auto holder = PidLock::holder(path);
    REQUIRE(holder);
    CHECK_FALSE(holder->pid);
    CHECK_FALSE(PidLock::try_acquire(path));

    daemon.hang_up();
    daemon.rest();  // the end of the worker's stdout: it is gone
    CHECK_FALSE(PidLock::holder(path));
    CHECK(PidLock(path).is_held());
}

TEST_CASE("PidLock: a holder that has opened its own file, and lost its name, is told of",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram daemon(
        pid_lock_probe({"lock:" + path, "write", "holder:" + path, "pause:held"}));
    daemon.await("paused");
    const auto holder = PidLock::holder(path);
    REQUIRE(holder);
    CHECK_FALSE(holder->pid);
    CHECK(refusal(path).explanation() == unnamed);
}

TEST_CASE("PidLock: another program's lock on the file is not taken for the holder's",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    RunningProgram stranger(pid_lock_probe({"tag:" + path + ":whole", "pause:set"}));
    stranger.await("paused");
    RunningProgram holder(pid_lock_probe({"lock:" + path, "write", "pause:held"}));
    holder.await("paused");
    CHECK(refusal(path).explanation() == unnamed);
    CHECK(read_file(path) == std::to_string(holder.pid()) + "\n");
}

TEST_CASE("PidLock: holder says free where nobody holds the lock, and makes nothing",
          "[pid_lock][unit]") {
    const TempFolder folder;
    write_file(folder / "file", own_pid() + "\n");
    CHECK_FALSE(PidLock::holder(folder / "missing"));
    CHECK_FALSE(PidLock::holder(folder / "missing/pid"));
    CHECK_FALSE(PidLock::holder(folder / "file/pid"));
    CHECK_FALSE(PidLock::holder(folder / "file"));
    CHECK(read_file(folder / "file") == own_pid() + "\n");
    CHECK_FALSE(fs::exists(folder / "missing"));
}

TEST_CASE("PidLock: holder tells a file that it may not read from one that nobody holds",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    write_file(path, "");
    REQUIRE(::chmod(path.c_str(), 0) == 0);
    std::vector<std::string> verbs{"holder:" + path};
    if (::geteuid() == 0) {
        REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
        verbs.insert(verbs.begin(), "user:" + std::to_string(nobody));
    }
    const Finished finished = run_pid_lock(verbs);
    CHECK(finished["holder"] == "(no holder)");
    CHECK(finished["error"] == "open_pid_file");
    CHECK(finished["errno"] == std::to_string(EACCES));
    CHECK(finished["status"] == "77");
}

// -- the file under the lock is taken away ---------------------------------------------------------------------------

TEST_CASE(
    "PidLock: a file that was removed does not keep the next start out, nor is the next "
    "one's file removed",
    "[pid_lock][unit]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    std::optional<PidLock> first(std::in_place, path);
    first->write_pid();
    fs::remove(path);
    PidLock next(path);
    next.write_pid();
    first.reset();
    CHECK(read_file(path) == own_pid() + "\n");
    CHECK(run_pid_lock({"try:" + path})["acquired"] == "no");
}

TEST_CASE("PidLock: a file that was replaced is left to whoever put it there", "[pid_lock][unit]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    std::optional<PidLock> lock(std::in_place, path);
    lock->write_pid();
    SECTION("by another file") {
        write_file(folder / "other", "theirs");
        fs::rename(folder / "other", path);
        lock.reset();
        CHECK(read_file(path) == "theirs");
    }
    SECTION("by a folder") {
        fs::remove(path);
        fs::create_directory(path);
        lock.reset();
        CHECK(fs::is_directory(path));
    }
    SECTION("by a symbolic link to the very file") {
        fs::rename(path, folder / "moved");
        fs::create_symlink(folder / "moved", path);
        lock.reset();
        CHECK(fs::is_symlink(path));
        CHECK(read_file(folder / "moved").empty());
    }
    SECTION("by a second name of the very file") {
        fs::create_hard_link(path, folder / "second");
        lock.reset();
        CHECK_FALSE(fs::exists(path));
        CHECK(fs::exists(folder / "second"));
    }
}

TEST_CASE("PidLock: whether the file still has its name is told, and renewed it has it again",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    PidLock lock(path);
    lock.write_pid();
    CHECK(lock.is_named());
    lock.renew();  // with nothing to do
    CHECK(read_file(path) == own_pid() + "\n");
    const struct ::stat before = status_of(path);
    bool is_moved = false;
    SECTION("removed") { fs::remove(path); }
    SECTION("replaced by another file") {
        write_file(folder / "other", "1\n");
        fs::rename(folder / "other", path);
    }
    SECTION("moved") {
        is_moved = true;
        fs::rename(path, folder / "moved");
    }
    SECTION("its folder gone and made again") {
        fs::remove_all(folder.path());
        fs::create_directory(folder.path());
    }
    CHECK_FALSE(lock.is_named());
    lock.renew();
    CHECK(lock.is_named());
    CHECK(lock.is_held());
    CHECK(status_of(path).st_ino != before.st_ino);
    const Finished other = run_pid_lock({"holder:" + path, "try:" + path});
    CHECK(other["holder"] == own_pid());
    CHECK(other["acquired"] == "no");
    CHECK(read_file(path) == own_pid() + "\n");
    if (is_moved) CHECK(read_file(folder / "moved").empty());
    lock.release();
    CHECK_FALSE(fs::exists(path));
}

TEST_CASE("PidLock: a name that another process has by now is not taken back",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    PidLock lock(path);
    lock.write_pid();
    fs::remove(path);
    RunningProgram second(pid_lock_probe({"lock:" + path, "write", "pause:held"}));
    second.await("paused");
    CHECK_FALSE(lock.is_named());
    try {
        lock.renew();
        FAIL("renewed beside another holder");
    } catch (const Error& error) {
        CHECK(error.step() == Step::lock_pid_file);
        CHECK(error.code().value() == EWOULDBLOCK);
        CHECK(error.explanation() == already_running_as + std::to_string(second.pid()));
    }
    CHECK(lock.is_held());
    lock.release();
    CHECK(read_file(path) == std::to_string(second.pid()) + "\n");
}

TEST_CASE("PidLock: a name that cannot be had again is an error, and the old lock stays",
          "[pid_lock][unit]") {
    const TempFolder folder;
    fs::create_directory(folder / "sub");
    PidLock lock(folder / "sub/pid");
    lock.write_pid();
    fs::remove_all(folder / "sub");
    CHECK_FALSE(lock.is_named());
    CHECK_THROWS_AS(lock.renew(), Error);
    CHECK(lock.is_held());
    CHECK_FALSE(lock.is_named());
    fs::create_directory(folder / "sub");
    lock.renew();
    CHECK(lock.is_named());
}

TEST_CASE("PidLock: a descriptor that has become another file's is left to it",
          "[pid_lock][unit]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    write_file(folder / "database", "precious");
    PidLock lock(path);
    lock.write_pid();
    const int number = lock.native_handle();
    // As a library does that closes all descriptors, before the program opens a file of its own.
    REQUIRE(::close(number) == 0);
    const detail::UniqueFd database(::open((folder / "database").c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(database.get() == number);

    CHECK_FALSE(lock.is_named());
    CHECK_THROWS_AS(lock.write_pid(), Error);
    SECTION("release") { lock.release(); }
    SECTION("abandon") { lock.abandon(); }
    SECTION("renew") {
        lock.renew();
        CHECK(lock.is_named());
        CHECK(read_file(path) == own_pid() + "\n");
    }
    CHECK(read_file(folder / "database") == "precious");
    CHECK(::fcntl(number, F_GETFD) != -1);
}

TEST_CASE("PidLock: who waits until it is free returns when the last holder has ended",
          "[pid_lock][process]") {
    using std::chrono::milliseconds;
    const TempFolder folder;
    const std::string path = folder / "pid";
    CHECK(PidLock::wait_until_free(path, milliseconds(0)));
    RunningProgram daemon(pid_lock_probe({"lock:" + path, "write", "fork-worker", "pause:held"}));
    daemon.await("worker");
    CHECK_FALSE(PidLock::wait_until_free(path, milliseconds(0)));
    daemon.signal(SIGKILL);
    CHECK(daemon.await_end() == 128 + SIGKILL);
    CHECK_FALSE(PidLock::wait_until_free(path, milliseconds(30)));
    daemon.hang_up();  // the worker ends
    CHECK(PidLock::wait_until_free(path, std::chrono::seconds(20)));
}

// -- many processes ---------------------------------------------------------------------------------------------------

// For a longer race: probe_lock_race FOLDER 8 100000 600.
TEST_CASE(
    "PidLock: of many processes that race for it, never two have it and no wrong pid is named",
    "[pid_lock][process]") {
    const TempFolder folder;
    const auto [processes, more] = GENERATE(
        table<const char*, const char*>({{"4", ""}, {"8", ""}, {"8", "daemons"}, {"4", "2"}}));
    CAPTURE(processes, more);
    const Finished race = run_program(
        {probe("probe_lock_race"), folder.path().string(), processes, "100000", "1", more});
    INFO(race.out);
    CHECK(race["double"] == "0");
    CHECK(race["wrong_name"] == "0");
    CHECK(race["wrong_text"] == "0");
    CHECK(race["error"] == "0");
    CHECK(race.exit_status == 0);
    // A race in which nobody wins, or nobody is named, has shown nothing.
    CHECK(std::stol(race["acquired"]) > 10);
    CHECK(std::stol(race["named"]) > 10);
    CHECK_FALSE(fs::exists(folder / "pid"));
}

TEST_CASE("PidLock: those who look for a holder never keep a start out", "[pid_lock][process]") {
    const TempFolder folder;
    const Finished race =
        run_program({probe("probe_lock_race"), folder.path().string(), "1", "100000", "1", "3"});
    INFO(race.out);
    CHECK(std::stol(race["looked"]) > 50);
    CHECK(std::stol(race["acquired"]) > 10);
    CHECK(race["refused"] == "0");
    CHECK(race["error"] == "0");
}
