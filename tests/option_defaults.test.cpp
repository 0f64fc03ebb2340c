// SPDX-License-Identifier: MIT
// What is in force where nothing is said: who changes a default has to mean it, as every program changes with it. Those
// of DaemonOptions are in docs/options.md, which the docs test compares with the header.
#include <daemonkit/bootstrap_log.hpp>
#include <daemonkit/child_options.hpp>
#include <daemonkit/control_socket_options.hpp>
#include <daemonkit/environment.hpp>
#include <daemonkit/inspect.hpp>
#include <daemonkit/journal_sink.hpp>
#include <daemonkit/log_file_options.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/privilege_options.hpp>
#include <daemonkit/run_as_init.hpp>
#include <daemonkit/service_definition.hpp>
#include <daemonkit/service_options.hpp>
#include <daemonkit/stderr_sink.hpp>
#include <daemonkit/stop_schedule.hpp>
#include <daemonkit/stream_target.hpp>
#include <daemonkit/syslog_client_options.hpp>
#include <daemonkit/syslog_sink.hpp>

#include "catch.hpp"

#include <csignal>
#include <cstdint>
#include <variant>
#include <vector>

using namespace daemonkit;

namespace {

constexpr std::int64_t millisecond = 1'000'000;
constexpr std::int64_t second = 1'000 * millisecond;

template <class Alternative, class Variant>
bool is(const Variant& value) {
    return std::holds_alternative<Alternative>(value);
}

}  // namespace

TEST_CASE("options: a helper gets nothing, and may take as long as it wants",
          "[option_defaults][unit]") {
    const ChildOptions child;
    CHECK(child.environment.inherited == InheritedEnvironment::keep);
    CHECK(child.environment.listed.empty());
    CHECK(child.environment.set.empty());
    CHECK_FALSE(child.working_directory);
    CHECK(is<NullDevice>(child.in));
    CHECK(is<NullDevice>(child.out));
    CHECK(is<NullDevice>(child.err));
    CHECK(child.longest_line == 65'536);
    CHECK_FALSE(child.timeout);
    CHECK(child.grace.in_nanoseconds() == 2 * second);
    CHECK_FALSE(child.end_when_readable);

    const InitOptions init;
    CHECK(init.forwarded == std::vector<int>{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2});
    CHECK(init.second_stop == SecondStop::is_forwarded);
    CHECK(init.grace.in_nanoseconds() == 2 * second);
}

TEST_CASE("options: files are for their owner, the pid file for everybody to read",
          "[option_defaults][unit]") {
    CHECK(PidLockOptions().mode == 0644);
    CHECK(AppendTo().mode == 0640);
    const LogFileOptions log;
    CHECK(log.ident.empty());
    CHECK(log.mode == 0640);
    CHECK(log.mask == SeverityMask());
    CHECK(log.rotate_at == 10'485'760);
    CHECK(log.keep == 5);
}

TEST_CASE("options: a control socket is the daemon's own, and its clients are bounded",
          "[option_defaults][unit]") {
    const ControlSocketOptions control;
    CHECK(control.path.empty());
    CHECK(control.mode == 0660);
    CHECK_FALSE(control.group);
    CHECK_FALSE(control.allowed);
    CHECK(control.most_clients == 256);
    CHECK(control.longest_request == 4096);
    CHECK(control.longest_answer == 1'048'576);
    CHECK(control.patience.in_nanoseconds() == 10 * second);
}

TEST_CASE("options: logs take everything, wait for a tenth of a second and fold nothing",
          "[option_defaults][unit]") {
    const SyslogClientOptions client;
    CHECK(client.ident.empty());
    CHECK(client.facility == Facility::daemon);
    CHECK(client.pid == SyslogPid::logged);
    CHECK(is<LocalLog>(client.to));
    CHECK(client.mask == SeverityMask());
    CHECK(client.bound.in_nanoseconds() == 100 * millisecond);
    CHECK(client.repeats == Repeats::sent);
    CHECK(client.lost == LostLines::counted);
    CHECK(UdpHost().port == 514);
    CHECK(is<Rfc5424>(UdpHost().form));
    CHECK(TcpHost().port == 514);
    CHECK(is<Rfc5424>(TcpHost().form));

    const JournalSinkOptions journal;
    CHECK(journal.ident.empty());
    CHECK(journal.fields.empty());
    CHECK(journal.mask == SeverityMask());
    CHECK(journal.bound.in_nanoseconds() == 100 * millisecond);

    const SyslogOptions libc;
    CHECK(libc.ident.empty());
    CHECK(libc.facility == Facility::daemon);
    CHECK(libc.pid == SyslogPid::logged);
    CHECK(libc.connect == SyslogConnect::at_once);
    CHECK(libc.copy == SyslogCopy::none);
    CHECK(libc.threshold == Severity::debug);

    const StderrSinkOptions console;
    CHECK(console.prefix == SeverityPrefix::automatic);
    CHECK(console.mask == SeverityMask());
    CHECK(console.bound.in_nanoseconds() == 100 * millisecond);

    const BootstrapLogOptions bootstrap;
    CHECK(bootstrap.bytes == 65'536);
    CHECK(bootstrap.time == ReplayedTime::in_text);
    CHECK(bootstrap.mask == SeverityMask());
}

TEST_CASE("options: no rights are given up that nobody has named", "[option_defaults][unit]") {
    const Privileges privileges;
    CHECK_FALSE(privileges.user);
    CHECK_FALSE(privileges.group);
    CHECK(privileges.supplementary_groups == SupplementaryGroups::of_user);
    CHECK_FALSE(privileges.capabilities);
    CHECK(privileges.new_privileges == NewPrivileges::allowed);
    CHECK_FALSE(privileges.paths);
    CHECK(privileges.forbidden_system_calls.empty());
    CHECK(privileges.confinement == Confinement::required);
    CHECK(PathRule().access == PathAccess::read);
}

TEST_CASE("options: a service is asked to stop for half a minute, and then made to",
          "[option_defaults][unit]") {
    const ServiceOptions service;
    REQUIRE(service.stop.steps.size() == 2);
    CHECK(service.stop.steps[0].signal == SIGTERM);
    CHECK(service.stop.steps[0].wait.in_nanoseconds() == 30 * second);
    CHECK(service.stop.steps[1].signal == SIGKILL);
    CHECK(service.stop.steps[1].wait.in_nanoseconds() == 5 * second);
    REQUIRE(service.control);
    CHECK(service.control->path.empty());
    CHECK(service.answer_timeout.in_nanoseconds() == 30 * second);
    CHECK_FALSE(service.check);
    CHECK_FALSE(service.definition);

    const ServiceDefinition definition;
    CHECK(definition.arguments.empty());
    CHECK(definition.sockets.empty());
    CHECK(definition.writable.empty());
    CHECK_FALSE(definition.memory_limit);
    CHECK_FALSE(definition.task_limit);
    CHECK_FALSE(definition.processor_percent);
    CHECK_FALSE(definition.watchdog);

    CHECK(InspectOptions().most_listed == 1024);
}
