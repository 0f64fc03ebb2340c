// SPDX-License-Identifier: MIT
// The file and its place: what may stand in it, what it must not be, and where the kernel refuses.
#include <daemonkit/pid_lock.hpp>

#include "catch.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "pid_lock_probe.hpp"
#include "temp_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace daemonkit;
using namespace std::string_literals;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

// -- what may stand in the file, and where ---------------------------------------------------------------------------

TEST_CASE("PidLock: whatever an unlocked file holds, it then holds exactly the pid",
          "[pid_lock][unit]") {
    std::string every_byte;
    for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
    const std::vector<std::string> contents = {"",
                                               "0\n",
                                               "1\n",
                                               "-1\n",
                                               "-2\n",
                                               "4294967297\n",
                                               "99999999999999999999\n",
                                               own_pid(),
                                               own_pid() + "\n",
                                               own_pid() + "\n1\n",
                                               own_pid() + "\r\n",
                                               "\0\0\0\0"s,
                                               "\n\n\n",
                                               every_byte,
                                               std::string(1 << 20, '7'),
                                               std::string(1 << 20, '\0')};
    const TempFolder folder;
    const std::string path = folder / "pid";
    for (const auto& content : contents) {
        CAPTURE(content.substr(0, 30), content.size());
        write_file(path, content);
        PidLock lock(path);
        CHECK(fs::file_size(path) == 0);
        lock.write_pid();
        CHECK(read_file(path) == own_pid() + "\n");
        lock.release();
        CHECK_FALSE(fs::exists(path));
    }
}

TEST_CASE("PidLock: the pid replaces whatever was written in the meantime, to the last digit",
          "[pid_lock][unit]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    PidLock lock(path);
    lock.write_pid();
    write_file(path, "99999999\nmore\n");
    lock.write_pid();
    CHECK(read_file(path) == own_pid() + "\n");
}

TEST_CASE("PidLock: the file has the wanted mode, whatever the umask or its mode before",
          "[pid_lock][unit]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    const mode_t wanted = GENERATE(mode_t{0644}, mode_t{0600}, mode_t{0640}, mode_t{0664});
    const mode_t mask = GENERATE(mode_t{0}, mode_t{0077}, mode_t{0777});
    const bool is_stale = GENERATE(false, true);
    CAPTURE(wanted, mask, is_stale);
    if (is_stale) {
        write_file(path, "1\n");
        REQUIRE(::chmod(path.c_str(), 0666) == 0);
    }
    const mode_t before = ::umask(mask);
    std::optional<PidLock> lock;
    try {
        lock.emplace(path, PidLockOptions{.mode = wanted});
    } catch (const Error& error) {
        FAIL(error.what());
    }
    const mode_t after = ::umask(before);
    CHECK((status_of(path).st_mode & 07777) == wanted);
    CHECK(after == mask);
}

TEST_CASE("PidLock: an own file is taken whatever its mode, where its user may write it",
          "[pid_lock][unit]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    write_file(path, "1\n");
    const mode_t mode =
        GENERATE(mode_t{0}, mode_t{0444}, mode_t{0222}, mode_t{0666}, mode_t{07777});
    CAPTURE(mode);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    if (::geteuid() != 0 && (mode & 0600) != 0600) {
        const Error error = refusal(path);
        CHECK(error.step() == Step::open_pid_file);
        CHECK(error.code().value() == EACCES);
        CHECK(error.exit_status() == 77);
        return;
    }
    PidLock lock(path);
    lock.write_pid();
    CHECK((status_of(path).st_mode & 07777) == 0644);
    CHECK(read_file(path) == own_pid() + "\n");
}

