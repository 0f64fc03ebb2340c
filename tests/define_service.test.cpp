// SPDX-License-Identifier: MIT
#include <daemonkit/define_service.hpp>

#include "catch.hpp"

#include <csignal>
#include <string>

#include <sys/resource.h>

using namespace daemonkit;

namespace {

ServiceOptions thermod() {
    ServiceOptions options{.name = "thermod"};
    options.daemon.privileges = {.user = "thermo", .group = "sensors"};
    return options;
}

ServiceDefinition definition() {
    return {.description = "Thermometer",
            .program = "/usr/sbin/thermod",
            .arguments = {"/etc/thermod.conf"}};
}

std::string defined(DefinitionKind kind, const ServiceOptions& options = thermod(),
                    const ServiceDefinition& more = definition()) {
    return define_service(kind, options, more);
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("define_service: the systemd unit says what the options say", "[define_service][unit]") {
    ServiceOptions options = thermod();
    options.daemon.umask = 0077;
    options.daemon.ready_timeout = Timeout::seconds(7);
    options.daemon.environment.set = {{"MODE", "a b"}, {"PERCENT", "50%"}};
    options.daemon.limits = {{RLIMIT_NOFILE, 100, 200}, {RLIMIT_AS}};
    options.stop = {.steps = {{SIGINT, Timeout::seconds(3)}, {SIGKILL, Timeout::seconds(1)}}};
    ServiceDefinition more = definition();
    more.memory_limit = 1 << 20;
    more.task_limit = 8;
    more.processor_percent = 150;
    more.watchdog = Timeout::seconds(20);
    const std::string unit = defined(DefinitionKind::systemd, options, more);
    for (const char* const line : {"Description=Thermometer",
                                   "Type=notify",
                                   "ExecStart=/usr/sbin/thermod /etc/thermod.conf run",
                                   "ExecReload=/usr/sbin/thermod /etc/thermod.conf reload",
                                   "User=thermo",
                                   "Group=sensors",
                                   "UMask=077",
                                   "RuntimeDirectory=thermod",
                                   "TimeoutStartSec=7000ms",
                                   "KillSignal=SIGINT",
                                   "TimeoutStopSec=3000ms",
                                   "Environment=\"MODE=a b\"",
                                   "Environment=PERCENT=50%%",
                                   "LimitNOFILE=100:200",
                                   "LimitAS=infinity:infinity",
                                   "LimitCORE=0",
                                   "MemoryMax=1048576",
                                   "TasksMax=8",
                                   "CPUQuota=150%",
                                   "WatchdogSec=20000ms",
                                   "CapabilityBoundingSet=",
                                   "NoNewPrivileges=yes",
                                   "ProtectSystem=strict",
                                   "WantedBy=multi-user.target"}) {
        CAPTURE(line, unit);
        CHECK(has_line(unit, line));
    }
}

TEST_CASE("define_service: a service that needs root at first is not started as its user",
          "[define_service][unit]") {
    ServiceOptions options = thermod();
    const bool by_root = GENERATE(true, false);
    if (by_root)
        options.daemon.chroot_directory = "/srv/jail";
    else
        options.daemon.err = AppendTo{"/var/log/thermod.log"};
    const std::string unit = defined(DefinitionKind::systemd, options);
    CHECK(unit.find("User=") == std::string::npos);
    CHECK(unit.find("NoNewPrivileges") == std::string::npos);
    CHECK(unit.find("CAP_SETUID CAP_SETGID") != std::string::npos);
    CHECK(has_line(unit, "ReadWritePaths=/var/log") == !by_root);
    CHECK((unit.find("chroot") != std::string::npos) == by_root);
}

TEST_CASE("define_service: folders that the manager makes are named as such",
          "[define_service][unit]") {
    ServiceOptions options = thermod();
    options.daemon.err = AppendTo{"/var/log/thermod/err"};
    options.daemon.pid_file = "/run/thermod/thermod.pid";
    ServiceDefinition more = definition();
    more.writable = {"/var/lib/thermod", "/var/cache/thermod", "/srv/data"};
    const std::string unit = defined(DefinitionKind::systemd, options, more);
    CHECK(has_line(unit, "LogsDirectory=thermod"));
    CHECK(has_line(unit, "StateDirectory=thermod"));
    CHECK(has_line(unit, "CacheDirectory=thermod"));
    CHECK(has_line(unit, "ReadWritePaths=/srv/data"));
    CHECK(has_line(unit, "User=thermo"));
    const std::string folders = defined(DefinitionKind::tmpfiles, options, more);
    CHECK(has_line(folders, "d /run/thermod 0755 root root -"));
    CHECK(has_line(folders, "d /var/lib/thermod 0750 thermo sensors -"));
}

TEST_CASE("define_service: sockets have a unit of their own", "[define_service][unit]") {
    ServiceDefinition more = definition();
    CHECK_THROWS_AS(defined(DefinitionKind::socket, thermod(), more), Error);
    more.sockets = {{"127.0.0.1:7007", "web"}, {"/run/thermod/s", "web"}};
    const std::string socket = defined(DefinitionKind::socket, thermod(), more);
    CHECK(has_line(socket, "ListenStream=127.0.0.1:7007"));
    CHECK(has_line(socket, "ListenStream=/run/thermod/s"));
    CHECK(has_line(socket, "FileDescriptorName=web"));
    CHECK(has_line(defined(DefinitionKind::systemd, thermod(), more), "Requires=thermod.socket"));
    more.sockets[1].name = "other";
    CHECK_THROWS_AS(defined(DefinitionKind::socket, thermod(), more), Error);
}

TEST_CASE("define_service: capabilities that are kept are kept by the manager",
          "[define_service][unit]") {
    ServiceOptions options = thermod();
    options.daemon.privileges.capabilities = {{10, 13}};
    const std::string unit = defined(DefinitionKind::systemd, options);
    CHECK(has_line(unit, "CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_NET_RAW"));
    CHECK(has_line(unit, "AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_NET_RAW"));
    CHECK(defined(DefinitionKind::apparmor, options).find("    capability net_bind_service,\n") !=
          std::string::npos);
}

TEST_CASE("define_service: every word is quoted as the file wants it", "[define_service][unit]") {
    ServiceDefinition more = definition();
    more.program = "/opt/a \"b\"/$x%y'z";
    more.arguments = {"", "*", "a;b", "\\n", "$1", "<&>"};
    CHECK(has_line(defined(DefinitionKind::systemd, thermod(), more),
                   "ExecStart=\"/opt/a \\\"b\\\"/$x%%y'z\" \"\" * \"a;b\" \"\\\\n\" $$1 <&> run"));
    CHECK(
        defined(DefinitionKind::runit_run, thermod(), more) ==
        "#!/bin/sh\nexec 2>&1\nexec '/opt/a \"b\"/$x%y'\\''z' '' '*' 'a;b' '\\n' '$1' '<&>' run\n");
    CHECK(
        defined(DefinitionKind::launchd, thermod(), more).find("<string>&lt;&amp;&gt;</string>") !=
        std::string::npos);
    CHECK(defined(DefinitionKind::apparmor, thermod(), more).find("\"/opt/a \\\"b\\\"/$x%y'z\"") !=
          std::string::npos);
}

TEST_CASE("define_service: no time at all is not for ever", "[define_service][unit]") {
    ServiceOptions options = thermod();
    const Timeout wait = GENERATE(Timeout::seconds(0), Timeout::nanoseconds(1));
    options.stop = {.steps = {{SIGTERM, wait}, {SIGKILL, Timeout::seconds(1)}}};
    CHECK(has_line(defined(DefinitionKind::systemd, options), "TimeoutStopSec=1ms"));
}

TEST_CASE("define_service: a text takes no line but its own", "[define_service][unit]") {
    ServiceDefinition more = definition();
    more.description = "C:\\";
    more.sockets = {{"/run/thermod/s\\"}};
    // systemd.syntax(7): a backslash at the very end of a line joins it with the next.
    CHECK(has_line(defined(DefinitionKind::systemd, thermod(), more), "Description=C:\\ "));
    CHECK(has_line(defined(DefinitionKind::socket, thermod(), more),
                   "ListenStream=/run/thermod/s\\ "));
    // passwd(5): a colon ends a field, and systemd-sysusers makes no user with one in it.
    CHECK(has_line(defined(DefinitionKind::sysusers, thermod(), more),
                   "u thermo -:sensors \"C,\\\\\""));
}

TEST_CASE("define_service: what is not UTF-8 stands where bytes may, and is refused elsewhere",
          "[define_service][unit]") {
    ServiceDefinition more = definition();
    more.program = "/usr/sbin/caf\xe9";
    for (const auto kind : {DefinitionKind::systemd, DefinitionKind::launchd})
        CHECK_THROWS_WITH(defined(kind, thermod(), more),
                          "validate_options: definition: a text is not UTF-8 (Invalid argument)");
    CHECK(defined(DefinitionKind::s6_run, thermod(), more).find("'/usr/sbin/caf\xe9'") !=
          std::string::npos);
}

TEST_CASE("define_service: what no file can hold is refused", "[define_service][unit]") {
    for (const auto& each : definition_words) {
        CAPTURE(each.word);
        ServiceDefinition more = definition();
        more.sockets = {{"80"}};
        ServiceOptions options = thermod();
        options.daemon.notification_fd = 3;
        CHECK_FALSE(define_service(each.kind, options, more).empty());
        CHECK(definition_kind(each.word) == each.kind);
        more.program = "thermod";
        CHECK_THROWS_AS(define_service(each.kind, options, more), Error);
        more.program = "/x";
        for (const char* const name : {"", "a b", "../x", "a\nb", ".hidden"}) {
            options.name = name;
            CHECK_THROWS_AS(define_service(each.kind, options, more), Error);
        }
    }
    CHECK_FALSE(definition_kind("upstart"));
    ServiceDefinition two_lines = definition();
    two_lines.description = "a\nExecStart=/bin/sh";
    for (const auto kind :
         {DefinitionKind::systemd, DefinitionKind::init_script, DefinitionKind::openrc})
        CHECK_THROWS_AS(defined(kind, thermod(), two_lines), Error);
    two_lines = definition();
    two_lines.arguments = {"a\nb"};
    for (const auto kind : {DefinitionKind::systemd, DefinitionKind::init_script,
                            DefinitionKind::s6_run, DefinitionKind::launchd})
        CHECK_THROWS_AS(defined(kind, thermod(), two_lines), Error);
}

TEST_CASE("define_service: a number that has no name stands in no file", "[define_service][unit]") {
    const auto kind = GENERATE(DefinitionKind::systemd, DefinitionKind::apparmor);
    ServiceOptions options = thermod();
    for (const int number : {-1, 41, 63, 64}) {
        CAPTURE(number);
        options.daemon.privileges.capabilities = {{10, number}};
        try {
            static_cast<void>(defined(kind, options));
            FAIL("it was printed");
        } catch (const Error& error) {
            CHECK(error.step() == Step::validate_options);
            CHECK(error.subject() == "privileges.capabilities");
            CHECK(
                error.explanation() ==
                "capability " + std::to_string(number) +
                    " has no name that a file could hold: take it out, or write the file by hand");
        }
    }
    options = thermod();
    options.stop = {.steps = {{1000, Timeout::seconds(3)}}};
    CHECK_THROWS_WITH(defined(DefinitionKind::systemd, options),
                      "validate_options: stop: there is no signal 1000 (Invalid argument)");
}

TEST_CASE(
    "define_service: what the service has in a home or among temporary files is not hidden from it",
    "[define_service][unit]") {
    const std::string path =
        GENERATE(as<std::string>{}, "/home/ann/x", "/root//./x", "/run/user/1000/x", "/tmp/x",
                 "//var/tmp/a/x", "/homes/x", "/var/tmpfs/x", "/run/users/x", "/x");
    CAPTURE(path);
    const bool is_temporary = path.find("/tmp/") != std::string::npos;
    const bool is_elsewhere = path == "/x" || path.find("s/x") != std::string::npos;
    ServiceOptions options = thermod();
    ServiceDefinition more = definition();
    switch (GENERATE(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)) {
        case 0: more.program = path; break;
        case 1: more.arguments = {path}; break;
        case 2: more.arguments = {"--config=" + path}; break;
        case 3: more.writable = {path}; break;
        case 4: options.daemon.err = AppendTo{path}; break;
        case 5: options.daemon.in = ReadFrom{path}; break;
        case 6: options.daemon.pid_file = path; break;
        case 7: options.daemon.working_directory = path; break;
        case 8: options.daemon.chroot_directory = path; break;
        case 9: options.control->path = path; break;
    }
    const std::string unit = defined(DefinitionKind::systemd, options, more);
    CAPTURE(unit);
    const bool is_at_home = !is_temporary && !is_elsewhere;
    CHECK(has_line(unit, "ProtectHome=read-only") == is_at_home);
    CHECK(has_line(unit, "ProtectHome=yes") == !is_at_home);
    CHECK(has_line(unit, "# Not hidden: the service has " + path + ".") == is_at_home);
    CHECK(has_line(unit, "PrivateTmp=yes") == !is_temporary);
    CHECK(has_line(unit, "ReadWritePaths=/tmp -/var/tmp") == is_temporary);
    CHECK(has_line(unit, "# Not PrivateTmp=: the service has " + path + ".") == is_temporary);
}

TEST_CASE("define_service: a working directory in a new root hides nothing outside of it",
          "[define_service][unit]") {
    ServiceOptions options = thermod();
    options.daemon.chroot_directory = "/srv/jail";
    options.daemon.working_directory = "/tmp";
    options.daemon.privileges.paths = {{{"/home"}}};
    const std::string unit = defined(DefinitionKind::systemd, options);
    CHECK(has_line(unit, "PrivateTmp=yes"));
    CHECK(has_line(unit, "ProtectHome=yes"));
}
