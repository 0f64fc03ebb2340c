// SPDX-License-Identifier: MIT
#include <daemonkit/credential.hpp>

#include "catch.hpp"
#include "fault/with_fault.hpp"
#include "not_tested.hpp"
#include "temp_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace daemonkit;
using namespace daemonkit::testkit;
using namespace std::string_literals;
using daemonkit::fault::Repeat;
namespace fs = std::filesystem;

namespace {

// The folder of the credentials, as the environment names it.
struct Credentials : TempFolder {
    Credentials() { ::setenv("CREDENTIALS_DIRECTORY", path().c_str(), 1); }
    ~Credentials() { ::unsetenv("CREDENTIALS_DIRECTORY"); }
    Credentials(const Credentials&) = delete;
    Credentials& operator=(const Credentials&) = delete;

    void put(const std::string& name, const std::string& content) const {
        std::ofstream(path() / name, std::ios::binary) << content;
    }
};

std::optional<Error> refusal_of(const std::string& name) {
    const Outcome outcome = with_fault("no call", 1, EIO, Repeat::once,
                                       [&] { static_cast<void>(read_credential(name)); });
    if (outcome.error) CHECK(outcome.error->step() == Step::read_credential);
    return outcome.error;
}

}  // namespace

TEST_CASE("read_credential: the bytes of the file, whatever they are", "[credential][unit]") {
    const Credentials credentials;
    const std::string content = GENERATE("secret\n"s, ""s, "a\0b\xff"s, std::string(100'000, 'x'),
                                         std::string(std::size_t{1} << 20U, 'y'));
    credentials.put("tls.key", content);
    const auto read = read_credential("tls.key");
    REQUIRE(read);
    CHECK((*read == content));
}

TEST_CASE("read_credential: one that is not there is nothing", "[credential][unit]") {
    {
        const Credentials credentials;
        CHECK_FALSE(read_credential("missing"));
        ::setenv("CREDENTIALS_DIRECTORY", (credentials / "missing").c_str(), 1);
        CHECK_FALSE(read_credential("missing"));
        ::setenv("CREDENTIALS_DIRECTORY", "", 1);
        CHECK_FALSE(read_credential("etc"));
    }
    CHECK_FALSE(read_credential("missing"));
}

TEST_CASE("read_credential: a name that could lead elsewhere is refused", "[credential][unit]") {
    const Credentials credentials;
    const std::string name =
        GENERATE(""s, "."s, ".."s, "a/b"s, "../x"s, "/etc/passwd"s, "a:b"s, "a\nb"s, "a\0b"s,
                 "\x7f"s, "\xc3\xa4"s, std::string(256, 'x'));
    CAPTURE(name);
    const auto error = refusal_of(name);
    REQUIRE(error);
    CHECK(error->code().value() == EINVAL);
    CHECK(error->exit_status() == 78);
}

TEST_CASE("read_credential: what is no file of the service's is refused, and holds up nobody",
          "[credential][unit]") {
    const Credentials credentials;
    credentials.put("real", "secret");
    const std::string name = credentials / "x";
    int number = EINVAL;
    SECTION("a folder") { fs::create_directory(name); }
    SECTION("a FIFO") { REQUIRE(::mkfifo(name.c_str(), 0600) == 0); }
    SECTION("a socket") {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ::sockaddr_un local{};
        local.sun_family = AF_UNIX;
        name.copy(local.sun_path, sizeof local.sun_path - 1);
        REQUIRE(::bind(fd, reinterpret_cast<::sockaddr*>(&local), sizeof local) == 0);
        ::close(fd);
        number = ENXIO;
    }
    SECTION("a link to a file in the folder") {
        fs::create_symlink(credentials / "real", name);
        number = ELOOP;
    }
    SECTION("a link to a file elsewhere") {
        fs::create_symlink("/etc/passwd", name);
        number = ELOOP;
    }
    SECTION("a link to nothing") {
        fs::create_symlink("/missing", name);
        number = ELOOP;
    }
    SECTION("a file of more than 1 MiB") {
        credentials.put("x", std::string((std::size_t{1} << 20U) + 1, 'x'));
        number = EFBIG;
    }
    const auto error = refusal_of("x");
    REQUIRE(error);
    CHECK(error->subject() == name);
    CHECK(error->code().value() == number);
}

TEST_CASE("read_credential: a folder that is not absolute is refused", "[credential][unit]") {
    const Credentials credentials;
    ::setenv("CREDENTIALS_DIRECTORY", ".", 1);
    const auto error = refusal_of("x");
    REQUIRE(error);
    CHECK(std::string(error->what()).find("$CREDENTIALS_DIRECTORY has to be absolute") !=
          std::string::npos);
}

TEST_CASE("read_credential: one that this user may not read is an error, not none",
          "[credential][unit]") {
    if (::geteuid() == 0) return not_tested("root may read everything");
    const Credentials credentials;
    credentials.put("x", "secret");
    REQUIRE(::chmod((credentials / "x").c_str(), 0) == 0);
    const auto error = refusal_of("x");
    REQUIRE(error);
    CHECK(error->code().value() == EACCES);
    CHECK(error->exit_status() == 77);
}

TEST_CASE("read_credential: a file that grows while it is read is read, or refused",
          "[credential][unit]") {
    const int fd = ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd == -1) return not_tested("the file system has no nameless files");
    const std::string content(5000, 'x');
    REQUIRE(::pwrite(fd, content.data(), content.size(), 0) == 5000);
    CHECK(detail::read_secret(fd, 10, "x") == content);
    REQUIRE(::ftruncate(fd, (off_t{1} << 20U) + 1) == 0);
    REQUIRE(::lseek(fd, 0, SEEK_SET) == 0);
    CHECK_THROWS_AS(detail::read_secret(fd, 10, "x"), Error);
    ::close(fd);
}

TEST_CASE("read_credential: whichever call fails, it is told, without what was read",
          "[credential][unit][fault]") {
    const Credentials credentials;
    credentials.put("x", "secret");
    const auto [call, number] = GENERATE(table<const char*, int>(
        {{"open", EACCES}, {"open", EMFILE}, {"fstat", EIO}, {"read", EIO}, {"read", EISDIR}}));
    CAPTURE(call, number);
    const auto occurrence = static_cast<std::uint32_t>(GENERATE(1, 2));
    const int descriptors = open_descriptors();
    std::optional<std::string> read;
    const Outcome outcome =
        with_fault(call, occurrence, number, Repeat::once, [&] { read = read_credential("x"); });
    CHECK(open_descriptors() == descriptors);
    if (outcome.hits == 0) {
        CHECK(read == "secret");
        return;
    }
    REQUIRE(outcome.error);
    CHECK(outcome.error->step() == Step::read_credential);
    CHECK(outcome.error->code().value() == number);
    CHECK(outcome.error->exit_status() == (number == EACCES ? 77 : 78));
    CHECK(std::string(outcome.error->what()).find("secret") == std::string::npos);
}

TEST_CASE("read_credential: interrupted calls are made again", "[credential][unit][fault]") {
    const Credentials credentials;
    credentials.put("x", "secret");
    const char* const call = GENERATE("open", "read");
    std::optional<std::string> read;
    const Outcome outcome =
        with_fault(call, 1, EINTR, Repeat::once, [&] { read = read_credential("x"); });
    CHECK(outcome.hits == 1);
    CHECK(read == "secret");
}