TEST_CASE("PidLock: what is no plain file is refused at once and left as it is",
          "[pid_lock][unit]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    write_file(folder / "victim", "untouched");
    int number = EINVAL;
    const char* words = "not a regular file";
    SECTION("a symbolic link to a file") {
        fs::create_symlink(folder / "victim", path);
        number = ELOOP;
        words = "a symbolic link is not followed";
    }
    SECTION("a symbolic link to nothing") {
        fs::create_symlink(folder / "missing", path);
        number = ELOOP;
        words = "a symbolic link is not followed";
    }
    SECTION("a symbolic link to itself") {
        fs::create_symlink(path, path);
        number = ELOOP;
        words = "a symbolic link is not followed";
    }
    SECTION("a symbolic link to a device") {
        fs::create_symlink("/dev/null", path);
        number = ELOOP;
        words = "a symbolic link is not followed";
    }
    SECTION("a named pipe") { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }
    SECTION("a folder") {
        fs::create_directory(path);
        number = EISDIR;
        words = "Is a directory";
    }
    SECTION("a socket") {
        ::sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        const detail::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        number = ENXIO;
    }
    SECTION("a file with a second name") {
        fs::create_hard_link(folder / "victim", path);
        number = EMLINK;
        words = "the file has a second name";
    }
    const struct ::stat before = status_of(path);
    const Error error = refusal(path);
    INFO(error.what());
    CHECK(error.step() == Step::open_pid_file);
    CHECK(error.subject() == path);
    CHECK(error.code().value() == number);
    CHECK(says(error, words));
    CHECK(error.exit_status() == 73);
    CHECK_THROWS_AS(PidLock::try_acquire(path), Error);
    // A folder can be opened by whoever only looks.
    CHECK(says(refusal_to_look(path), number == EISDIR ? "not a regular file" : words));

    CHECK(status_of(path).st_ino == before.st_ino);
    CHECK(status_of(path).st_mode == before.st_mode);
    CHECK(read_file(folder / "victim") == "untouched");
    CHECK_FALSE(fs::exists(folder / "missing"));
}

TEST_CASE("PidLock: a device is refused", "[pid_lock][unit]") {
    const std::string device = GENERATE("/dev/null", "/dev/full");
    const struct ::stat before = status_of(device);
    const Error error = refusal(device);
    CHECK(error.step() == Step::open_pid_file);
    CHECK(says(error, "not a regular file"));
    CHECK(status_of(device).st_mode == before.st_mode);
}

TEST_CASE("PidLock: a path that cannot be a file is refused, and says why", "[pid_lock][unit]") {
    const TempFolder folder;
    write_file(folder / "file", "");

    const Error missing = refusal(folder / "missing/pid");
    CHECK(missing.step() == Step::open_pid_file);
    CHECK(missing.code().value() == ENOENT);
    CHECK(says(missing, "the directory has to be made first"));

    CHECK(refusal(folder / "file/pid").code().value() == ENOTDIR);
    CHECK(refusal(folder / std::string(300, 'x')).code().value() == ENAMETOOLONG);
    CHECK(refusal("").step() == Step::resolve_path);
    CHECK(refusal((folder / "pid") + "\0more"s).step() == Step::resolve_path);
    CHECK_THROWS_AS(PidLock::holder(""), Error);
    CHECK_THROWS_AS(PidLock::holder((folder / "file") + "\0more"s), Error);
    CHECK(fs::directory_iterator(folder.path()) != fs::directory_iterator());
    CHECK_FALSE(fs::exists(folder / "pid"));
}

