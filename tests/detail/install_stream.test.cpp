// SPDX-License-Identifier: MIT
#include <daemonkit/detail/install_stream.hpp>

#include "catch.hpp"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <unistd.h>

using namespace daemonkit;
using daemonkit::detail::install_stream;

namespace {

// stdin is the stream of these tests; what it was is there again at the end.
class StdinKept {
public:
    StdinKept() : saved_(::fcntl(0, F_DUPFD_CLOEXEC, 100)), flags_(::fcntl(0, F_GETFD)) {}
    ~StdinKept() {
        ::dup2(saved_, 0);
        ::fcntl(0, F_SETFD, flags_);
        ::close(saved_);
    }
    StdinKept(const StdinKept&) = delete;
    StdinKept& operator=(const StdinKept&) = delete;

    int saved() const { return saved_; }

private:
    int saved_;
    int flags_;
};

Error refusal(int source) {
    try {
        install_stream(source, Stream::in);
    } catch (const Error& error) {
        return error;
    }
    return {Step::application, "nothing was thrown", 0};
}

}  // namespace

TEST_CASE("install_stream: the stream is kept across exec, and the source stays as it was",
          "[detail][unit]") {
    const StdinKept kept;
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE(null > 2);
    install_stream(null, Stream::in);
    CHECK(::fcntl(0, F_GETFD) == 0);
    CHECK(::fcntl(null, F_GETFD) == FD_CLOEXEC);
    ::close(null);
}

TEST_CASE("install_stream: a closed stream is opened", "[detail][unit]") {
    const StdinKept kept;
    ::close(0);
    install_stream(kept.saved(), Stream::in);
    CHECK(::fcntl(0, F_GETFD) == 0);
}

TEST_CASE("install_stream: a descriptor onto itself loses close-on-exec", "[detail][unit]") {
    const StdinKept kept;
    REQUIRE(::fcntl(0, F_SETFD, FD_CLOEXEC) == 0);
    install_stream(0, Stream::in);
    CHECK(::fcntl(0, F_GETFD) == 0);
}

TEST_CASE("install_stream: a source that is not open leaves the stream as it is",
          "[detail][unit]") {
    const StdinKept kept;
    const Error other = refusal(987);
    CHECK(other.step() == Step::redirect_stream);
    CHECK(other.subject() == "stdin");
    CHECK(other.code().value() == EBADF);
    CHECK(::fcntl(0, F_GETFD) != -1);

    ::close(0);
    CHECK(refusal(0).code().value() == EBADF);
}
