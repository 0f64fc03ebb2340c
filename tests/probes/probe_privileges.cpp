// SPDX-License-Identifier: MIT
// probe_privileges VERB...: makes the process what a test needs, then drops privileges and looks what is left.
//
//   groups:LIST           the supplementary groups, with commas between them
//   ids:USER:GROUP        all ids of the process
//   keep-caps             PR_SET_KEEPCAPS: capabilities survive a change of the user, and can be raised afterwards
//   no-setuid-fixup       SECBIT_NO_SETUID_FIXUP: they survive and stay raised
//   namespace:USER:GROUP  a user namespace in which the ids have these numbers, and setgroups is denied
//   etc:FOLDER            a root directory with user and group databases of the test's own
//   lie:CALL              from here on setgroups, setresgid, setresuid or capset says that it worked and does nothing
//   lose:CAPABILITY       one capability less
//   net                   a network of its own, in which no port is taken
//   landlock:VERSION      from here on the kernel says that its Landlock has that version
//   want:KEY:VALUE        for the next resolve: capability (none, or a number; may be repeated), new-privileges:forbidden,
//                         read:PATH, read_write:PATH, execute:PATH, forbid:NUMBER, forbid:NUMBERxTIMES, confinement:best
//   resolve:USER:GROUP[:none]   makes a PrivilegeDrop; empty: absent; none: no supplementary groups
//   root:FOLDER:DIRECTORY change_root (changed=yes)
//   apply                 applies it (applied=yes)
//   confine               confines (confined=yes, unconfined=TEXT)
//   try:WHAT:VALUE        does it and reports WHAT:VALUE=yes, or the errno: see attempt()
//   execute:PROGRAM:VERB  this process becomes PROGRAM with one verb
//   status                the lines of /proc/self/status on capabilities, no_new_privs and seccomp
//   where                 directory=, zone= (the variable TZ)
//   look                  user= and group= (real, effective, saved), groups=, and way_back=barred or open
//   find:USER:GROUP       what the databases say: found_user=, found_group=      groups-of:USER:GROUP   found_groups=
// After an Error nothing but look and where is done. Built with the fault seam.

#include <daemonkit/privileges.hpp>

#include "verbs.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>  // offsetof
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <arpa/inet.h>  // htons
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

using namespace daemonkit;
using probe::report;
using probe::require;
using probe::Verb;

