// SPDX-License-Identifier: MIT
#include <daemonkit/detail/record_lock.hpp>

#include "catch.hpp"
#include "fault/fail_syscall.hpp"
#include "file_text.hpp"
#include "running_program.hpp"
#include "temp_folder.hpp"

#include <daemonkit/detail/unique_fd.hpp>

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/file.h>

using daemonkit::detail::name_tag_owner;
using daemonkit::detail::NameTag;
using daemonkit::detail::set_name_tag;
using daemonkit::detail::set_nameless_tag;
using daemonkit::detail::UniqueFd;
using daemonkit::fault::Fault;
using daemonkit::fault::Repeat;
using daemonkit::testkit::RunningProgram;
using daemonkit::testkit::TempFolder;

namespace {

UniqueFd open_file(const std::string& path, int flags = O_RDWR | O_CREAT) {
    return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0644));
}

// Another process that does what the verbs say and then waits.
std::vector<std::string> other_process(std::vector<std::string> verbs) {
    verbs.insert(verbs.begin(), std::string(DAEMONKIT_PROBE_DIR) + "/probe_pid_lock");
    verbs.emplace_back("pause:set");
    return verbs;
}

}  // namespace

TEST_CASE("name tags: the kernel names the process that has one, each tag for itself",
          "[detail][process]") {
    const TempFolder folder;
    const UniqueFd file = open_file(folder / "file");
    const auto [verb, held, free] = GENERATE(
        table<const char*, NameTag, NameTag>({{"daemon", NameTag::daemon, NameTag::launcher},
                                              {"launcher", NameTag::launcher, NameTag::daemon}}));
    CAPTURE(verb);
    RunningProgram other(other_process({"tag:" + folder / "file" + ":" + verb}));
    other.await("paused");

    CHECK(name_tag_owner(file.get(), held).value == other.pid());
    CHECK_FALSE(name_tag_owner(file.get(), free).value);
    const auto refused = set_name_tag(file.get(), held);
    CHECK_FALSE(refused.value);
    CHECK(refused.error == 0);

    other.tell();
    REQUIRE(other.await_end() == 0);
    CHECK_FALSE(name_tag_owner(file.get(), held).value);
    CHECK(set_name_tag(file.get(), held).value);
}

TEST_CASE("name tags: a process that is killed has none", "[detail][process]") {
    const TempFolder folder;
    const UniqueFd file = open_file(folder / "file");
    RunningProgram other(other_process({"tag:" + folder / "file" + ":daemon"}));
    other.await("paused");
    other.signal(SIGKILL);
    CHECK(other.await_end() == 128 + SIGKILL);
    CHECK_FALSE(name_tag_owner(file.get(), NameTag::daemon).value);
}

TEST_CASE("name tags: a process with both tags is named by each", "[detail][process]") {
    const TempFolder folder;
    const UniqueFd file = open_file(folder / "file");
    const std::string path = folder / "file";
    RunningProgram other(other_process({"tag:" + path + ":launcher", "tag:" + path + ":daemon"}));
    other.await("paused");
    CHECK(name_tag_owner(file.get(), NameTag::daemon).value == other.pid());
    CHECK(name_tag_owner(file.get(), NameTag::launcher).value == other.pid());
}

TEST_CASE("name tags: a lock on the whole file is held, and names nobody", "[detail][process]") {
    // Some other program's way to lock its file: its pid must not be told as that of our daemon.
    const TempFolder folder;
    const UniqueFd file = open_file(folder / "file");
    RunningProgram other(other_process({"tag:" + folder / "file" + ":whole"}));
    other.await("paused");
    CHECK(name_tag_owner(file.get(), NameTag::daemon).value == 0);
    CHECK_FALSE(set_name_tag(file.get(), NameTag::daemon).value);
}

TEST_CASE("name tags: who may only read the file can ask, and cannot pose as the holder",
          "[detail][process]") {
    const TempFolder folder;
    daemonkit::testkit::write_file(folder / "file", "");
    const UniqueFd reader = open_file(folder / "file", O_RDONLY);
    CHECK(set_name_tag(reader.get(), NameTag::daemon).error == EBADF);

    struct ::flock shared = daemonkit::detail::describe_tag(NameTag::daemon, F_RDLCK);
    REQUIRE(::fcntl(reader.get(), F_SETLK, &shared) == 0);
    RunningProgram other(std::vector<std::string>{
        std::string(DAEMONKIT_PROBE_DIR) + "/probe_pid_lock", "holder:" + folder / "file"});
    CHECK(other.await("holder") == "free");
    REQUIRE(other.await_end() == 0);
}

