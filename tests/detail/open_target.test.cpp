// SPDX-License-Identifier: MIT
#include <daemonkit/detail/open_target.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace daemonkit;
using daemonkit::detail::open_target;
using daemonkit::detail::UniqueFd;
using daemonkit::testkit::read_file;
using daemonkit::testkit::TempFolder;
using daemonkit::testkit::write_file;

namespace {

Error refusal(Stream stream, const StreamTarget& target) {
    try {
        open_target(stream, target);
    } catch (const Error& error) {
        return error;
    }
    return {Step::application, "nothing was thrown", 0};
}

bool says(const Error& error, const std::string& words) {
    return std::string(error.what()).find(words) != std::string::npos;
}

void put(int fd, const std::string& text) {
    REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

bool closes_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }
int status_flags(int fd) { return ::fcntl(fd, F_GETFL); }

mode_t mode_of(const std::string& path) {
    struct ::stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

// The umask of the test, set for a scope.
class Umask {
public:
    explicit Umask(mode_t mask) : before_(::umask(mask)) {}
    ~Umask() { ::umask(before_); }
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;

private:
    mode_t before_;
};

// Descriptor 0 is closed for a scope: the next open(2) would hand it out.
class StdinClosed {
public:
    StdinClosed() : saved_(::fcntl(0, F_DUPFD_CLOEXEC, 100)) { ::close(0); }
    ~StdinClosed() {
        if (saved_ >= 0) {
            ::dup2(saved_, 0);
            ::close(saved_);
        }
    }
    StdinClosed(const StdinClosed&) = delete;
    StdinClosed& operator=(const StdinClosed&) = delete;

private:
    int saved_;
};

}  // namespace

TEST_CASE("open_target: Inherit and DefaultTarget open nothing", "[detail][unit]") {
    CHECK_FALSE(open_target(Stream::out, Inherit{}).is_open());
    CHECK_FALSE(open_target(Stream::out, DefaultTarget{}).is_open());
}

TEST_CASE("open_target: every opened target is above 2 and close-on-exec, even when 0 is free",
          "[detail][unit]") {
    const TempFolder folder;
    write_file(folder / "input", "x");
    const std::pair<Stream, StreamTarget> targets[] = {{Stream::out, NullDevice{}},
                                                       {Stream::out, AppendTo{folder / "log"}},
                                                       {Stream::in, ReadFrom{folder / "input"}},
                                                       {Stream::out, Duplicate{1}}};
    const auto& [stream, target] = targets[GENERATE(0, 1, 2, 3)];
    const bool zero_is_free = GENERATE(false, true);
    CAPTURE(target.index(), zero_is_free);
    int number = -1;
    bool guarded = false;
    bool zero_stays_free = false;
    {
        std::optional<StdinClosed> closed;
        if (zero_is_free) closed.emplace();
        const UniqueFd fd = open_target(stream, target);
        number = fd.get();
        guarded = closes_on_exec(number);
        zero_stays_free = ::fcntl(0, F_GETFD) == -1;
    }
    CHECK(number > 2);
    CHECK(guarded);
    CHECK(zero_stays_free == zero_is_free);
}

TEST_CASE("open_target: a file is made with its mode less the umask, and appended to",
          "[detail][unit]") {
    const TempFolder folder;
    const std::string log = folder / "log";
    {
        const Umask mask(0);
        put(open_target(Stream::out, AppendTo{log}).get(), "one\n");
    }
    CHECK(mode_of(log) == 0640);

    const UniqueFd again = open_target(Stream::err, AppendTo{log, 0600});
    put(again.get(), "two\n");
    std::filesystem::resize_file(log, 0);  // as logrotate's copytruncate does
    put(again.get(), "three\n");
    CHECK(read_file(log) == "three\n");
    CHECK(mode_of(log) == 0640);  // only a file that is made gets the mode
    CHECK((status_flags(again.get()) & O_APPEND) != 0);
    CHECK((status_flags(again.get()) & O_NONBLOCK) == 0);
    CHECK((status_flags(again.get()) & O_ACCMODE) == O_WRONLY);

    const Umask mask(0027);
    open_target(Stream::out, AppendTo{folder / "open", 0666});
    CHECK(mode_of(folder / "open") == 0640);
}

TEST_CASE("open_target: the null device is the device, for reading and writing", "[detail][unit]") {
    const UniqueFd null = open_target(Stream::in, NullDevice{});
    struct ::stat status {};
    REQUIRE(::fstat(null.get(), &status) == 0);
    CHECK(S_ISCHR(status.st_mode));
    char byte = 0;
    CHECK(::read(null.get(), &byte, 1) == 0);
    put(null.get(), "vanishes");
}

TEST_CASE("open_target: an existing file is read from its start", "[detail][unit]") {
    const TempFolder folder;
    write_file(folder / "input", "first");
    const UniqueFd fd = open_target(Stream::in, ReadFrom{folder / "input"});
    std::string text(5, '\0');
    CHECK(::read(fd.get(), text.data(), text.size()) == 5);
    CHECK(text == "first");
    CHECK((status_flags(fd.get()) & O_ACCMODE) == O_RDONLY);

    const Error error = refusal(Stream::in, ReadFrom{folder / "missing"});
    CHECK(error.step() == Step::open_stream);
    CHECK(error.subject() == folder / "missing");
    CHECK(error.code().value() == ENOENT);
    CHECK_FALSE(std::filesystem::exists(folder / "missing"));
}

TEST_CASE("open_target: a duplicate shares the open file and leaves its source open",
          "[detail][unit]") {
    const TempFolder folder;
    const UniqueFd source = open_target(Stream::out, AppendTo{folder / "log"});
    {
        const UniqueFd duplicate = open_target(Stream::err, Duplicate{source.get()});
        CHECK(duplicate.get() != source.get());
        put(duplicate.get(), "a");
    }
    put(source.get(), "b");
    CHECK(read_file(folder / "log") == "ab");

    const Error error = refusal(Stream::err, Duplicate{987});
    CHECK(error.step() == Step::open_stream);
    CHECK(error.subject() == "stderr");
    CHECK(error.code().value() == EBADF);
    CHECK(says(error, "descriptor 987 is not open"));
    CHECK(refusal(Stream::err, Duplicate{}).code().value() == EBADF);
}

TEST_CASE("open_target: a target that the stream cannot use is refused, and nothing is made",
          "[detail][unit]") {
    const TempFolder folder;
    write_file(folder / "file", "");
    CHECK(refusal(Stream::in, AppendTo{folder / "new"}).code().value() == EINVAL);
    CHECK(refusal(Stream::out, ReadFrom{folder / "file"}).code().value() == EINVAL);
    CHECK(refusal(Stream::err, ReadFrom{folder / "file"}).code().value() == EINVAL);
    CHECK(refusal(Stream::out, AppendTo{folder / "new", 01777}).code().value() == EINVAL);
    CHECK_FALSE(std::filesystem::exists(folder / "new"));
}

TEST_CASE("open_target: what is wrong with a log path is said", "[detail][unit]") {
    const TempFolder folder;
    write_file(folder / "file", "");

    SECTION("the folder does not exist") {
        const Error error = refusal(Stream::out, AppendTo{folder / "missing/log"});
        CHECK(error.step() == Step::open_stream);
        CHECK(error.subject() == folder / "missing/log");
        CHECK(error.code().value() == ENOENT);
        CHECK(says(error, "its folder does not exist"));
        CHECK(error.exit_status() == 73);
    }
    SECTION("it is a folder") {
        const Error append = refusal(Stream::out, AppendTo{folder.path().string()});
        CHECK(append.code().value() == EISDIR);
        CHECK(says(append, "it is a folder"));
        const Error read = refusal(Stream::in, ReadFrom{folder.path().string()});
        CHECK(read.code().value() == EISDIR);
        CHECK(says(read, "it is a folder"));
    }
    SECTION("a part of the path is a file") {
        CHECK(refusal(Stream::out, AppendTo{folder / "file/log"}).code().value() == ENOTDIR);
    }
    SECTION("it is a socket") {
        ::sockaddr_un address{};
        address.sun_family = AF_UNIX;
        (folder / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
        const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
                0);
        const Error error = refusal(Stream::out, AppendTo{folder / "socket"});
        CHECK(error.code().value() == ENXIO);
        CHECK(says(error, "socket"));
    }
}

TEST_CASE("open_target: a named pipe is not waited for, and blocks afterwards as streams do",
          "[detail][unit]") {
    const TempFolder folder;
    const std::string pipe = folder / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);

