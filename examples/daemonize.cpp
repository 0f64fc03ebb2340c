// SPDX-License-Identifier: MIT
// Runs any command as a daemon, says whether that has worked, and stops it: daemonize --help
//
// The process that holds the pid file becomes the command, so there is no wrapper that could die without it, and the
// status is that of the whole start: 127 and 126 for a command that cannot be executed, 75 for one that runs already.
#include <daemonkit/context.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/plan.hpp>
#include <daemonkit/process_handle.hpp>
#include <daemonkit/stop_schedule.hpp>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <getopt.h>
#include <sys/resource.h>

namespace {

constexpr const char* usage = R"(usage: daemonize [OPTION]... [--] COMMAND [ARGUMENT]...
       daemonize --pid-file FILE --status | --stop[=SCHEDULE]

  -p, --pid-file FILE     lock FILE; it holds the pid of the command, and a second start is refused
  -u, --user USER         run as USER, a name or a number, with the groups of the user
  -g, --group GROUP       run as GROUP
  -i, --stdin FILE        read from FILE; the three streams lead to /dev/null by default
  -o, --stdout FILE       append to FILE, which is made with mode 0640 less the umask
  -e, --stderr FILE       append to FILE
  -l, --log FILE          append both to FILE
  -c, --chdir FOLDER      run in FOLDER (/)
  -r, --chroot FOLDER     make FOLDER the root; COMMAND and --chdir are meant inside
  -m, --umask MODE        four octal digits (0027)
  -E, --env NAME=VALUE    set a variable of the environment
  -C, --clear-env         take along no variable but those of --keep-env
  -K, --keep-env NAME     with --clear-env: take NAME along
  -k, --keep-fd NUMBER    take a descriptor along; all others are closed
  -n, --nice NUMBER       -20 to 19, as of nice(1)
  -N, --nofile NUMBER     the limit on open files
      --core              allow core dumps
  -f, --foreground        do not detach; under a service manager that is the default
  -w, --wait SECONDS      give the start up after that time (30)
  -s, --settle MS         count as up only after it has run that long (0: when it is executed)
      --plan              tell what would be done and what would stop it, and do nothing
      --status            tell the pid of the command, which the kernel names as the holder of the pid file
      --stop[=SCHEDULE]   end it, and wait for its end (TERM 30s, KILL 5s)
  -h, --help              this text

Status: 0 it runs, or has been stopped; 1 it cannot be stopped; 3 of --status: it does not run; 64 wrong use;
70 it failed as it started; 71 to 78 as in sysexits.h, 75: it runs already; 126 it cannot be executed; 127 there is
no such command.
)";

struct WrongUse : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What the command line asks for.
struct Wanted {
    daemonkit::DaemonOptions options{.ready_when = daemonkit::ReadyWhen::notified};
    std::vector<std::string> command;
    std::chrono::milliseconds settle{0};
    enum class Verb { run, plan, status, stop, help } verb = Verb::run;
    daemonkit::StopSchedule schedule;
};

/// The whole text as a number from `least` to `most`.
int number(std::string_view text, const char* what, int least, int most, int base = 10) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error == std::errc() && end == text.data() + text.size() && value >= least && value <= most)
        return value;
    throw WrongUse(std::string(what) + ": '" + std::string(text) + "' is not a number from " +
                   std::to_string(least) + " to " + std::to_string(most));
}

std::pair<std::string, std::string> variable(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos)
        throw WrongUse("--env: '" + text + "' is not of the form NAME=VALUE");
    return {text.substr(0, equals), text.substr(equals + 1)};
}

