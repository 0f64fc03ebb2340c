// SPDX-License-Identifier: MIT
#include <daemonkit/inspect.hpp>

#include "catch.hpp"
#include "fault/with_fault.hpp"
#include "running_program.hpp"

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

using namespace daemonkit;
using namespace daemonkit::testkit;
using daemonkit::fault::Repeat;

namespace {

/// A process with something of everything.
std::vector<std::string> busy_process() {
    return {std::string(DAEMONKIT_PROBE_DIR) + "/probe_inspect",
            "umask:0027",
            "threads:a,b",
            "child:helper",
            "zombie",
            "make:50:pipe",
            "make:51:socket",
            "catch:15",
            "ignore:13",
            "pause"};
}

/// A part is not known, or it is the truth.
template <class Value, class Same>
void expect_no_lie(const char* part, const Known<Value>& found, const Known<Value>& truth,
                   Same same) {
    INFO(part << ": " << found.why());
    CHECK((!found || (truth && same(*found, *truth))));
}

template <class Value>
void expect_no_lie(const char* part, const Known<Value>& found, const Known<Value>& truth) {
    expect_no_lie(part, found, truth,
                  [](const Value& left, const Value& right) { return left == right; });
}

void expect_no_lie(const ProcessReport& found, const ProcessReport& truth) {
    CHECK(found.vitals.name == truth.vitals.name);
    CHECK(found.parent == truth.parent);
    CHECK(found.vitals.threads == truth.vitals.threads);
    expect_no_lie("command line", found.command_line, truth.command_line);
    expect_no_lie("executable", found.executable, truth.executable);
    expect_no_lie("directory", found.directory, truth.directory);
    expect_no_lie("mount", found.directory_mount, truth.directory_mount);
    expect_no_lie("root", found.root, truth.root);
    expect_no_lie("umask", found.umask, truth.umask);
    expect_no_lie("parent", found.parent_name, truth.parent_name);
    expect_no_lie("cgroup", found.cgroup, truth.cgroup);
    expect_no_lie("dumpable", found.dumpable, truth.dumpable);
    expect_no_lie("descriptors", found.vitals.descriptors, truth.vitals.descriptors);
    expect_no_lie("groups", found.supplementary_groups, truth.supplementary_groups);
    expect_no_lie("tracer", found.tracer, truth.tracer);
    expect_no_lie("users", found.users, truth.users,
                  [](const auto& left, const auto& right) { return left.saved == right.saved; });
    expect_no_lie("signals", found.signals, truth.signals, [](const auto& left, const auto& right) {
        return left.caught == right.caught && left.ignored == right.ignored &&
               left.blocked == right.blocked;
    });
    expect_no_lie("limits", found.limits, truth.limits,
                  [](const auto& left, const auto& right) { return left.size() == right.size(); });
    expect_no_lie(
        "capabilities", found.capabilities, truth.capabilities,
        [](const auto& left, const auto& right) { return left.permitted == right.permitted; });
    expect_no_lie("threads", found.threads, truth.threads, [](const auto& left, const auto& right) {
        return left.count == right.count && left.listed.size() <= right.listed.size();
    });
    expect_no_lie(
        "children", found.children, truth.children, [](const auto& left, const auto& right) {
            return left.count == right.count && left.zombies.size() <= right.zombies.size();
        });
    expect_no_lie("namespaces", found.namespaces, truth.namespaces,
                  [](const auto& left, const auto& right) {
                      for (std::size_t at = 0; at < left.size(); ++at)
                          if (!left[at].is_shared) return false;
                      return left.size() <= right.size();
                  });
    expect_no_lie("listed descriptors", found.descriptors, truth.descriptors,
                  [](const auto& left, const auto& right) {
                      for (const ProcessDescriptor& each : left.listed)
                          if (each.target.empty()) return false;
                      return left.count == right.count;
                  });
    // What is resident changes without the process: the kernel takes pages back.
    expect_no_lie("memory", found.vitals.memory, truth.vitals.memory,
                  [](const auto& left, const auto& right) {
                      return left.address_space == right.address_space && left.resident > 0 &&
                             left.resident <= left.peak &&
                             (!left.own || *left.own <= left.address_space);
                  });
}

}  // namespace

TEST_CASE("inspect: whichever call fails, however it fails, no part of the report is a lie",
          "[inspect][process][fault]") {
    RunningProgram program(busy_process());
    program.until("ready");
    while (inspect_vitals(program.pid()).state == ProcessState::running) ::usleep(1000);
    const ProcessReport truth = inspect(program.pid());
    REQUIRE(truth.descriptors);
    const int before = open_descriptors();
    for (const char* const call :
         {"openat", "read", "readlinkat", "fdopendir", "readdir", "fstat", "kill"}) {
        for (const int error : {EIO, EMFILE, EACCES, EPERM, ENOENT, ESRCH, EINTR}) {
            CAPTURE(call, error);
            for (std::uint32_t occurrence = 1;; ++occurrence) {
                CAPTURE(occurrence);
                std::optional<ProcessReport> found;
                const Outcome outcome = with_fault(call, occurrence, error, Repeat::once,
                                                   [&] { found = inspect(program.pid()); });
                if (outcome.hits == 0) break;
                if (outcome.error) CHECK(outcome.error->step() == Step::inspect_process);
                if (found) expect_no_lie(*found, truth);
                CHECK((found || error != EINTR));  // interrupted once, it is asked again
            }
            std::optional<ProcessReport> found;
            const Outcome outcome = with_fault(call, 1, error, Repeat::for_good,
                                               [&] { found = inspect(program.pid()); });
            if (found) expect_no_lie(*found, truth);
        }
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("inspect: a call that is interrupted is made again, and all of the report is there",
          "[inspect][process][fault]") {
    RunningProgram program(busy_process());
    program.until("ready");
    for (const char* const call : {"openat", "read", "readlinkat", "readdir"}) {
        for (std::uint32_t occurrence = 1;; ++occurrence) {
            std::optional<ProcessReport> found;
            const Outcome outcome = with_fault(call, occurrence, EINTR, Repeat::once,
                                               [&] { found = inspect(program.pid()); });
            if (outcome.hits == 0) break;
            CAPTURE(call, occurrence);
            REQUIRE(found);
            CHECK(found->command_line);
            CHECK(found->executable);
            CHECK(found->signals);
            CHECK(found->descriptors);
            CHECK(found->threads);
            CHECK(found->namespaces);
            CHECK(found->limits);
        }
    }
}

TEST_CASE("inspect_vitals: whichever call fails, what is told is the truth",
          "[inspect][process][fault]") {
    RunningProgram program(busy_process());
    program.until("ready");
    const ProcessVitals truth = inspect_vitals(program.pid());
    for (const char* const call : {"openat", "read", "readlinkat", "fdopendir", "readdir"}) {
        for (const int error : {EIO, EMFILE, ESRCH, ENOENT}) {
            for (std::uint32_t occurrence = 1;; ++occurrence) {
                std::optional<ProcessVitals> found;
                const Outcome outcome = with_fault(call, occurrence, error, Repeat::once,
                                                   [&] { found = inspect_vitals(program.pid()); });
                if (outcome.hits == 0) break;
                CAPTURE(call, error, occurrence);
                CHECK((found || outcome.error));
                if (!found) continue;
                CHECK(found->name == truth.name);
                expect_no_lie("descriptors", found->descriptors, truth.descriptors);
                expect_no_lie("memory", found->memory, truth.memory,
                              [](const auto& left, const auto& right) {
                                  return left.resident == right.resident;
                              });
            }
        }
    }
}
