// SPDX-License-Identifier: MIT
#pragma once
// JournalReceiver: journald's end of its socket, which takes entries apart byte by byte. Every wait is bounded.

#include "catch.hpp"
#include "temp_folder.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace daemonkit::testkit {

/// One entry, as it came.
struct JournalRecord {
    std::vector<std::pair<std::string, std::string>> fields = {};
    pid_t pid = 0;           ///< of the sender, as the kernel tells it
    bool as_file = false;    ///< it came as a descriptor
    int seals = -1;          ///< of that; -1 where it cannot be sealed
    std::string bytes = {};  ///< before they were taken apart

    /// The value of the only field of that name; anything else is told in its place.
    std::string operator[](const std::string& name) const {
        std::optional<std::string> found;
        for (const auto& [each, value] : fields) {
            if (each != name) continue;
            if (found) return "(more than one " + name + ")";
            found = value;
        }
        return found.value_or("(no " + name + ")");
    }
};

/// Fields of an entry; what is not exactly the form fails the test.
inline std::vector<std::pair<std::string, std::string>> parsed_entry(std::string rest) {
    std::vector<std::pair<std::string, std::string>> fields;
    while (!rest.empty()) {
        const auto end = rest.find_first_of("=\n");
        REQUIRE(end != std::string::npos);
        const std::string name = rest.substr(0, end);
        REQUIRE_FALSE(name.empty());
        REQUIRE(name.size() <= 64);
        REQUIRE(name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
                std::string::npos);
        const bool has_size = rest[end] == '\n';
        rest.erase(0, end + 1);
        std::size_t size = rest.find('\n');
        if (has_size) {
            REQUIRE(rest.size() >= 8);
            std::uint64_t told = 0;
            for (int at = 7; at >= 0; --at)
                told = told << 8U | static_cast<unsigned char>(rest[static_cast<std::size_t>(at)]);
            rest.erase(0, 8);
            size = static_cast<std::size_t>(told);
        }
        REQUIRE(size < rest.size());
        REQUIRE(rest[size] == '\n');
        fields.emplace_back(name, rest.substr(0, size));
        rest.erase(0, size + 1);
    }
    return fields;
}

/// Something that entries are sent to. It can go away and come back at the same address.
class JournalReceiver {
public:
    explicit JournalReceiver(std::string path) : path_(std::move(path)) { start(); }
    ~JournalReceiver() { stop(); }
    JournalReceiver(const JournalReceiver&) = delete;
    JournalReceiver& operator=(const JournalReceiver&) = delete;

    void start() {
        socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1;
        ::setsockopt(socket_, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
        ::sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    /// Nobody listens any more, and what was not read is lost.
    void stop() {
        if (socket_ >= 0) ::close(std::exchange(socket_, -1));
        ::unlink(path_.c_str());
    }

    /// The next entry; nothing when none comes within the time.
    std::optional<JournalRecord> receive(
        std::chrono::milliseconds limit = std::chrono::seconds(5)) {
        ::pollfd set{socket_, POLLIN, 0};
        if (::poll(&set, 1, static_cast<int>(limit.count())) != 1) return {};
        alignas(::cmsghdr) std::array<char, 256> control;
        ::iovec piece{buffer_.data(), buffer_.size()};
        ::msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t size = ::recvmsg(socket_, &message, MSG_CMSG_CLOEXEC);
        REQUIRE(size >= 0);
        JournalRecord record;
        record.bytes.assign(buffer_.data(), static_cast<std::size_t>(size));
        for (::cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
             each = CMSG_NXTHDR(&message, each)) {
            if (each->cmsg_type == SCM_CREDENTIALS) {
                ::ucred sender{};
                std::memcpy(&sender, CMSG_DATA(each), sizeof sender);
                record.pid = sender.pid;
            } else if (each->cmsg_type == SCM_RIGHTS) {
                int file = -1;
                std::memcpy(&file, CMSG_DATA(each), sizeof file);
                REQUIRE(size == 0);  // journald reads either the one or the other
                read_file(record, file);
            }
        }
        record.fields = parsed_entry(record.bytes);
        return record;
    }
    JournalRecord next() {
        auto record = receive();
        REQUIRE(record);
        return *record;
    }
    /// The messages of all entries that were sent so far.
    std::vector<std::string> messages(
        std::chrono::milliseconds quiet = std::chrono::milliseconds(0)) {
        std::vector<std::string> all;
        while (const auto record = receive(quiet)) all.push_back((*record)["MESSAGE"]);
        return all;
    }

private:
    static void read_file(JournalRecord& record, int file) {
        struct ::stat status {};
        REQUIRE(::fstat(file, &status) == 0);
        record.as_file = true;
        const int seals = ::fcntl(file, F_GET_SEALS);
        record.seals = seals < 0 ? 0 : seals;  // a file of a kind that cannot be sealed has none
        record.bytes.resize(static_cast<std::size_t>(status.st_size));
        REQUIRE(::pread(file, record.bytes.data(), record.bytes.size(), 0) == status.st_size);
        ::close(file);
    }

    std::string path_;
    int socket_ = -1;
    std::vector<char> buffer_ = std::vector<char>(1U << 20U);
};

/// A receiver in a folder of its own.
struct TestJournal {
    TempFolder folder = {};
    std::string path = folder / "socket";
    JournalReceiver receiver{path};
};

}  // namespace daemonkit::testkit
