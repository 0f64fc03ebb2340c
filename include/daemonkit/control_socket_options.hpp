// SPDX-License-Identifier: MIT
#pragma once
// ControlSocketOptions: where a control socket is, who may use it, and how much of the daemon they can take up. Floor 1.

#include <daemonkit/control_message.hpp>
#include <daemonkit/timeout.hpp>

#include <cstddef>  // std::size_t
#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>  // mode_t

namespace daemonkit {

/// How a control socket is made and served. Every field but the path has a default.
struct ControlSocketOptions {
    /// The socket: a name in a folder that belongs to the daemon, such as its runtime directory. At most 101 bytes where
    /// the system's own limit is 107 (Linux).
    std::string path;

    /// The mode of the socket, 0000-0777, whatever the umask: who may write may connect.
    mode_t mode = 0660;

    /// Its group, by name or number; absent: that of the daemon. The daemon has to be root, or a member.
    std::optional<std::string> group = {};

    /// Who is answered, among those whom the mode lets in. Empty: root and the daemon's own user; with a group,
    /// everybody whom the mode lets in.
    std::function<bool(const ControlPeer&)> allowed = {};

    /// How many clients are connected at a time. One more takes the place of the one that has kept the daemon waiting
    /// longest; where all of them ask without a pause, of the one that came first.
    std::size_t most_clients = 256;

    /// The most bytes of a request, without its newline.
    std::size_t longest_request = 4096;

    /// The most bytes of an answer as it is sent, with the status before each line; at least 128.
    std::size_t longest_answer = std::size_t{1} << 20U;

    /// How long a client may take to send a request, and again to receive the answer.
    Timeout patience = Timeout::seconds(10);
};

}  // namespace daemonkit
