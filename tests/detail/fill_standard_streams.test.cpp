// SPDX-License-Identifier: MIT
#include <daemonkit/detail/fill_standard_streams.hpp>

#include "catch.hpp"
#include "process_probe.hpp"

#include <cerrno>
#include <string>
#include <vector>

using namespace daemonkit::testkit;

namespace {

// 0-2 and the first descriptor above them; the probe's own are the null device, and two pipes that lead one way.
std::string streams(const Finished& finished) {
    return finished["fd0"] + ", " + finished["fd1"] + ", " + finished["fd2"] + ", " +
           finished["fd3"];
}

}  // namespace

TEST_CASE("FilledStreams: what is open stays, what is closed becomes the null device",
          "[detail][process]") {
    const std::string closed = GENERATE("", "0", "1", "2", "01", "02", "12", "012");
    CAPTURE(closed);
    const auto is_closed = [&](char fd) { return closed.find(fd) != std::string::npos; };
    std::string filled = "both ways";
    for (const char fd : {'1', '2'}) filled += is_closed(fd) ? ", both ways" : ", one way";
    filled += ", closed";

    const auto run = [&](const std::vector<std::string>& verbs) {
        std::vector<std::string> all{"close:3"};
        for (const char fd : closed) all.push_back(std::string("close:") + fd);
        all.insert(all.end(), verbs.begin(), verbs.end());
        all.emplace_back("streams");
        return streams(ask_process(all));
    };
    const std::string fill = GENERATE("fill", "fill-known");
    CHECK(run({fill}) == filled);
    CHECK(run({fill, "keep", "unfill"}) == filled);
    CHECK(run({fill, "unfill"}) == run({}));  // the destructor closes what it opened
}

TEST_CASE("FilledStreams: without a null device the start fails and closes what it opened",
          "[detail][process][fault]") {
    const int error = GENERATE(EMFILE, ENFILE, ENOENT, EACCES);
    const std::string occurrence = GENERATE("1", "2", "3");
    const std::string sticky = GENERATE("", ":sticky");
    const Finished finished = ask_process(
        {"close:3", "close:0", "close:1", "close:2", "fill", "streams"},
        {{"DAEMONKIT_FAULT", "open:" + occurrence + ":" + std::to_string(error) + sticky}});
    INFO(finished.out);
    CHECK(finished["error"] == "fill_standard_streams");
    CHECK(finished["errno"] == std::to_string(error));
    CHECK(finished["message"].find("/dev/null") != std::string::npos);
    CHECK(finished["status"] == "71");
    CHECK(streams(finished) == "closed, closed, closed, closed");
}

TEST_CASE("FilledStreams: an interrupted open is made again", "[detail][process][fault]") {
    const Finished finished =
        ask_process({"close:3", "close:1", "fill", "streams"}, {{"DAEMONKIT_FAULT", "open:1:4"}});
    CHECK(finished["error"] == "(no error)");
    CHECK(streams(finished) == "both ways, both ways, one way, closed");
}

TEST_CASE("FilledStreams: where poll is refused, each descriptor is asked by itself",
          "[detail][process][fault]") {
    const Finished finished =
        ask_process({"close:3", "close:0", "close:2", "fill", "streams"},
                    {{"DAEMONKIT_FAULT", "poll:1:" + std::to_string(EINVAL) + ":sticky"}});
    CHECK(finished["error"] == "(no error)");
    CHECK(streams(finished) == "both ways, one way, both ways, closed");
}