namespace {

std::vector<gid_t> list(const std::string& text) {
    std::vector<gid_t> numbers;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');)
        numbers.push_back(static_cast<gid_t>(std::stoul(part)));
    return numbers;
}

std::string text(const std::vector<gid_t>& numbers) {
    std::string line;
    for (const gid_t number : numbers) line += (line.empty() ? "" : ",") + std::to_string(number);
    return line;
}

// A filter that answers the call with success and does not make it.
void lie_about(const std::string& name) {
    const long number = name == "setgroups"   ? SYS_setgroups
                        : name == "setresgid" ? SYS_setresgid
                        : name == "capset"    ? SYS_capset
                                              : SYS_setresuid;
    ::sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(::seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const ::sock_fprog program{4, code};
    require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
            "a filter of system calls");
}

// The ways back that a process can try, capabilities first.
bool finds_way_back() {
    ::__user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    ::__user_cap_data_struct data[2]{};
    if (::syscall(SYS_capget, &header, data) != 0) return true;
    for (auto& word : data) word.effective = word.permitted;
    static_cast<void>(::syscall(SYS_capset, &header, data));
    const auto unchanged = static_cast<uid_t>(-1);
    const gid_t root_group = 0;
    return ::setuid(0) == 0 || ::setresuid(unchanged, 0, unchanged) == 0 || ::setgid(0) == 0 ||
           ::setgroups(1, &root_group) == 0;
}

void look() {
    uid_t user[3];
    gid_t group[3];
    require(::getresuid(&user[0], &user[1], &user[2]) == 0, "getresuid");
    require(::getresgid(&group[0], &group[1], &group[2]) == 0, "getresgid");
    report("user", text({user[0], user[1], user[2]}));
    report("group", text({group[0], group[1], group[2]}));
    std::vector<gid_t> groups(70'000);
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    require(count >= 0, "getgroups");
    groups.resize(static_cast<std::size_t>(count));
    std::sort(groups.begin(), groups.end());
    report("groups", text(groups));
    report("way_back", finds_way_back() ? "open" : "barred");
}

void enter_root(const std::string& folder) {
    if (::geteuid() != 0) probe::enter_user_namespace(::geteuid(), ::getegid());
    require(::chroot(folder.c_str()) == 0 && ::chdir("/") == 0, "chroot");
}

void where() {
    char* const directory = ::getcwd(nullptr, 0);
    report("directory", directory != nullptr ? directory : std::to_string(errno));
    std::free(directory);
    const char* const zone = std::getenv("TZ");
    report("zone", zone != nullptr ? zone : "not set");
}

// What the verbs want so far.
Privileges wanted_so_far;

void want(const Verb& verb) {
    Privileges& wanted = wanted_so_far;
    const std::string& key = verb.first;
    const auto rule = [&](PathAccess access) {
        if (!wanted.paths) wanted.paths.emplace();
        wanted.paths->push_back({verb.second, access});
    };
    if (key == "capability") {
        if (!wanted.capabilities) wanted.capabilities.emplace();
        if (verb.second != "none") wanted.capabilities->push_back(std::stoi(verb.second));
    } else if (key == "new-privileges") {
        wanted.new_privileges = NewPrivileges::forbidden;
    } else if (key == "read") {
        rule(PathAccess::read);
    } else if (key == "read_write") {
        rule(PathAccess::read_write);
    } else if (key == "execute") {
        rule(PathAccess::execute);
    } else if (key == "forbid") {
        std::size_t end = 0;
        const long number = std::stol(verb.second, &end);
        const auto times = end < verb.second.size() ? std::stoul(verb.second.substr(end + 1)) : 1;
        wanted.forbidden_system_calls.insert(wanted.forbidden_system_calls.end(), times, number);
    } else if (key == "confinement") {
        wanted.confinement = Confinement::best_effort;
    } else {
        require(false, "want " + key);
    }
}

void lose_capability(const std::string& text) {
    ::__user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    ::__user_cap_data_struct data[2]{};
    require(::syscall(SYS_capget, &header, data) == 0, "capget");
    const unsigned long capability = std::stoul(text);
    auto& word = data[capability / 32];
    word.effective = word.permitted = word.permitted & ~(1U << capability % 32);
    require(::syscall(SYS_capset, &header, data) == 0, "capset");
}

// The version is asked for with a flag; that call is trapped, and the handler answers it.
long landlock_version = 0;

void answer_version(int, siginfo_t*, void* context) {
    auto* const machine = static_cast<ucontext_t*>(context);
#if defined(__x86_64__)
    machine->uc_mcontext.gregs[REG_RAX] = landlock_version;
#elif defined(__aarch64__)
    machine->uc_mcontext.regs[0] = static_cast<unsigned long>(landlock_version);
#else
    static_cast<void>(machine);
#endif
}

void say_landlock_version(const std::string& text) {
#if !defined(__x86_64__) && !defined(__aarch64__)
    require(false, "an answer to a trapped call on this architecture");
#endif
    landlock_version = std::stol(text);
    struct ::sigaction action {};
    action.sa_sigaction = answer_version;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGSYS, &action, nullptr);
    constexpr unsigned create_ruleset = 444;
    ::sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(::seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, create_ruleset, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(::seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const ::sock_fprog program{6, code};
    require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
            "a filter of system calls");
}

int errno_of(long result) { return result == -1 ? errno : 0; }

int open_and_close(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    const int error = errno_of(fd);
    if (fd >= 0) ::close(fd);
    return error;
}

int bind_port(const std::string& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(fd >= 0, "a socket");
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoul(port)));
    const int error =
        errno_of(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
    ::close(fd);
    return error;
}

// getpid by the numbers of 32-bit programs; where the kernel has none, the process dies of it.
int call_as_32_bit() {
#if defined(__x86_64__)
    constexpr int getpid = 20;
    int result = getpid;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result < 0 ? -result : 0;
#else
    require(false, "a call for another architecture");
    return 0;
#endif
}

// What a text file cannot be is told from what may not be executed: ENOEXEC, EACCES.
int attempt_to_execute(const std::string& path) {
    char* const arguments[] = {const_cast<char*>(path.c_str()), nullptr};
    ::execve(path.c_str(), arguments, ::environ);
    return errno;
}

// 0 when it worked.
int attempt(const std::string& what, const std::string& value) {
    const char* const path = value.c_str();
    if (what == "read") return open_and_close(value, O_RDONLY);
    if (what == "list") return open_and_close(value, O_RDONLY | O_DIRECTORY);
    if (what == "write") return open_and_close(value, O_WRONLY);
    if (what == "create") return open_and_close(value, O_WRONLY | O_CREAT | O_EXCL);
    if (what == "truncate") return errno_of(::truncate(path, 0));
    if (what == "remove") return errno_of(::unlink(path));
    if (what == "execute") return attempt_to_execute(value);
    if (what == "bind") return bind_port(value);
    if (what == "give-away") return errno_of(::chown(path, 12345, static_cast<gid_t>(-1)));
    // The function of glibc for 32-bit programs leaves errno alone.
    if (what == "personality") return errno_of(::syscall(SYS_personality, 0xffffffffUL));
    if (what == "call") return errno_of(::syscall(std::stol(value)));
    if (what == "32-bit") return call_as_32_bit();
    require(false, "try " + what);
    return 0;
}

void show_status() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        for (const char* label : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs",
                                  "Seccomp", "Seccomp_filters"}) {
            const std::string start = std::string(label) + ":\t";
            if (line.rfind(start, 0) == 0) report(label, line.substr(start.size()));
        }
    }
}

