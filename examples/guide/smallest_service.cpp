// SPDX-License-Identifier: MIT
// A whole service: verbs, a control socket, and a body that is one loop.
//
//   guide_smallest_service start|stop|restart|reload|status|run
// [service]
#include <daemonkit/service_main.hpp>

#include <chrono>
#include <cstdio>

int main(int argc, char** argv) {
    using namespace std::chrono_literals;
    const daemonkit::Service thermod({.name = "thermod"}, [](daemonkit::RunningService& service) {
        while (!service.wait_for(5s)) {  // until it is to stop
            std::puts("21 degrees");
            std::fflush(stdout);  // so that a log has it at once
        }
    });
    return daemonkit::service_main(thermod, argc, argv);
}
// [service]
