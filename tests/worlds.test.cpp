// SPDX-License-Identifier: MIT
// Whole starts in unfriendly worlds: where a daemon can be, it comes up; where it cannot, the start is refused with the
// reason; and where either may be, the launcher does not lie about it.
#include <daemonkit/context.hpp>

#include "catch.hpp"
#include "daemon_files.hpp"
#include "daemon_start.hpp"
#include "file_text.hpp"
#include "not_tested.hpp"
#include "run_program.hpp"
#include "surroundings.hpp"

#include <csignal>
#include <cstddef>  // offsetof
#include <cstdlib>  // clearenv
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
namespace fs = std::filesystem;

namespace {

constexpr uid_t nobody = 65534;

// Root becomes an ordinary user; who is one stays it.
void become_ordinary() {
    if (::geteuid() != 0) return;
    require(::setgroups(0, nullptr) == 0 && ::setresgid(nobody, nobody, nobody) == 0 &&
            ::setresuid(nobody, nobody, nobody) == 0 && ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
}

void limit(decltype(RLIMIT_CORE) resource, rlim_t most) {
    const struct ::rlimit both { most, most };
    require(::setrlimit(resource, &both) == 0);
}

// The system calls with these numbers do that, for good: SECCOMP_RET_ERRNO | errno, SECCOMP_RET_KILL_PROCESS.
void have_calls(const std::vector<long>& numbers, std::uint32_t action) {
    std::vector<::sock_filter> filter{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(::seccomp_data, nr))};
    for (const long number : numbers) {
        filter.push_back(
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1));
        filter.push_back(BPF_STMT(BPF_RET | BPF_K, action));
    }
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const ::sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
            ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

constexpr std::uint32_t fails_with(int error) {
    return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

// This process is another program, which is called by its path.
void become(const Words& command) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execv(arguments.front(), arguments.data());
    ::_exit(not_possible);
}

// A place in which a start is made.
struct Place {
    explicit Place(const std::function<void()>& enter = {}, const Words& options = {})
        : start(command(options), {{}, enter}) {}
    // A place that another program makes for the command, which keeps its name.
    explicit Place(const Words& maker)
        : start(command({}),
                {{}, [this, maker] {
                     become(maker +
                            Words{"/bin/bash", "-c", "exec -a \"$0\" \"$@\"", start.name()} +
                            command({}));
                 }}) {}

    // A command that any user can run.
    Words command(const Words& options) const {
        fs::permissions(files.folder.path(), fs::perms::all);
        return for_other_users(files, files.start(options));
    }

    bool is_possible() {
        if (start.await().exit_status != not_possible) return true;
        not_tested("this machine does not allow it");
        return false;
    }

