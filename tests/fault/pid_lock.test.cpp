// SPDX-License-Identifier: MIT
// PidLock with every system call failing: the step is named, nothing hangs, and the next start comes up.
#include <daemonkit/pid_lock.hpp>

#include "catch.hpp"
#include "fault/with_fault.hpp"
#include "file_text.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;
namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t first = 1;

// Another process's view: the lock can be taken, the file then holds exactly the pid, and it goes.
void check_next_start(const std::string& path) {
    {
        PidLock next(path);
        next.write_pid();
        CHECK(read_file(path) == std::to_string(::getpid()) + "\n");
    }
    CHECK_FALSE(fs::exists(path));
}

// A file that a killed daemon left, with a mode that has to be changed.
void leave_stale_file(const std::string& path) {
    write_file(path, "1\n");
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
}

// A whole life: every call that PidLock ever makes.
void live(const std::string& path) {
    PidLock lock(path);
    lock.write_pid();
}

// A file size limit above what is needed, for a scope: then the write is guarded against SIGXFSZ.
class FileSizeLimit {
public:
    FileSizeLimit() {
        REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
        struct ::rlimit limit = before_;
        limit.rlim_cur = 1 << 20;
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    }
    ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

private:
    struct ::rlimit before_ {};
};

}  // namespace

TEST_CASE("PidLock: whichever call fails, once or for good, the next start comes up",
          "[pid_lock][unit][fault]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    const auto repeat = GENERATE(Repeat::once, Repeat::for_good);
    const bool is_stale = GENERATE(false, true);
    const int error = GENERATE(EIO, EACCES, ENOMEM, ENOSPC, EMFILE, EINTR);
    CAPTURE(repeat == Repeat::for_good, is_stale, std::strerror(error));
    const FileSizeLimit limit;
    const int descriptors = open_descriptors();

    std::uint32_t occurrence = first;
    for (;; ++occurrence) {
        if (is_stale) leave_stale_file(path);
        const Outcome outcome = with_fault("any", occurrence, error, repeat, [&] { live(path); });
        CAPTURE(occurrence);
        if (outcome.hits == 0) break;
        if (outcome.error) {
            INFO(outcome.error->what());
            CHECK(outcome.error->code().value() == error);
            CHECK((outcome.error->step() == Step::open_pid_file ||
                   outcome.error->step() == Step::lock_pid_file ||
                   outcome.error->step() == Step::write_pid_file));
            CHECK(outcome.error->subject() == path);
        }
        CHECK(outcome.hits <= 300);
        CHECK(open_descriptors() == descriptors);
        check_next_start(path);
    }
    CHECK(occurrence > 15);
}

TEST_CASE("PidLock: a call that fails names its step", "[pid_lock][unit][fault]") {
    struct Row {
        const char* name;
        std::uint32_t occurrence;
        int error;
        Step step;
        int exit_status;
    };
    // In the order of a life; the second fcntl_lock is the daemon's name, the second ftruncate makes room for it.
    const auto row = GENERATE(values<Row>({
        {"open", 1, EMFILE, Step::open_pid_file, 73},
        {"open", 1, ENFILE, Step::open_pid_file, 73},
        {"open", 1, ENOSPC, Step::open_pid_file, 73},
        {"open", 1, EDQUOT, Step::open_pid_file, 73},
        {"open", 1, EROFS, Step::open_pid_file, 73},
        {"open", 1, EACCES, Step::open_pid_file, 77},
        {"open", 1, EPERM, Step::open_pid_file, 77},
        {"fstat", 1, EIO, Step::open_pid_file, 73},
        {"flock", 1, ENOLCK, Step::lock_pid_file, 73},
        {"flock", 1, ENOSYS, Step::lock_pid_file, 73},
        {"flock", 1, EIO, Step::lock_pid_file, 73},
        {"flock", 1, EBADF, Step::lock_pid_file, 73},
        {"lstat", 1, EIO, Step::lock_pid_file, 73},
        {"lstat", 1, EACCES, Step::lock_pid_file, 73},
        {"lstat", 1, ENOMEM, Step::lock_pid_file, 73},
        {"fcntl_lock", 1, ENOLCK, Step::lock_pid_file, 73},
        {"fchmod", 1, EPERM, Step::open_pid_file, 77},
        {"fchmod", 1, EROFS, Step::open_pid_file, 73},
        {"ftruncate", 1, EIO, Step::write_pid_file, 73},
        {"fcntl_lock", 2, ENOLCK, Step::lock_pid_file, 73},
        {"ftruncate", 2, EIO, Step::write_pid_file, 73},
        {"pwrite", 1, ENOSPC, Step::write_pid_file, 73},
        {"pwrite", 1, EDQUOT, Step::write_pid_file, 73},
        {"pwrite", 1, EIO, Step::write_pid_file, 73},
        {"pwrite", 1, EFBIG, Step::write_pid_file, 73},
    }));
    const auto repeat = GENERATE(Repeat::once, Repeat::for_good);
    CAPTURE(row.name, row.occurrence, std::strerror(row.error), repeat == Repeat::for_good);
    const TempFolder folder;
    const std::string path = folder / "pid";
    leave_stale_file(path);
    const Outcome outcome =
        with_fault(row.name, row.occurrence, row.error, repeat, [&] { live(path); });
    REQUIRE(outcome.error);
    CHECK(outcome.error->step() == row.step);
    CHECK(outcome.error->code().value() == row.error);
    CHECK(outcome.error->subject() == path);
    CHECK(outcome.error->exit_status() == row.exit_status);
    check_next_start(path);
}

