// SPDX-License-Identifier: MIT
#include <daemonkit/detail/local_address.hpp>
#include <daemonkit/detail/log_address.hpp>
#include <daemonkit/detail/notify_address.hpp>

#include "../catch.hpp"

#include <cerrno>
#include <cstddef>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>

using namespace daemonkit;
using namespace daemonkit::detail;

namespace {

constexpr std::size_t header = offsetof(::sockaddr_un, sun_path);

/// The bytes of the address behind its family.
std::string name_of(const ::sockaddr_storage& storage, socklen_t size) {
    CHECK(storage.ss_family == AF_UNIX);
    REQUIRE(size > header);
    return {reinterpret_cast<const char*>(&storage) + header, size - header};
}

int error_of(const std::string& path) {
    try {
        static_cast<void>(LocalAddress(path, Step::open_syslog));
        return 0;
    } catch (const Error& error) {
        CHECK(error.step() == Step::open_syslog);
        return error.code().value();
    }
}

}  // namespace

TEST_CASE("LocalAddress: whoever makes one from a path makes the same", "[local_address][unit]") {
    const std::string path = GENERATE(as<std::string>{}, "/x", "/" + std::string(106, 'x'));
    const std::string expected = path + '\0';
    const LocalAddress local(path, Step::open_syslog);
    CHECK(name_of(local.storage, local.size) == expected);
    const auto notify = NotifyAddress::parse(path);
    CHECK(name_of(notify.storage, notify.size) == expected);
    const auto log = LogAddresses::of_path(path);
    REQUIRE(log.count() == 1);
    CHECK(name_of(log[0].storage, log[0].size) == expected);
}

TEST_CASE("LocalAddress: a name that is no path has no end but its size", "[local_address][unit]") {
    const std::string rest = GENERATE(as<std::string>{}, "x", std::string(107, 'x'));
    const auto address = NotifyAddress::parse("@" + rest);
    CHECK(name_of(address.storage, address.size) == '\0' + rest);
}

TEST_CASE("LocalAddress: what cannot be one is no address, or an error where there has to be one",
          "[local_address][unit]") {
    CHECK(error_of("") == EINVAL);
    CHECK(error_of(std::string("/a\0b", 4)) == EINVAL);
    CHECK(error_of("/" + std::string(107, 'x')) == ENAMETOOLONG);
    ::sockaddr_storage storage{};
    for (const std::string& name :
         {std::string(), std::string("/a\0b", 4), "/" + std::string(107, 'x')}) {
        CHECK(make_local_address(storage, name) == 0);
        CHECK(NotifyAddress::parse(name).size == 0);
    }
    CHECK(make_local_address(storage, "@" + std::string(108, 'x'), LocalName::abstract) == 0);
    CHECK(NotifyAddress::parse("@").size == 0);
    CHECK(storage.ss_family == AF_UNSPEC);
}
