// SPDX-License-Identifier: MIT
// A SignalSet in a libuv loop: says "reloaded" at SIGHUP, and ends at SIGTERM.
#include <daemonkit/signal_set.hpp>

#include <uv.h>

#include <csignal>
#include <cstdio>

static bool say(const char* text) { return std::puts(text) >= 0 && std::fflush(stdout) == 0; }

int main(int, char** argv) try {
    ::uv_loop_t loop;
    if (::uv_loop_init(&loop) != 0) return 71;
    // [libuv]
    daemonkit::SignalSet signals({SIGTERM});
    signals.on(SIGHUP, [] { say("reloaded"); });
    ::uv_poll_t readable;
    readable.data = &signals;
    if (::uv_poll_init(&loop, &readable, signals.native_handle()) != 0) return 71;
    ::uv_poll_start(&readable, UV_READABLE, [](::uv_poll_t* handle, int, int) {
        auto& set = *static_cast<daemonkit::SignalSet*>(handle->data);
        while (const auto signal = set.poll())
            if (!set.dispatch(*signal)) ::uv_poll_stop(handle);  // the loop has nothing left
    });
    // [libuv]
    if (!say("ready")) return 74;
    ::uv_run(&loop, UV_RUN_DEFAULT);
    ::uv_close(reinterpret_cast<::uv_handle_t*>(&readable), nullptr);
    ::uv_run(&loop, UV_RUN_DEFAULT);
    ::uv_loop_close(&loop);
    return say("ended") ? 0 : 74;
} catch (const daemonkit::Error& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return error.exit_status();
}