TEST_CASE("PidLock: once the lock is taken, a failed start removes the file",
          "[pid_lock][unit][fault]") {
    const auto [name, occurrence] = GENERATE(table<const char*, std::uint32_t>({{"lstat", 1},
                                                                                {"fcntl_lock", 1},
                                                                                {"fchmod", 1},
                                                                                {"ftruncate", 1},
                                                                                {"fcntl_lock", 2},
                                                                                {"ftruncate", 2},
                                                                                {"pwrite", 1}}));
    CAPTURE(name, occurrence);
    const TempFolder folder;
    leave_stale_file(folder / "pid");
    const Outcome outcome =
        with_fault(name, occurrence, EIO, Repeat::once, [&] { live(folder / "pid"); });
    CHECK(outcome.hits == 1);
    CHECK(outcome.error);
    CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("PidLock: an interrupted call is made again", "[pid_lock][unit][fault]") {
    const auto [name, occurrence] = GENERATE(table<const char*, std::uint32_t>({{"open", 1},
                                                                                {"flock", 1},
                                                                                {"lstat", 1},
                                                                                {"fcntl_lock", 1},
                                                                                {"ftruncate", 1},
                                                                                {"fcntl_lock", 2},
                                                                                {"ftruncate", 2},
                                                                                {"pwrite", 1}}));
    CAPTURE(name, occurrence);
    const TempFolder folder;
    const std::string path = folder / "pid";
    leave_stale_file(path);
    const Outcome once = with_fault(name, occurrence, EINTR, Repeat::once, [&] {
        PidLock lock(path);
        lock.write_pid();
        CHECK(read_file(path) == std::to_string(::getpid()) + "\n");
    });
    CHECK(once.hits == 1);
    CHECK_FALSE(once.error);

    // For good it is an error, and soon: no call is made more often than that.
    leave_stale_file(path);
    const Outcome for_good =
        with_fault(name, occurrence, EINTR, Repeat::for_good, [&] { live(path); });
    REQUIRE(for_good.error);
    CHECK(for_good.error->code().value() == EINTR);
    CHECK(for_good.hits <= 300);
    check_next_start(path);
}

TEST_CASE("PidLock: a name that is always gone again is looked up many times, then it is an error",
          "[pid_lock][unit][fault]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    const Outcome once = with_fault("lstat", first, ENOENT, Repeat::once, [&] { live(path); });
    CHECK(once.hits == 1);
    CHECK_FALSE(once.error);
    CHECK(fs::is_empty(folder.path()));

    const Outcome for_good =
        with_fault("lstat", first, ENOENT, Repeat::for_good, [&] { live(path); });
    REQUIRE(for_good.error);
    CHECK(for_good.error->step() == Step::lock_pid_file);
    CHECK(for_good.error->code().value() == ESTALE);
    CHECK(for_good.hits <= 1024);
    check_next_start(path);
}

TEST_CASE("PidLock: a busy record lock costs the name alone", "[pid_lock][unit][fault]") {
    // A file system that counts flock and record locks as one says so (NFS).
    const int busy = GENERATE(EAGAIN, EACCES);
    const TempFolder folder;
    const std::string path = folder / "pid";
    const Outcome outcome = with_fault("fcntl_lock", first, busy, Repeat::for_good, [&] {
        PidLock lock(path);
        lock.write_pid();
        CHECK(read_file(path) == std::to_string(::getpid()) + "\n");
        CHECK_FALSE(PidLock::try_acquire(path));
    });
    CHECK_FALSE(outcome.error);
}

TEST_CASE("PidLock: a pid that could not be written leaves an empty file under the lock",
          "[pid_lock][unit][fault]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    PidLock lock(path);
    lock.write_pid();
    const Outcome outcome =
        with_fault("pwrite", first, ENOSPC, Repeat::for_good, [&] { lock.write_pid(); });
    REQUIRE(outcome.error);
    CHECK(fs::file_size(path) == 0);
    CHECK(lock.is_held());
    CHECK_FALSE(PidLock::try_acquire(path));
    lock.write_pid();
    CHECK(read_file(path) == std::to_string(::getpid()) + "\n");
}

TEST_CASE("PidLock: a file that cannot be removed is emptied and unlocked, and nothing is thrown",
          "[pid_lock][unit][fault]") {
    const auto [name, error] = GENERATE(table<const char*, int>({{"unlink", EACCES},
                                                                 {"unlink", EROFS},
                                                                 {"unlink", EBUSY},
                                                                 {"unlink", EIO},
                                                                 {"lstat", EACCES}}));
    CAPTURE(name, std::strerror(error));
    const TempFolder folder;
    const std::string path = folder / "pid";
    PidLock lock(path);
    lock.write_pid();
    const Outcome outcome = with_fault(name, first, error, Repeat::for_good, [&] {
        errno = E2BIG;
        lock.release();
        CHECK(errno == E2BIG);
    });
    CHECK(outcome.hits == 1);
    CHECK_FALSE(outcome.error);
    CHECK(fs::file_size(path) == 0);
    check_next_start(path);
}

TEST_CASE("PidLock: when emptying fails as well, the lock still goes", "[pid_lock][unit][fault]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    PidLock lock(path);
    lock.write_pid();
    const Outcome outcome =
        with_fault("any", first, EIO, Repeat::for_good, [&] { lock.release(); });
    CHECK(outcome.hits > 2);
    CHECK(fs::exists(path));
    check_next_start(path);
}

TEST_CASE("PidLock: the relative path of a removed directory is an error of the path",
          "[pid_lock][unit][fault]") {
    const Outcome outcome =
        with_fault("getcwd", first, ENOENT, Repeat::for_good, [] { live("pid"); });
    REQUIRE(outcome.error);
    CHECK(outcome.error->step() == Step::resolve_path);
    CHECK(outcome.error->subject() == "pid");
}

TEST_CASE("PidLock: whichever call fails while a lock is renewed, it is held once",
          "[pid_lock][unit][fault]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    PidLock lock(path);
    lock.write_pid();
    const int descriptors = open_descriptors();
    const auto repeat = GENERATE(Repeat::once, Repeat::for_good);
    const int error = GENERATE(EIO, ENOSPC, EINTR);
    CAPTURE(repeat == Repeat::for_good, std::strerror(error));
    std::uint32_t occurrence = first;
    for (;; ++occurrence) {
        CAPTURE(occurrence);
        fs::remove(path);
        const Outcome outcome = with_fault("any", occurrence, error, repeat, [&] { lock.renew(); });
        CHECK(outcome.hits <= 300);
        CHECK(lock.is_held());
        CHECK(open_descriptors() == descriptors);
        if (outcome.error) CHECK_FALSE(lock.is_named());
        lock.renew();
        CHECK(lock.is_named());
        CHECK_FALSE(PidLock::try_acquire(path));
        lock.write_pid();  // the try has cost the name
        CHECK(read_file(path) == std::to_string(::getpid()) + "\n");
        if (outcome.hits == 0) break;
    }
    CHECK(occurrence > 10);
}

TEST_CASE("PidLock: a path that cannot be looked at is not one that is gone",
          "[pid_lock][unit][fault]") {
    const TempFolder folder;
    PidLock lock(folder / "pid");
    const int error = GENERATE(EACCES, EIO, ENOMEM);
    const Fault fault("lstat", first, error, Repeat::for_good);
    CHECK(lock.is_named());
    fs::remove(folder / "pid");
    CHECK_FALSE(lock.is_named());
}

TEST_CASE("PidLock: a file system that does not tell what it is is taken for a local one",
          "[pid_lock][unit][fault]") {
    const TempFolder folder;
    const Outcome outcome = with_fault("fstatfs", first, GENERATE(ENOSYS, EPERM, EIO),
                                       Repeat::for_good, [&] { live(folder / "pid"); });
    CHECK(outcome.hits == 1);
    CHECK_FALSE(outcome.error);
}

TEST_CASE("PidLock: holder tells what it could not find out", "[pid_lock][unit][fault]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    write_file(path, "");
    const auto [name, occurrence, error, step] =
        GENERATE(table<const char*, std::uint32_t, int, Step>(
            {{"open", 1, EMFILE, Step::open_pid_file},
             {"open", 1, EINTR, Step::open_pid_file},
             {"fstat", 1, EIO, Step::open_pid_file},
             {"fcntl_lock", 1, ENOLCK, Step::lock_pid_file},
             {"fcntl_lock", 2, EIO, Step::lock_pid_file}}));
    CAPTURE(name, occurrence, std::strerror(error));
    const int descriptors = open_descriptors();
    const Outcome outcome = with_fault(name, occurrence, error, Repeat::for_good, [&, path = path] {
        static_cast<void>(PidLock::holder(path));
    });
    REQUIRE(outcome.error);
    CHECK(outcome.error->step() == step);
    CHECK(outcome.error->code().value() == error);
    CHECK(open_descriptors() == descriptors);
}

TEST_CASE("PidLock: without a way to ask, a holder is said to be there and not named",
          "[pid_lock][unit][fault]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    PidLock lock(path);
    const Outcome outcome =
        with_fault("fcntl_lock", first, EIO, Repeat::for_good, [&] { PidLock second(path); });
    REQUIRE(outcome.error);
    CHECK(outcome.error->code().value() == EWOULDBLOCK);
    CHECK(outcome.error->explanation().find("the process cannot be named") != std::string::npos);
}