    const Error error = refusal(Stream::out, AppendTo{pipe});
    CHECK(error.code().value() == ENXIO);
    CHECK(says(error, "nobody reads this pipe"));

    const UniqueFd reader = open_target(Stream::in, ReadFrom{pipe});
    CHECK((status_flags(reader.get()) & O_NONBLOCK) == 0);
    const UniqueFd writer = open_target(Stream::out, AppendTo{pipe});
    CHECK((status_flags(writer.get()) & O_NONBLOCK) == 0);
    put(writer.get(), "x");
    char byte = 0;
    CHECK(::read(reader.get(), &byte, 1) == 1);
}

TEST_CASE("open_target: a symbolic link is followed where nobody else can have planted it",
          "[detail][unit]") {
    const TempFolder folder;  // 0700
    write_file(folder / "target", "before ");
    std::filesystem::create_symlink(folder / "target", folder / "log");
    put(open_target(Stream::out, AppendTo{folder / "log"}).get(), "after");
    CHECK(read_file(folder / "target") == "before after");

    std::filesystem::create_symlink(folder / "missing/target", folder / "dangling");
    const Error dangling = refusal(Stream::out, AppendTo{folder / "dangling"});
    CHECK(dangling.code().value() == ENOENT);
    CHECK(says(dangling, "what it points to does not exist"));
    CHECK(refusal(Stream::in, ReadFrom{folder / "dangling"}).code().value() == ENOENT);

    std::filesystem::create_symlink("loop", folder / "loop");
    const Error loop = refusal(Stream::out, AppendTo{folder / "loop"});
    CHECK(loop.code().value() == ELOOP);
    CHECK(loop.explanation().empty());
}