Wanted read_command_line(int argc, char** argv) {
    enum { core = 256, plan, status, stop };  // options that have no letter
    using Verb = Wanted::Verb;
    static const ::option long_options[] = {{"pid-file", required_argument, nullptr, 'p'},
                                            {"user", required_argument, nullptr, 'u'},
                                            {"group", required_argument, nullptr, 'g'},
                                            {"stdin", required_argument, nullptr, 'i'},
                                            {"stdout", required_argument, nullptr, 'o'},
                                            {"stderr", required_argument, nullptr, 'e'},
                                            {"log", required_argument, nullptr, 'l'},
                                            {"chdir", required_argument, nullptr, 'c'},
                                            {"chroot", required_argument, nullptr, 'r'},
                                            {"umask", required_argument, nullptr, 'm'},
                                            {"env", required_argument, nullptr, 'E'},
                                            {"clear-env", no_argument, nullptr, 'C'},
                                            {"keep-env", required_argument, nullptr, 'K'},
                                            {"keep-fd", required_argument, nullptr, 'k'},
                                            {"nice", required_argument, nullptr, 'n'},
                                            {"nofile", required_argument, nullptr, 'N'},
                                            {"core", no_argument, nullptr, core},
                                            {"foreground", no_argument, nullptr, 'f'},
                                            {"wait", required_argument, nullptr, 'w'},
                                            {"settle", required_argument, nullptr, 's'},
                                            {"plan", no_argument, nullptr, plan},
                                            {"status", no_argument, nullptr, status},
                                            {"stop", optional_argument, nullptr, stop},
                                            {"help", no_argument, nullptr, 'h'},
                                            {nullptr, 0, nullptr, 0}};
    Wanted wanted;
    daemonkit::DaemonOptions& options = wanted.options;
    const auto keep = daemonkit::InheritedEnvironment::keep;
    // The plus: what stands behind COMMAND is the command's.
    for (int letter = 0;
         (letter = ::getopt_long(argc, argv, "+p:u:g:i:o:e:l:c:r:m:E:CK:k:n:N:fw:s:h", long_options,
                                 nullptr)) != -1;) {
        const std::string text = ::optarg != nullptr ? ::optarg : "";
        switch (letter) {
            case 'p': options.pid_file = text; break;
            case 'u': options.privileges.user = text; break;
            case 'g': options.privileges.group = text; break;
            case 'i': options.in = daemonkit::ReadFrom{text}; break;
            case 'o': options.out = daemonkit::AppendTo{text}; break;
            case 'e': options.err = daemonkit::AppendTo{text}; break;
            case 'l': options.out = options.err = daemonkit::AppendTo{text}; break;
            case 'c': options.working_directory = text; break;
            case 'r': options.chroot_directory = text; break;
            case 'm':
                options.umask = static_cast<mode_t>(number(text, "--umask", 0, 0777, 8));
                break;
            case 'E': options.environment.set.push_back(variable(text)); break;
            case 'C':
                options.environment.inherited = daemonkit::InheritedEnvironment::only_listed;
                break;
            case 'K': options.environment.listed.push_back(text); break;
            case 'k': options.keep_open.push_back(number(text, "--keep-fd", 3, 1 << 20)); break;
            case 'n': {
                const int niceness = number(text, "--nice", -20, 19);
                options.hooks.in_daemon = [niceness] {
                    if (::setpriority(PRIO_PROCESS, 0, niceness) != 0)
                        throw std::system_error(errno, std::system_category(), "--nice");
                };
                break;
            }
            case 'N': {
                const auto most = static_cast<rlim_t>(number(text, "--nofile", 3, 1 << 30));
                options.limits.push_back({RLIMIT_NOFILE, most, most});
                break;
            }
            case core: options.core_dumps = daemonkit::CoreDumps::allow; break;
            case 'f': options.detach = daemonkit::Detach::never; break;
            case 'w':
                options.ready_timeout = std::chrono::seconds(number(text, "--wait", 1, 86'400));
                break;
            case 's':
                wanted.settle = std::chrono::milliseconds(number(text, "--settle", 0, 86'400'000));
                break;
            case plan: wanted.verb = Verb::plan; break;
            case status: wanted.verb = Verb::status; break;
            case stop:
                wanted.verb = Verb::stop;
                if (!text.empty()) wanted.schedule = daemonkit::parse_stop_schedule(text);
                break;
            case 'h': wanted.verb = Verb::help; return wanted;
            default: throw WrongUse("");  // getopt_long has said why
        }
    }
    wanted.command.assign(argv + ::optind, argv + argc);
    const bool is_for_command = wanted.verb == Verb::run || wanted.verb == Verb::plan;
    if (is_for_command && wanted.command.empty()) throw WrongUse("there is no command");
    if (!is_for_command && (!wanted.command.empty() || !options.pid_file))
        throw WrongUse("--status and --stop take --pid-file, and no command");
    if (!is_for_command) return wanted;
    if (!options.environment.listed.empty() && options.environment.inherited == keep)
        throw WrongUse("--keep-env is for --clear-env");
    // The command is executed in another directory; in another root its path is meant there.
    std::string& program = wanted.command.front();
    if (program.find('/') != std::string::npos && !options.chroot_directory)
        program = std::filesystem::absolute(program);
    return wanted;
}

int tell_plan(const Wanted& wanted) {
    using daemonkit::Step;
    for (const auto& step : daemonkit::plan(wanted.options)) {
        // The exec, below, takes the place of both.
        if (step.step == Step::application || step.step == Step::report_ready) continue;
        std::printf("%-22s %s\n", to_string(step.step), step.words.c_str());
    }
    std::printf("%-22s execute", to_string(Step::execute_program));
    for (const std::string& word : wanted.command) std::printf(" %s", word.c_str());
    std::puts("; then the launcher ends with status 0");
    const auto findings = daemonkit::check(wanted.options);
    for (const auto& finding : findings) std::printf("would fail: %s\n", finding.what());
    return findings.empty() ? 0 : findings.front().exit_status();
}

int tell_status(const Wanted& wanted) {
    const auto holder = daemonkit::ProcessHandle::holder_of(*wanted.options.pid_file);
    if (!holder) return 3;  // as of an init script
    std::printf("%d\n", static_cast<int>(holder->pid()));
    return 0;
}

int stop(const Wanted& wanted) {
    const std::string& pid_file = *wanted.options.pid_file;
    auto holder = daemonkit::ProcessHandle::holder_of(pid_file);
    if (!holder) return 0;
    if (!holder->stop(wanted.schedule)) {
        std::fprintf(stderr, "daemonize: pid %d is still there\n", static_cast<int>(holder->pid()));
        return 1;
    }
    // So that a start comes up next: what the command has started holds the file as well.
    if (daemonkit::PidLock::wait_until_free(pid_file, std::chrono::seconds(5))) return 0;
    std::fprintf(stderr, "daemonize: what it has started still holds %s\n", pid_file.c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) try {
    const Wanted wanted = read_command_line(argc, argv);
    switch (wanted.verb) {
        case Wanted::Verb::help: return std::fputs(usage, stdout) < 0 ? 74 : 0;
        case Wanted::Verb::plan: return tell_plan(wanted);
        case Wanted::Verb::status: return tell_status(wanted);
        case Wanted::Verb::stop: return stop(wanted);
        case Wanted::Verb::run: break;
    }
    // [execute]
    daemonkit::DaemonContext daemon(wanted.options);
    daemon.execute(wanted.command, wanted.settle);
    // [execute]
} catch (const WrongUse& wrong) {
    if (*wrong.what() != '\0') std::fprintf(stderr, "daemonize: %s\n", wrong.what());
    std::fputs("daemonize: see daemonize --help\n", stderr);
    return 64;
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "daemonize: %s\n", error.what());
    return error.exit_status();
} catch (const std::exception& failure) {
    std::fprintf(stderr, "daemonize: %s\n", failure.what());
    return 71;
}
