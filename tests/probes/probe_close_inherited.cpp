// SPDX-License-Identifier: MIT
// probe_close_inherited VERB...: opens descriptors, closes them as inherited, and looks what is left.
//
//   open:N            N more descriptors, on the lowest free numbers      at:FD     one of that number
//   guarded:FD        one of that number, close-on-exec                   close:FD  closes one
//   path:FD           one of that number that is no more than a path (O_PATH)
//   guarded_path:FD   that, close-on-exec
//   late:FD           one of that number that is opened between the list and the closing
//   limit:N           RLIMIT_NOFILE, soft and hard                        limit:max the soft limit as high as the hard
//   inherit:SLOTS[:KEPT]   list and close; SLOTS as known from /proc, or `unknown`; KEPT is a list of numbers and
//                     ranges (3,7-9), or `guarded` for those that are close-on-exec
//   look              open=NUMBERS, in ranges
//   calls:NAME        how many calls of that name have been made
// Built with the fault seam.

#include <daemonkit/detail/close_inherited.hpp>
#include <daemonkit/detail/proc_status.hpp>

#include "fault/fail_syscall.hpp"
#include "verbs.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace daemonkit;
using probe::report;
using probe::require;
using probe::Verb;

namespace {

std::set<int> numbers(const std::string& text) {
    std::set<int> all;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) {
        const auto dash = part.find('-');
        const int first = std::stoi(part);
        const int last = dash == std::string::npos ? first : std::stoi(part.substr(dash + 1));
        for (int number = first; number <= last; ++number) all.insert(all.end(), number);
    }
    return all;
}

std::string ranges(const std::set<int>& all) {
    std::string text;
    for (auto at = all.begin(); at != all.end();) {
        const int first = *at;
        int last = first;
        while (++at != all.end() && *at == last + 1) ++last;
        text += (text.empty() ? "" : ",") + std::to_string(first);
        if (last > first) text += "-" + std::to_string(last);
    }
    return text;
}

void look() {
    std::set<int> all;
    ::DIR* const folder = ::opendir("/proc/self/fd");
    require(folder != nullptr, "/proc");
    while (const ::dirent* const entry = ::readdir(folder)) {
        if (entry->d_name[0] != '.') all.insert(std::atoi(entry->d_name));
    }
    all.erase(::dirfd(folder));
    ::closedir(folder);
    report("open", ranges(all));
}

void set_limit(const std::string& text) {
    struct ::rlimit limit {};
    require(::getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur = text == "max" ? limit.rlim_max : std::stoul(text);
    if (text != "max") limit.rlim_max = limit.rlim_cur;
    require(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

void put_at(int fd, int flags, int access = O_RDWR) {
    const int null = ::open("/dev/null", access | O_CLOEXEC);
    require(null >= 0, "/dev/null");
    if (null == fd) {
        require(::fcntl(fd, F_SETFD, flags == 0 ? 0 : FD_CLOEXEC) == 0, "F_SETFD");
        return;
    }
    require(::dup3(null, fd, flags) == fd && ::close(null) == 0,
            "descriptor " + std::to_string(fd));
}

std::vector<int> opened_late;

void inherit(const Verb& verb) {
    const auto status = detail::read_proc_status();
    require(status.has_value(), "/proc");
    const int slots = verb.first == "unknown" ? 0 : status->descriptor_slots;
    const detail::InheritedDescriptors inherited(slots);
    for (const int fd : opened_late) put_at(fd, 0);
    if (verb.second == "guarded") {
        inherited.close([](int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; });
    } else {
        const auto kept = numbers(verb.second);
        inherited.close([&](int fd) { return kept.count(fd) != 0; });
    }
}

void act(const Verb& verb) {
    if (verb.name == "open") {
        for (int count = std::stoi(verb.first); count > 0; --count)
            require(::open("/dev/null", O_RDWR) >= 0, verb.first + " descriptors");
    } else if (verb.name == "at") {
        put_at(std::stoi(verb.first), 0);
    } else if (verb.name == "late") {
        opened_late.push_back(std::stoi(verb.first));
    } else if (verb.name == "guarded") {
        put_at(std::stoi(verb.first), O_CLOEXEC);
    } else if (verb.name == "path") {
        put_at(std::stoi(verb.first), 0, O_PATH);
    } else if (verb.name == "guarded_path") {
        put_at(std::stoi(verb.first), O_CLOEXEC, O_PATH);
    } else if (verb.name == "close") {
        require(::close(std::stoi(verb.first)) == 0, "close");
    } else if (verb.name == "limit") {
        set_limit(verb.first);
    } else if (verb.name == "inherit") {
        inherit(verb);
    } else if (verb.name == "look") {
        look();
    } else if (verb.name == "calls") {
        report("calls_" + verb.first, std::to_string(fault::calls(verb.first.c_str())));
    } else {
        require(false, "verb " + verb.name);
    }
}

}  // namespace

int main(int argc, char** argv) {
    for (int at = 1; at < argc; ++at) act(Verb(argv[at]));
}
