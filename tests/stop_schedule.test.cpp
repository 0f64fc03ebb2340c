// SPDX-License-Identifier: MIT
#include <daemonkit/stop_schedule.hpp>

#include "catch.hpp"

#include <chrono>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

using namespace daemonkit;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

// `15 30000ms, 9 5000ms`: what a schedule comes to.
std::string spell(const StopSchedule& schedule) {
    std::string text;
    for (const StopStep& step : schedule.steps) {
        if (!text.empty()) text += ", ";
        text +=
            std::to_string(step.signal) + " " + std::to_string(step.wait.in_milliseconds()) + "ms";
    }
    return text;
}

// The message of a refusal; empty when nothing was refused.
std::string refusal(const std::string& text) {
    try {
        parse_stop_schedule(text);
    } catch (const Error& error) {
        CHECK(error.step() == Step::validate_options);
        CHECK(error.subject() == "stop schedule");
        CHECK(error.exit_status() == 78);
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("StopSchedule: asks first and kills then", "[stop_schedule][unit]") {
    CHECK(spell({}) == "15 30000ms, 9 5000ms");
    CHECK(spell({.steps = {{SIGQUIT, 1min}, {SIGKILL, 250ms}}}) == "3 60000ms, 9 250ms");
}

TEST_CASE("StopSchedule: a text means what it says", "[stop_schedule][unit]") {
    const std::vector<std::pair<std::string, std::string>> texts = {
        {"TERM 30s, KILL 5s", spell({})},
        {"SIGTERM 30s, SIGKILL 5s", spell({})},
        {"TERM/30/KILL/5", spell({})},
        {"TERM / 30s / KILL / 5s", spell({})},
        {"\t TERM   30s ,KILL 5s ", spell({})},
        {"TERM 30", "15 30000ms"},
        {"TERM 0s", "15 0ms"},
        {"TERM 1500ms", "15 1500ms"},
        {"TERM 2min", "15 120000ms"},
        {"TERM 2147483647s", "15 2147483647000ms"},
        {"HUP 1s, HUP 1s, TERM 1s", "1 1000ms, 1 1000ms, 15 1000ms"},
        {"WINCH 10s", std::to_string(SIGWINCH) + " 10000ms"},
        {"RTMIN+3 1s", std::to_string(SIGRTMIN + 3) + " 1000ms"},
        {"SIGRTMIN 1s", std::to_string(SIGRTMIN) + " 1000ms"},
    };
    for (const auto& [text, meaning] : texts) {
        CAPTURE(text);
        CHECK(spell(parse_stop_schedule(text)) == meaning);
    }
}

TEST_CASE("StopSchedule: what means nothing is refused, and the message has the place",
          "[stop_schedule][unit]") {
    const std::string signal = "expected the name of a signal, such as TERM";
    const std::string wait = "expected how long to wait, such as 30s";
    const std::vector<std::pair<std::string, std::string>> texts = {
        {"", "character 1: " + signal},
        {"   ", "character 4: " + signal},
        {"TERM", "character 5: " + wait},
        {"TERM 30s,", "character 10: " + signal},
        {"TERM 30s,,KILL 5s", "character 10: " + signal},
        {"TERM 30s KILL 5s", "character 10: expected a comma"},
        {"TERM/30,KILL/5", "character 8: expected /"},
        {"TERM/30/KILL", "character 13: " + wait},
        {"TERM 30s/KILL 5s", "character 9: expected a comma"},
        {"term 30s", "character 1: " + signal},
        {"SIGSIGTERM 30s", "character 1: " + signal},
        {"SIG 30s", "character 1: " + signal},
        {"15 30s", "character 1: " + signal},
        {"-15 30s", "character 1: " + signal},
        {"0 30s", "character 1: " + signal},
        {"STOP 30s, KILL 5s", "character 1: SIGSTOP ends no process"},
        {"TERM 30h", "character 8: expected ms, s or min"},
        {"TERM 3.5s", "character 7: expected ms, s or min"},
        {"TERM 1e9s", "character 7: expected ms, s or min"},
        {"TERM 30 s", "character 9: expected a comma"},
        {"TERM -1s", "character 6: " + wait},
        {"TERM +1s", "character 6: " + wait},
        {"TERM 2147483648s", "character 6: longer than any wait"},
        {"TERM 99999999999999999999s", "character 6: longer than any wait"},
        {"TERM 35791395min", "character 6: longer than any wait"},
        {"TERM 30s\n", "character 8: expected ms, s or min"},
        {"TERM\0 30s"s, "character 1: " + signal},
    };
    for (const auto& [text, why] : texts) {
        CAPTURE(text);
        const std::string message = refusal(text);
        CHECK(message.find(why + " (") != std::string::npos);
        CHECK(message.find('\n') == std::string::npos);
    }
}

TEST_CASE("StopSchedule: a text has at most 16 steps, and a message does not repeat a long one",
          "[stop_schedule][unit]") {
    std::string text = "TERM 1s";
    for (int step = 2; step <= 16; ++step) text += ", TERM 1s";
    CHECK(parse_stop_schedule(text).steps.size() == 16);
    CHECK(refusal(text + ", TERM 1s").find("no more than 16 steps") != std::string::npos);
    CHECK(refusal(std::string(1 << 20, 'x')).size() < 300);
}
