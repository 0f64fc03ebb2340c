// SPDX-License-Identifier: MIT
// ServiceStatus and ServiceResult: exit statuses, the forms for a person and for a program, and what a daemon answers.
#include <daemonkit/detail/service_report.hpp>
#include <daemonkit/service_result.hpp>
#include <daemonkit/service_status.hpp>

#include "catch.hpp"

#include <cerrno>
#include <stdexcept>
#include <string>

using namespace daemonkit;
using detail::parse_report;
using detail::report_text;

namespace {

ServiceStatus running() {
    ServiceStatus status{.name = "thermod", .state = ServiceState::running, .pid = 4711};
    status.process.emplace();
    status.process->pid = 4711;
    status.process->state = ProcessState::sleeping;
    status.process->uptime_seconds = 93'784;
    status.process->threads = 4;
    status.process->memory = ProcessMemory{.resident = 12'900'000};
    status.process->descriptors = std::size_t{17};
    status.report = ServiceReport{
        .doing = "scanning \"a\"\n", .descriptors = 3, .reloads = {5, 1, "x.conf:2: no key"}};
    return status;
}

}  // namespace

TEST_CASE("ServiceStatus: the exit statuses are those of LSB", "[service_status][unit]") {
    CHECK(exit_status({.name = "x", .state = ServiceState::running}) == 0);
    CHECK(exit_status({.name = "x", .state = ServiceState::crashed}) == 1);
    CHECK(exit_status({.name = "x", .state = ServiceState::orphaned}) == 2);
    CHECK(exit_status({.name = "x", .state = ServiceState::stopped}) == 3);
    CHECK(exit_status({.name = "x", .state = ServiceState::starting}) == 3);
    CHECK(exit_status({.name = "x", .state = ServiceState::unknown}) == 4);
    CHECK(exit_status({.name = "x", .state = static_cast<ServiceState>(9)}) == 4);
}

TEST_CASE("ServiceStatus: for a person, a line for each thing that is known",
          "[service_status][unit]") {
    CHECK(to_text(running()) ==
          "thermod: running as pid 4711 for 1 d 2 h\n"
          "  state       sleeping\n"
          "  memory      12.3 MiB\n"
          "  threads     4\n"
          "  descriptors 17\n"
          "  reloads     5, failed 1\n"
          "  last error  x.conf:2: no key\n"
          "  doing       scanning \"a\"\\n");

    ServiceStatus status = running();
    status.process->memory = Known<ProcessMemory>::unknown(EACCES);
    status.process->descriptors = Known<std::size_t>::unknown(EACCES);
    status.report->reloads = {};
    status.report->doing.reset();
    CHECK(to_text(status) ==
          "thermod: running as pid 4711 for 1 d 2 h\n"
          "  state       sleeping\n"
          "  threads     4\n"
          "  descriptors 3\n"
          "  reloads     0, failed 0");
    status.report.reset();
    status.silence = "it does not answer";
    CHECK(to_text(status) ==
          "thermod: running as pid 4711 for 1 d 2 h\n"
          "  state       sleeping\n"
          "  threads     4\n"
          "  no report   it does not answer");

    CHECK(to_text({.name = "thermod", .state = ServiceState::stopped}) == "thermod: stopped");
    CHECK(to_text({.name = "thermod", .state = ServiceState::unknown, .reason = "a\nb"}) ==
          "thermod: unknown: a\\nb");
}

TEST_CASE("ServiceStatus: for a program, every name is there, known or null",
          "[service_status][unit]") {
    CHECK(
        to_json(running()) ==
        R"({"name": "thermod", "state": "running", "reason": null, "pid": 4711, )"
        R"("uptime_seconds": 93784, "process_state": "sleeping", "memory_bytes": 12900000, )"
        R"("threads": 4, "descriptors": 17, "reloads": 5, "failed_reloads": 1, )"
        R"("last_error": "x.conf:2: no key", "doing": "scanning \"a\"\u000a", "no_report": null})");
    CHECK(
        to_json({.name = "thermod", .state = ServiceState::crashed, .reason = "left /run/x.pid"}) ==
        R"({"name": "thermod", "state": "crashed", "reason": "left /run/x.pid", "pid": null, )"
        R"("uptime_seconds": null, "process_state": null, "memory_bytes": null, )"
        R"("threads": null, "descriptors": null, "reloads": null, "failed_reloads": null, )"
        R"("last_error": null, "doing": null, "no_report": null})");
}

TEST_CASE("service_report: what a daemon answers is read as it was meant",
          "[service_status][unit]") {
    const ServiceReport whole{
        .doing = "a: b\nreloads: 9", .descriptors = 12, .reloads = {3, 2, "x\ny: z"}};
    const auto read = parse_report(report_text(whole));
    REQUIRE(read);
    CHECK(read->reloads.succeeded == 3);
    CHECK(read->reloads.failed == 2);
    CHECK(read->reloads.last_error == "x\\ny: z");
    CHECK(read->descriptors == 12);
    CHECK(read->doing == "a: b\\nreloads: 9");

    const auto least = parse_report(report_text({}));
    REQUIRE(least);
    CHECK(least->reloads.succeeded == 0);
    CHECK_FALSE(least->reloads.last_error);
    CHECK_FALSE(least->descriptors);
    CHECK_FALSE(least->doing);
    CHECK(parse_report("new: 1\nreloads: 1\n\nno colon\nfailed reloads: 0\n")->reloads.succeeded ==
          1);
}

TEST_CASE("service_report: what is no report is none", "[service_status][unit]") {
    for (const char* text : {"", "\n", "ready", "reloads: 1", "reloads: 1\nfailed reloads: x",
                             "reloads: -1\nfailed reloads: 0", "reloads: \nfailed reloads: 0",
                             "reloads: 18446744073709551616\nfailed reloads: 0",
                             "reloads: 1 \nfailed reloads: 0", "reloads:1\nfailed reloads:0"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_report(text));
    }
    CHECK(parse_report("reloads: 18446744073709551615\nfailed reloads: 0")->reloads.succeeded ==
          ~std::uint64_t{0});
}

TEST_CASE("ServiceResult: the kind of a failure is that of LSB", "[service_status][unit]") {
    const auto of = [](const Error& error) {
        return static_cast<ServiceExit>(service_exit_of(error));
    };
    CHECK(of(Error(Step::open_pid_file, "/run/x.pid", EACCES)) == ServiceExit::not_permitted);
    CHECK(of(Error(Step::open_pid_file, "/run/x.pid", EISDIR)) == ServiceExit::failed);
    CHECK(of(Error(Step::signal_process, "pid 71", EPERM)) == ServiceExit::not_permitted);
    CHECK(of(Error(Step::resolve_user, "thermod", ENOENT)) == ServiceExit::not_configured);
    CHECK(of(Error(Step::application, "", ECANCELED, "", 78)) == ServiceExit::not_configured);
    CHECK(of(Error(Step::application, "", ECANCELED, "", 64)) == ServiceExit::wrong_use);
    CHECK(of(Error(Step::application, "", ECANCELED)) == ServiceExit::failed);
    CHECK(service_exit_of(std::runtime_error("x")) == 1);
    for (int status = 65; status <= 76; ++status) CHECK(service_exit_of(status) == 1);
    for (const int status : {0, 1, 3, 7, 8, 63, 79, 130, 255})
        CHECK(service_exit_of(status) == status);
    CHECK(ServiceResult(ServiceExit::done, "stopped").success());
    CHECK(ServiceResult(ServiceExit::not_running, "").exit_status == 7);
}