TEST_CASE("PidLock: any name a file can have, and a message of one line", "[pid_lock][process]") {
    const TempFolder folder;
    const std::string names[] = {
        "it's",     "\"quoted\"",   "new\nline",          "%s%n%d", "$(id)", "a b", "-1", "tab\t",
        "\xc3\xbc", "\x01\x7f\xff", std::string(255, 'x')};
    for (const auto& name : names) {
        CAPTURE(name);
        const std::string path = folder / name;
        PidLock lock(path);
        lock.write_pid();
        CHECK(lock.path() == path);
        const Finished other = run_pid_lock({"lock:" + path});
        CHECK(other["status"] == "75");
        // One line each: error, errno, message, status, end.
        CHECK(std::count(other.out.begin(), other.out.end(), '\n') == 5);
        CHECK(other["message"].find(already_running_as + own_pid()) != std::string::npos);
    }
    CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("PidLock: a relative path is the same file after the directory has changed",
          "[pid_lock][process]") {
    const TempFolder folder;
    const Finished finished =
        run_pid_lock({"chdir:" + folder.path().string(), "lock:pid", "chdir:/", "write",
                      "holder:" + folder / "pid", "leave"});
    CHECK(finished["acquired"] == "yes");
    CHECK(finished["error"] == "(no error)");
    CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("PidLock: a network file system is known by its number, and no other is taken for one",
          "[pid_lock][unit]") {
    using detail::network_file_system_name;
    for (const std::uint32_t kind : {0x6969U, 0x517bU, 0xfe534d42U, 0xff534d42U, 0x5346414fU,
                                     0x6b414653U, 0x73757245U, 0x564cU, 0x00c36400U, 0x0bd00bd0U}) {
        CAPTURE(kind);
        CHECK(network_file_system_name(kind) != nullptr);
    }
    // ext4, xfs, btrfs, tmpfs, ramfs, overlay, zfs, FUSE, 9p, proc; and nothing.
    for (const std::uint32_t kind :
         {0xef53U, 0x58465342U, 0x9123683eU, 0x01021994U, 0x858458f6U, 0x794c7630U, 0x2fc12fc1U,
          0x65735546U, 0x01021997U, 0x9fa0U, 0U}) {
        CAPTURE(kind);
        CHECK(network_file_system_name(kind) == nullptr);
    }
    const TempFolder folder;
    const detail::UniqueFd here(::open(folder.path().c_str(), O_RDONLY | O_CLOEXEC));
    CHECK(detail::network_file_system(here.get()) == nullptr);
    CHECK(detail::network_file_system(-1) == nullptr);
}

TEST_CASE("PidLock: behind another root a removal alone is noticed", "[pid_lock][process][root]") {
    const TempFolder folder;
    const Finished finished =
        run_pid_lock({"lock:" + (folder / "pid"), "write", "chroot:" + folder.path().string(),
                      "named", "unlink:/pid", "named"});
    INFO(finished.out);
    CHECK(finished.out.find("named=yes\nnamed=no\n") != std::string::npos);
}

TEST_CASE("PidLock: behind another root it is not renewed, as the file would be another",
          "[pid_lock][process][root]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    fs::create_directories(folder.path().string() + path.substr(0, path.size() - 4));
    RunningProgram daemon(
        pid_lock_probe({"lock:" + path, "write", "chroot:" + folder.path().string(), "pause:held",
                        "renew", "named", "pause:refused"}));
    daemon.await("paused");
    fs::remove(path);
    daemon.tell();
    const std::string said = daemon.until("refused");
    INFO(said);
    CHECK(said.find("error=open_pid_file\n") != std::string::npos);
    CHECK(said.find("named=no\n") != std::string::npos);
    CHECK_FALSE(fs::exists(folder.path().string() + path));
}

// -- where the kernel refuses ----------------------------------------------------------------------------------------

TEST_CASE("PidLock: where the file cannot be removed it is emptied, and the next start comes up",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    std::vector<std::string> verbs{"lock:" + path, "write"};
    if (::geteuid() == 0) {  // root may remove everything; the daemon has dropped its privileges
        REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
        verbs.push_back("user:" + std::to_string(nobody));
    } else {
        verbs.push_back("chmod:" + folder.path().string() + ":0555");
    }
    verbs.emplace_back("pause:held");
    verbs.emplace_back("leave");
    RunningProgram holder(pid_lock_probe(verbs));
    holder.await("paused");
    CHECK(read_file(path) == std::to_string(holder.pid()) + "\n");
    holder.tell();
    CHECK(holder.await_end() == 0);

    CHECK(fs::exists(path));
    CHECK(fs::file_size(path) == 0);
    REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
    PidLock next(path);
    next.write_pid();
    CHECK(read_file(path) == own_pid() + "\n");
}

TEST_CASE("PidLock: a file size limit is an error that names it, not a death by signal",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    const std::string limit = GENERATE("0", "2");  // bytes: nothing fits, or not all of it
    const Finished finished = run_pid_lock(
        {"lock:" + path, "file-limit:" + limit, "write", "xfsz", "holder:" + path, "leave"});
    CHECK(finished["error"] == "write_pid_file");
    CHECK(finished["end"] == "reached");
    CHECK(finished["xfsz"] == "default");
    CHECK(finished["status"] == "73");
    if (limit == "0") {
        CHECK(finished["errno"] == std::to_string(EFBIG));
        CHECK(finished["message"].find("SIGXFSZ") != std::string::npos);
    }
    CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("PidLock: a full file system is an error, and the file is empty and then gone",
          "[pid_lock][process]") {
    const TempFolder folder;
    const std::string disk = folder / "disk";
    fs::create_directory(disk);
    const std::string path = disk + "/pid";
    SECTION("no space for the pid") {
        const Finished finished =
            run_pid_lock({"tmpfs:" + disk + ":size=4096,mode=755", "fill:" + disk + "/filling:4096",
                          "lock:" + path, "write", "leave", "lock:" + path});
        if (finished["not_possible"] != "(no not_possible)")
            return not_tested("this user may not mount a file system of its own");
        CHECK(finished.out.find("acquired=yes\nerror=write_pid_file\nerrno=" +
                                std::to_string(ENOSPC)) == 0);
        const std::string end = "acquired=yes\nend=reached\n";
        CHECK(finished.out.find(end) == finished.out.size() - end.size());
    }
    SECTION("no space for the file") {
        const Finished finished =
            run_pid_lock({"tmpfs:" + disk + ":nr_inodes=1,mode=755", "lock:" + path});
        if (finished["not_possible"] != "(no not_possible)")
            return not_tested("this user may not mount a file system of its own");
        CHECK(finished["error"] == "open_pid_file");
        CHECK(finished["errno"] == std::to_string(ENOSPC));
        CHECK(finished["status"] == "73");
    }
    SECTION("a read-only file system") {
        const Finished finished = run_pid_lock({"tmpfs:" + disk + ":ro,mode=755", "lock:" + path});
        if (finished["not_possible"] != "(no not_possible)")
            return not_tested("this user may not mount a file system of its own");
        CHECK(finished["error"] == "open_pid_file");
        CHECK(finished["errno"] == std::to_string(EROFS));
    }
}

TEST_CASE("PidLock: a folder that may not be written to is an error of permission",
          "[pid_lock][process]") {
    const TempFolder folder;
    std::vector<std::string> verbs{"lock:" + folder / "pid"};
    if (::geteuid() == 0) {
        REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
        verbs.insert(verbs.begin(), "user:" + std::to_string(nobody));
    } else {
        REQUIRE(::chmod(folder.path().c_str(), 0555) == 0);
    }
    const Finished finished = run_pid_lock(verbs);
    REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
    CHECK(finished["error"] == "open_pid_file");
    CHECK(finished["errno"] == std::to_string(EACCES));
    CHECK(finished["status"] == "77");
}

TEST_CASE("PidLock: root replaces a file that belongs to somebody else", "[pid_lock][root]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    write_file(path, "1\n");
    REQUIRE(::chown(path.c_str(), nobody, nobody) == 0);
    REQUIRE(::chmod(path.c_str(), GENERATE(mode_t{0}, mode_t{0444}, mode_t{0666})) == 0);
    const int theirs = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    const detail::UniqueFd guard(theirs);

    PidLock lock(path);
    lock.write_pid();
    CHECK(status_of(path).st_uid == 0);
    CHECK((status_of(path).st_mode & 07777) == 0644);
    CHECK(read_file(path) == own_pid() + "\n");
    REQUIRE(::write(theirs, "71\n", 3) == 3);  // whoever still has the old file writes into nothing
    CHECK(read_file(path) == own_pid() + "\n");
}

TEST_CASE("PidLock: a stranger's file that cannot be replaced is refused", "[pid_lock][root]") {
    const TempFolder folder;
    const std::string path = folder / "pid";
    write_file(path, "1\n");
    REQUIRE(::chmod(path.c_str(), 0666) == 0);
    REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
    const Finished finished = run_pid_lock({"user:" + std::to_string(nobody), "lock:" + path});
    CHECK(finished["error"] == "open_pid_file");
    CHECK(finished["errno"] == std::to_string(EACCES));
    CHECK(finished["message"].find("belongs to another user") != std::string::npos);
    CHECK(read_file(path) == "1\n");
}

TEST_CASE("PidLock: a stranger's file that a process holds is not replaced", "[pid_lock][root]") {
    const TempFolder folder;
    REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
    const std::string path = folder / "pid";
    RunningProgram holder(
        pid_lock_probe({"user:" + std::to_string(nobody), "lock:" + path, "write", "pause:held"}));
    holder.await("paused");
    CHECK(refusal(path).explanation() == already_running_as + std::to_string(holder.pid()));
    CHECK(status_of(path).st_uid == nobody);
    CHECK(read_file(path) == std::to_string(holder.pid()) + "\n");
}
