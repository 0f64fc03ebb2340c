// SPDX-License-Identifier: MIT
// Datagrams that no honest client sends: probe_datagrams SOCKET VERB [NUMBER]
//
//   empty | oversize | binary | nameless (a request that cannot be answered) | descriptors (passes 20 of them)
//   garbage NUMBER   random bytes, NUMBER times
//   deaf NUMBER      asks 20 times from each of NUMBER addresses, reads no reply, and stays until it is killed
// stdout: how many were accepted.
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

::sockaddr_un address{};
int server = -1;
int accepted = 0;

bool connect() {
    server = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return ::connect(server, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) == 0;
}

void send(const std::string& text) {
    if (::send(server, text.data(), text.size(), MSG_NOSIGNAL) >= 0) ++accepted;
}

void send_descriptors() {
    std::string text = "send with descriptors";
    ::iovec data{text.data(), text.size()};
    std::vector<int> descriptors(20, 0);
    alignas(::cmsghdr) char control[CMSG_SPACE(20 * sizeof(int))] = {};
    ::msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ::cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(20 * sizeof(int));
    std::memcpy(CMSG_DATA(header), descriptors.data(), 20 * sizeof(int));
    if (::sendmsg(server, &message, MSG_NOSIGNAL) >= 0) ++accepted;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 64;
    const std::string path = argv[1];
    const std::string verb = argv[2];
    const int number = argc > 3 ? std::atoi(argv[3]) : 1;
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (!connect()) return 69;
    std::mt19937 random(4711);
    for (int time = 0; time < number; ++time) {
        if (verb == "empty") send("");
        if (verb == "oversize") send("send " + std::string(60'000, 'x'));
        if (verb == "binary") send(std::string("send \0\n\x1b[2J\xff", 11));
        if (verb == "nameless") send("ask counts");
        if (verb == "deaf") {
            connect();  // with an address of its own, and without closing the one before
            ::sockaddr_un any{};
            any.sun_family = AF_UNIX;
            ::bind(server, reinterpret_cast<const ::sockaddr*>(&any), sizeof any.sun_family);
            for (int request = 0; request < 20; ++request) send("ask counts");
        }
        if (verb == "descriptors") send_descriptors();
        if (verb == "garbage") {
            std::string text(random() % 4000, '\0');
            for (char& byte : text) byte = static_cast<char>(random());
            send(text);
        }
    }
    std::printf("%d\n", accepted);
    std::fflush(stdout);
    if (verb == "deaf") ::pause();
}