PrivilegeDrop resolve(const Verb& verb) {
    Privileges wanted = wanted_so_far;
    const Verb group(verb.second);
    if (!verb.first.empty()) wanted.user = verb.first;
    if (!group.name.empty()) wanted.group = group.name;
    if (group.first == "none") wanted.supplementary_groups = SupplementaryGroups::none;
    return PrivilegeDrop(wanted);
}

void find(const Verb& verb) {
    if (!verb.first.empty()) {
        const auto user = detail::find_user(verb.first);
        report("found_user", user ? user->name + "," + std::to_string(user->user) + "," +
                                        std::to_string(user->primary_group)
                                  : "nobody");
    }
    if (!verb.second.empty()) {
        const auto group = detail::find_group(verb.second);
        report("found_group", group ? std::to_string(*group) : "none");
    }
}

void find_groups(const Verb& verb) {
    auto groups = detail::groups_of(verb.first, static_cast<gid_t>(std::stoul(verb.second)));
    std::sort(groups.begin(), groups.end());
    report("found_groups", text(groups));
}

void act(const Verb& verb, std::optional<PrivilegeDrop>& drop) {
    const std::string& name = verb.name;
    if (name == "groups") {
        const auto groups = list(verb.first);
        return require(::setgroups(groups.size(), groups.data()) == 0, name);
    }
    if (name == "ids") {
        const auto user = static_cast<uid_t>(std::stoul(verb.first));
        const auto group = static_cast<gid_t>(std::stoul(verb.second));
        return require(::setresgid(group, group, group) == 0 && ::setresuid(user, user, user) == 0,
                       name);
    }
    if (name == "keep-caps") return require(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, name);
    if (name == "no-setuid-fixup") {
        return require(::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) == 0, name);
    }
    if (name == "namespace") {
        return probe::enter_user_namespace(static_cast<uid_t>(std::stoul(verb.first)),
                                           static_cast<gid_t>(std::stoul(verb.second)));
    }
    if (name == "etc") return enter_root(verb.first);
    if (name == "root") {
        change_root(verb.first, verb.second);
        return report("changed", "yes");
    }
    if (name == "where") return where();
    if (name == "lie") return lie_about(verb.first);
    if (name == "resolve") return static_cast<void>(drop.emplace(resolve(verb)));
    if (name == "look") return look();
    if (name == "lose") return lose_capability(verb.first);
    if (name == "net") return require(::unshare(CLONE_NEWNET) == 0, "a network");
    if (name == "landlock") return say_landlock_version(verb.first);
    if (name == "want") return want(verb);
    if (name == "status") return show_status();
    if (name == "try") {
        const int error = attempt(verb.first, verb.second);
        return report(verb.first + ":" + verb.second, error == 0 ? "yes" : std::to_string(error));
    }
    if (name == "execute") {
        ::execl(verb.first.c_str(), verb.first.c_str(), verb.second.c_str(), nullptr);
        return report("execute", std::to_string(errno));
    }
    if (name == "confine" && drop) {
        report("unconfined", drop->confine());
        return report("confined", "yes");
    }
    if (name == "find") return find(verb);
    if (name == "groups-of") return find_groups(verb);
    if (name == "apply" && drop) {
        report("applies", drop->changes_ids() ? "yes" : "no");
        drop->apply();
        return report("applied", "yes");
    }
    require(false, "verb " + name);
}

}  // namespace

int main(int argc, char** argv) {
    std::optional<PrivilegeDrop> drop;
    int status = 0;
    for (int at = 1; at < argc; ++at) {
        const Verb verb(argv[at]);
        if (status != 0 && verb.name != "look" && verb.name != "where") continue;
        try {
            act(verb, drop);
        } catch (const Error& error) {
            report(error);
            status = error.exit_status();
        }
    }
    return status;
}