TEST_CASE("name tags: neither flock nor an OFD lock of another process has a name",
          "[detail][unit]") {
    const TempFolder folder;
    const UniqueFd file = open_file(folder / "file");
    const UniqueFd asking = open_file(folder / "file");
    REQUIRE(::flock(file.get(), LOCK_EX | LOCK_NB) == 0);
    CHECK_FALSE(name_tag_owner(asking.get(), NameTag::daemon).value);

#if defined(F_OFD_SETLK)
    struct ::flock record = daemonkit::detail::describe_tag(NameTag::daemon, F_WRLCK);
    REQUIRE(::fcntl(file.get(), F_OFD_SETLK, &record) == 0);
    CHECK(name_tag_owner(asking.get(), NameTag::daemon).value == 0);  // held, and by nobody
#endif
}

TEST_CASE("name tags: the one without a name is there as long as anyone has the open file",
          "[detail][unit]") {
#if defined(F_OFD_SETLK)
    const TempFolder folder;
    UniqueFd file = open_file(folder / "file");
    const UniqueFd asking = open_file(folder / "file");
    CHECK_FALSE(name_tag_owner(asking.get(), NameTag::nobody).value);
    CHECK(set_nameless_tag(file.get()).value);
    CHECK(name_tag_owner(asking.get(), NameTag::nobody).value == 0);
    CHECK_FALSE(name_tag_owner(asking.get(), NameTag::daemon).value);
    CHECK_FALSE(set_nameless_tag(asking.get()).value);

    // A record lock goes with any descriptor of the file that is closed; this one does not.
    open_file(folder / "file").reset();
    UniqueFd inherited(::dup(file.get()));
    file.reset();
    CHECK(name_tag_owner(asking.get(), NameTag::nobody).value == 0);
    inherited.reset();
    CHECK_FALSE(name_tag_owner(asking.get(), NameTag::nobody).value);
#endif
}

TEST_CASE("name tags: a system without nameless ones goes on without", "[detail][unit][fault]") {
    const TempFolder folder;
    const UniqueFd file = open_file(folder / "file");
    for (const int error : {EINVAL, EAGAIN, EACCES}) {
        const Fault fault("fcntl_lock", 1, error);
        const auto set = set_nameless_tag(file.get());
        CHECK(set.error == 0);
        CHECK_FALSE(set.value);
    }
    const Fault fault("fcntl_lock", 1, ENOLCK);
#if defined(F_OFD_SETLK)
    CHECK(set_nameless_tag(file.get()).error == ENOLCK);
#endif
}

TEST_CASE("name tags: an interrupted call is made again, any other error is told",
          "[detail][unit][fault]") {
    const TempFolder folder;
    const UniqueFd file = open_file(folder / "file");
    {
        const Fault fault("fcntl_lock", 1, EINTR);
        CHECK(set_name_tag(file.get(), NameTag::daemon).value);
        CHECK(fault.hits() == 1);
    }
    {
        const Fault fault("fcntl_lock", 1, EINTR);
        CHECK(name_tag_owner(file.get(), NameTag::daemon).error == 0);
        CHECK(fault.hits() == 1);
    }
    for (const int busy : {EAGAIN, EACCES}) {
        const Fault fault("fcntl_lock", 1, busy);
        const auto set = set_name_tag(file.get(), NameTag::daemon);
        CHECK(set.error == 0);
        CHECK_FALSE(set.value);
    }
    for (const int error : {ENOLCK, EIO, EINTR}) {
        const Fault fault("fcntl_lock", 1, error, Repeat::for_good);
        CHECK(set_name_tag(file.get(), NameTag::daemon).error == error);
        CHECK(name_tag_owner(file.get(), NameTag::daemon).error == error);
        CHECK(fault.hits() <= 128);
    }
}