TEST_CASE("open_target: in a folder that others can change, a symbolic link is refused",
          "[detail][unit]") {
    const TempFolder folder;
    const std::string shared = folder / "shared";
    std::filesystem::create_directory(shared);
    const mode_t mode = GENERATE(mode_t{01777}, mode_t{0777}, mode_t{0770}, mode_t{0703});
    CAPTURE(mode);
    REQUIRE(::chmod(shared.c_str(), mode) == 0);
    write_file(folder / "victim", "untouched");
    std::filesystem::create_symlink(folder / "victim", shared + "/log");
    std::filesystem::create_symlink(folder / "new", shared + "/dangling");

    const Error error = refusal(Stream::out, AppendTo{shared + "/log"});
    CHECK(error.step() == Step::open_stream);
    CHECK(error.subject() == shared + "/log");
    CHECK(error.code().value() == ELOOP);
    CHECK(says(error, "name the file it points to"));
    CHECK(refusal(Stream::in, ReadFrom{shared + "/log"}).code().value() == ELOOP);
    CHECK(refusal(Stream::out, AppendTo{shared + "/dangling"}).code().value() == ELOOP);
    CHECK(read_file(folder / "victim") == "untouched");
    CHECK_FALSE(std::filesystem::exists(folder / "new"));

    put(open_target(Stream::out, AppendTo{shared + "/plain"}).get(), "x");  // a file is no link
    CHECK(read_file(shared + "/plain") == "x");
}

TEST_CASE("open_target: root refuses a symbolic link in another user's folder", "[detail][root]") {
    const TempFolder folder;
    const std::string theirs = folder / "theirs";
    std::filesystem::create_directory(theirs);
    REQUIRE(::chmod(theirs.c_str(), 0755) == 0);
    REQUIRE(::chown(theirs.c_str(), 65534, 65534) == 0);
    write_file(folder / "victim", "untouched");
    std::filesystem::create_symlink(folder / "victim", theirs + "/log");

    CHECK(refusal(Stream::out, AppendTo{theirs + "/log"}).code().value() == ELOOP);
    CHECK(read_file(folder / "victim") == "untouched");
}