    DaemonFiles files;
    DaemonStart start;
};

void check_up(Place& place) {
    if (!place.is_possible()) return;
    REQUIRE(why_not_up(place.start, place.files) == "");
    CHECK(DaemonStart::end(place.start.daemon(), SIGTERM).exit_status == 0);
    CHECK_FALSE(is_locked(place.files.pid_file));
}

void check_refused(Place& place, int status, const std::string& words) {
    if (!place.is_possible()) return;
    CHECK(why_not_failed(place.start, place.files) == "");
    CHECK(place.start.await().exit_status == status);
    CHECK(place.start.err().find(words) != std::string::npos);
    INFO(place.start.err());
    CHECK(why_no_clean_life(place.files, place.files.start()) == "");
}

// Up, or refused; in either case as the status says, and the next start comes up.
void check_no_lie(Place& place) {
    if (!place.is_possible()) return;
    if (place.start.await().exit_status == 0) {
        CHECK(why_not_up(place.start, place.files) == "");
        CHECK(DaemonStart::end(place.start.daemon(), SIGTERM).exit_status == 0);
    } else {
        CHECK(why_not_failed(place.start, place.files) == "");
    }
    CHECK(why_no_clean_life(place.files, place.files.start()) == "");
}

// Of the line of /proc/PID/status, the last word.
std::string last_word_of(pid_t pid, const std::string& label) {
    const std::string status = read_file("/proc/" + std::to_string(pid) + "/status");
    const auto begin = status.find("\n" + label + ":");
    if (begin == std::string::npos) return {};
    const std::string line = status.substr(begin + 1, status.find('\n', begin + 1) - begin - 1);
    return line.substr(line.find_last_of(" \t") + 1);
}

// Goes on as an ordinary process of a pid namespace that has an init; the process outside ends as that one does.
void enter_container() {
    enter_namespaces(CLONE_NEWPID);
    int ends[2];
    require(::pipe2(ends, O_CLOEXEC) == 0);
    const pid_t init = ::fork();
    require(init >= 0);
    if (init != 0) {
        // Init lives as long as anybody in there, and so longer than the launcher.
        ::close(ends[1]);
        unsigned char status = 1;
        ::_exit(::read(ends[0], &status, 1) == 1 ? status : not_possible);
    }
    const pid_t launcher = ::fork();
    require(launcher >= 0);
    if (launcher == 0) return;
    for (int fd = 0; fd <= 2; ++fd) ::close(fd);
    int status = 0;
    while (::waitpid(launcher, &status, 0) != launcher) continue;
    const auto told = static_cast<unsigned char>(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    require(::write(ends[1], &told, 1) == 1);
    ::close(ends[1]);
    while (::waitpid(-1, nullptr, 0) >= 0) continue;
    ::_exit(0);
}

// A control group that has room for so many processes; not there where this user cannot make one.
class ProcessRoom {
public:
    explicit ProcessRoom(int most) {
        for (const char* const hierarchy : {"/sys/fs/cgroup/pids", "/sys/fs/cgroup"}) {
            std::string folder = std::string(hierarchy) + "/daemonkit-XXXXXX";
            if (::mkdtemp(folder.data()) == nullptr) continue;
            if (put(folder + "/pids.max", std::to_string(most))) {
                folder_ = folder;
                return;
            }
            ::rmdir(folder.c_str());
        }
    }
    ~ProcessRoom() {
        if (exists()) eventually([&] { return ::rmdir(folder_.c_str()) == 0; });
    }
    ProcessRoom(const ProcessRoom&) = delete;
    ProcessRoom& operator=(const ProcessRoom&) = delete;

    bool exists() const { return !folder_.empty(); }
    void enter() const { require(put(folder_ + "/cgroup.procs", "0")); }

private:
    static bool put(const std::string& file, const std::string& text) {
        const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
        const auto size = static_cast<ssize_t>(text.size());
        const bool worked = fd >= 0 && ::write(fd, text.data(), text.size()) == size;
        if (fd >= 0) ::close(fd);
        return worked;
    }

    std::string folder_;
};

}  // namespace

// -- where a daemon comes up -----------------------------------------------------------------------------------------

TEST_CASE("worlds: an empty environment", "[worlds][context][process]") {
    Place place([] { ::clearenv(); });
    check_up(place);
}

TEST_CASE("worlds: an ordinary user without any way to more rights", "[worlds][context][process]") {
    Place place([] {
        become_ordinary();
        require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    });
    check_up(place);
}

TEST_CASE("worlds: the root of a user namespace that denies setgroups",
          "[worlds][context][process]") {
    Place place([] {
        become_ordinary();
        enter_user_namespace(0, 0);
    });
    check_up(place);
}

TEST_CASE("worlds: bubblewrap without a capability", "[worlds][context][process]") {
    const Words bubblewrap{"/usr/bin/bwrap", "--bind",     "/",      "/",
                           "--dev",          "/dev",       "--proc", "/proc",
                           "--unshare-user", "--cap-drop", "ALL",    "--"};
    if (run_program(bubblewrap + Words{"/bin/true"}).exit_status != 0)
        return not_tested("bubblewrap is not installed, or may not work here");
    Place place(bubblewrap);
    check_up(place);
}

TEST_CASE("worlds: an old kernel, or a filter that refuses what is new",
          "[worlds][context][process]") {
    const int error = GENERATE(ENOSYS, EPERM);
    CAPTURE(error);
    Place place([error] {
        have_calls(
            {SYS_close_range, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_openat2, SYS_faccessat2,
             SYS_memfd_create, SYS_statx, SYS_getrandom, SYS_seccomp, SYS_landlock_create_ruleset,
             SYS_landlock_add_rule, SYS_landlock_restrict_self, SYS_clone3},
            fails_with(error));
    });
    check_up(place);
}

TEST_CASE("worlds: a pid namespace with an init", "[worlds][context][process]") {
    Place place(enter_container);
    const auto is_running = [&] {
        return read_file(place.files.log).find(": running") != std::string::npos;
    };
    if (place.start.await().exit_status == not_possible)
        return not_tested("there are no pid namespaces for this user");
    CHECK(place.start.err() == "");
    REQUIRE(eventually(is_running));
    const pid_t daemon = place.start.daemon();
    const std::string inside = last_word_of(daemon, "NSpid");
    CHECK(inside != std::to_string(daemon));
    CHECK(read_file(place.files.pid_file) == inside + "\n");
    // The kernel names it by the number that it has for whoever asks.
    CHECK(PidLock::holder(place.files.pid_file)->pid == daemon);
    ::kill(daemon, SIGTERM);
    CHECK(place.start.leaves_nothing());
    CHECK_FALSE(fs::exists(place.files.pid_file));
}

TEST_CASE("worlds: no core dump allowed, no signal queued", "[worlds][context][process]") {
    SECTION("RLIMIT_CORE 0") {
        Place place([] { limit(RLIMIT_CORE, 0); });
        check_up(place);
    }
    SECTION("RLIMIT_SIGPENDING 0") {
        Place place([] { limit(RLIMIT_SIGPENDING, 0); });
        check_up(place);
    }
}

// -- where a start is refused ----------------------------------------------------------------------------------------

TEST_CASE("worlds: a file size limit of 0 is named", "[worlds][context][process]") {
    Place place([] { limit(RLIMIT_FSIZE, 0); });
    check_refused(place, 73, "SIGXFSZ");
}

TEST_CASE("worlds: a user that may have no further process", "[worlds][context][process]") {
    Place place([] {
        become_ordinary();
        limit(RLIMIT_NPROC, 0);
    });
    check_refused(place, 71, "fork_session_leader: ");
}

TEST_CASE(
    "worlds: a control group with room for one process, for two, and for the three of a start",
    "[worlds][context][process]") {
    const int most = GENERATE(1, 2, 3);
    CAPTURE(most);
    const ProcessRoom room(most);
    if (!room.exists()) return not_tested("this user may make no control group");
    Place place([&] { room.enter(); });
    if (most == 3) return check_up(place);
    check_refused(place, 71,
                  most == 1 ? "fork_session_leader: Resource temporarily unavailable"
                            : "fork_daemon: Resource temporarily unavailable");
}

TEST_CASE("worlds: a folder of somebody else", "[worlds][context][process]") {
    Place place(become_ordinary, {"--pid-file", "/etc/daemonkit.pid"});
    check_refused(place, 77, "open_pid_file: /etc/daemonkit.pid: Permission denied");
}

TEST_CASE("worlds: a file system that is full, without room for a file, or read-only",
          "[worlds][context][process]") {
    const TempFolder disk;
    const std::string path = disk.path();
    const auto enter = [path](const std::string& options) {
        enter_private_mounts();
        mount_memory(path, options);
    };
    SECTION("full") {
        Place place(
            [&] {
                enter("size=4096,mode=777");
                const int file = ::open((path + "/filling").c_str(), O_WRONLY | O_CREAT, 0644);
                const std::string page(4096, 'x');
                require(::write(file, page.data(), page.size()) == 4096);
                ::close(file);
            },
            {"--pid-file", path + "/pid"});
        check_refused(place, 73, "write_pid_file: " + path + "/pid: No space left on device");
    }
    SECTION("without room for a file") {
        Place place([&] { enter("nr_inodes=1,mode=777"); }, {"--pid-file", path + "/pid"});
        check_refused(place, 73, "open_pid_file: " + path + "/pid: No space left on device");
    }
    SECTION("without room for a log") {
        Place place([&] { enter("nr_inodes=1,mode=777"); }, {"--out", path + "/log"});
        check_refused(place, 73, "open_stream: " + path + "/log: No space left on device");
    }
    SECTION("read-only") {
        Place place([&] { enter("ro,mode=777"); }, {"--pid-file", path + "/pid"});
        check_refused(place, 73, "open_pid_file: " + path + "/pid: Read-only file system");
    }
}

TEST_CASE("worlds: no null device", "[worlds][context][process]") {
    SECTION("nothing in its place") {
        Place place([] {
            enter_private_mounts();
            mount_memory("/dev");
        });
        check_refused(place, 73, "open_stream: /dev/null: there is no null device");
    }
    SECTION("a plain file in its place") {
        Place place([] {
            enter_private_mounts();
            mount_memory("/dev");
            ::close(::open("/dev/null", O_WRONLY | O_CREAT, 0666));
        });
        check_refused(place, 73, "open_stream: /dev/null: this is not the null device");
    }
    SECTION("one that may not be opened") {
        Place place([] {
            enter_private_mounts();
            mount_memory("/dev", "mode=755");
            ::close(::open("/dev/null", O_WRONLY | O_CREAT, 0600));
            require(::chmod("/dev/null", 0) == 0);
            become_ordinary();
        });
        if (::geteuid() != 0) return not_tested("who may mount may also open");
        check_refused(place, 73, "open_stream: /dev/null: Permission denied");
    }
}

TEST_CASE("worlds: a session may not be started", "[worlds][context][process]") {
    SECTION("and says so") {
        Place place([] { have_calls({SYS_setsid}, fails_with(EPERM)); });
        check_refused(place, 71, "create_session: Operation not permitted");
    }
    SECTION("and who tries is killed") {
        Place place([] { have_calls({SYS_setsid}, SECCOMP_RET_KILL_PROCESS); });
        check_refused(place, 70, "the session leader was killed by SIGSYS");
    }
}

TEST_CASE("worlds: who locks a file is killed", "[worlds][context][process]") {
    Place place([] { have_calls({SYS_flock}, SECCOMP_RET_KILL_PROCESS); });
    if (!place.is_possible()) return;
    CHECK(place.start.await().signal == SIGSYS);
    CHECK(place.start.leaves_nothing());
    CHECK(why_no_clean_life(place.files, place.files.start()) == "");
}

// -- where either may be ---------------------------------------------------------------------------------------------

TEST_CASE("worlds: a user namespace in which nobody has a name", "[worlds][context][process]") {
    Place place([] {
        become_ordinary();
        require(::unshare(CLONE_NEWUSER) == 0);
    });
    check_no_lie(place);
}

TEST_CASE("worlds: little memory", "[worlds][context][process]") {
    if (DAEMONKIT_ASAN() != 0 || DAEMONKIT_TSAN() != 0)
        return not_tested("the sanitizers need memory themselves");
    struct Little {
        const char* name;
        decltype(RLIMIT_CORE) resource;
        rlim_t kilobytes;
    };
    const Little little =
        GENERATE(Little{"AS 64M", RLIMIT_AS, 65'536}, Little{"AS 16M", RLIMIT_AS, 16'384},
                 Little{"AS 8M", RLIMIT_AS, 8192}, Little{"AS 6M", RLIMIT_AS, 6144},
                 Little{"DATA 1M", RLIMIT_DATA, 1024}, Little{"DATA 300k", RLIMIT_DATA, 300},
                 Little{"DATA 100k", RLIMIT_DATA, 100}, Little{"STACK 64k", RLIMIT_STACK, 64});
    CAPTURE(little.name);
    Place place([little] { limit(little.resource, little.kilobytes * 1024); });
    check_no_lie(place);
}

TEST_CASE("worlds: few processes", "[worlds][context][process]") {
    // Other tests have processes of the same user: how many are too many is not known here.
    const rlim_t most = GENERATE(rlim_t{1}, rlim_t{2}, rlim_t{3}, rlim_t{4});
    CAPTURE(most);
    Place place([most] {
        become_ordinary();
        limit(RLIMIT_NPROC, most);
    });
    check_no_lie(place);
}

TEST_CASE("worlds: a filter that refuses any one call of a start", "[worlds][context][process]") {
    const int error = GENERATE(EPERM, ENOSYS);
    const std::vector<std::pair<const char*, long>> calls {
        {"setsid", SYS_setsid}, {"prctl", SYS_prctl}, {"flock", SYS_flock}, {"fcntl", SYS_fcntl},
            {"socketpair", SYS_socketpair}, {"ppoll", SYS_ppoll}, {"recvfrom", SYS_recvfrom},
            {"sendto", SYS_sendto}, {"waitid", SYS_waitid}, {"chdir", SYS_chdir},
            {"umask", SYS_umask}, {"rt_sigprocmask", SYS_rt_sigprocmask}, {"dup3", SYS_dup3},
            {"ftruncate", SYS_ftruncate}, {"pwrite64", SYS_pwrite64}, {"unlinkat", SYS_unlinkat},
            {"prlimit64", SYS_prlimit64}, {"pipe2", SYS_pipe2}, {"clone", SYS_clone},
            {"kill", SYS_kill}, {"getpgid", SYS_getpgid}, {"close", SYS_close},
            {"shutdown", SYS_shutdown}, {"getsockname", SYS_getsockname},
#if defined(SYS_vfork)
            {"vfork", SYS_vfork}, {"poll", SYS_poll}, {"dup2", SYS_dup2}, {"unlink", SYS_unlink},
#endif
    };
    for (const auto& [name, number] : calls) {
        // UndefinedBehaviorSanitizer looks at objects through a pipe, and takes a refusal for a broken object.
        if (DAEMONKIT_ASAN() != 0 && number == SYS_pipe2) continue;
        CAPTURE(name, error);
        Place place([number = number, error] { have_calls({number}, fails_with(error)); });
        check_no_lie(place);
    }
}
