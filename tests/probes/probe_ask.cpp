// SPDX-License-Identifier: MIT
// probe_ask UID:GID PATH WORD...: asks as that user, and prints what came back, or `denied`, or the error.
#include <daemonkit/control_client.hpp>
#include <daemonkit/error.hpp>

#include "verbs.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <grp.h>
#include <unistd.h>

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const probe::Verb ids(arguments.at(0));
    const auto user = static_cast<uid_t>(std::stoul(ids.name));
    const auto group = static_cast<gid_t>(std::stoul(ids.first));
    probe::require(::setgroups(0, nullptr) == 0 && ::setresgid(group, group, group) == 0 &&
                       ::setresuid(user, user, user) == 0,
                   "that user");
    try {
        const auto answer =
            daemonkit::ask(arguments.at(1), {arguments.begin() + 2, arguments.end()});
        probe::report("answer", std::to_string(answer.status) + " " + answer.text);
        return answer.status;
    } catch (const daemonkit::Error& error) {
        if (error.code().value() == EACCES) probe::report("answer", "denied");
        probe::report(error);
        return error.exit_status();
    }
}
