// SPDX-License-Identifier: MIT
// probe_privileges VERB...: makes the process what a test needs, then drops privileges and looks what is left.
//
//   groups:LIST           the supplementary groups, with commas between them
//   ids:USER:GROUP        all ids of the process
//   keep-caps             PR_SET_KEEPCAPS: capabilities survive a change of the user, and can be raised afterwards
//   no-setuid-fixup       SECBIT_NO_SETUID_FIXUP: they survive and stay raised
//   namespace:USER:GROUP  a user namespace in which the ids have these numbers, and setgroups is denied
//   etc:FOLDER            a root directory with user and group databases of the test's own
//   lie:CALL              from here on setgroups, setresgid or setresuid says that it worked and does nothing
//   resolve:USER:GROUP[:none]   makes a PrivilegeDrop; empty: absent; none: no supplementary groups
//   apply                 applies it (applied=yes)
//   look                  user= and group= (real, effective, saved), groups=, and way_back=barred or open
//   find:USER:GROUP       what the databases say: found_user=, found_group=      groups-of:USER:GROUP   found_groups=
// After an Error nothing but look is done. Built with the fault seam.

#include <daemonkit/privileges.hpp>

#include "verbs.hpp"

#include <algorithm>
#include <cstddef>  // offsetof
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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

void change_root(const std::string& folder) {
    if (::geteuid() != 0) probe::enter_user_namespace(::geteuid(), ::getegid());
    require(::chroot(folder.c_str()) == 0 && ::chdir("/") == 0, "chroot");
}

PrivilegeDrop resolve(const Verb& verb) {
    Privileges wanted;
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
    if (name == "etc") return change_root(verb.first);
    if (name == "lie") return lie_about(verb.first);
    if (name == "resolve") return static_cast<void>(drop.emplace(resolve(verb)));
    if (name == "look") return look();
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
        if (status != 0 && verb.name != "look") continue;
        try {
            act(verb, drop);
        } catch (const Error& error) {
            report(error);
            status = error.exit_status();
        }
    }
    return status;
}
