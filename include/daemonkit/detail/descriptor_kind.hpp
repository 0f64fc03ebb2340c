// SPDX-License-Identifier: MIT
#pragma once
// What a descriptor is, by where its link in /proc leads. Floor 2. Nothing is opened or asked of what it leads to: a file
// system that does not answer holds up nobody here.

#include <daemonkit/detail/proc_text.hpp>
#include <daemonkit/process_report.hpp>

#include <string_view>

#include <fcntl.h>  // O_CLOEXEC

namespace daemonkit::detail {

/// True when the text begins with that.
inline bool begins_with(std::string_view text, std::string_view begin) noexcept {
    return text.substr(0, begin.size()) == begin;
}

/// The kind of what the link leads to; only a path begins with a slash.
inline DescriptorKind descriptor_kind(std::string_view target) noexcept {
    if (begins_with(target, "pipe:[")) return DescriptorKind::pipe;
    if (begins_with(target, "socket:[")) return DescriptorKind::socket;
    if (begins_with(target, "("))
        return DescriptorKind::file;  // `(unreachable)` in the kernel's words
    if (!begins_with(target, "/") || begins_with(target, "/memfd:"))
        return DescriptorKind::anonymous;
    if (target == "/dev/null") return DescriptorKind::null;
    if (begins_with(target, "/dev/pts/") && target != "/dev/pts/ptmx")
        return DescriptorKind::terminal;
    if (begins_with(target, "/dev/tty") || target == "/dev/console")
        return DescriptorKind::terminal;
    const bool is_file = begins_with(target, "/dev/shm/") || begins_with(target, "/dev/mqueue/") ||
                         begins_with(target, "/dev/hugepages/");
    return begins_with(target, "/dev/") && !is_file ? DescriptorKind::device : DescriptorKind::file;
}

/// The flags, and whether a lock is held, from /proc/PID/fdinfo/FD.
///
/// Source:   proc_pid_fdinfo(5): the flags in octal, O_CLOEXEC among them; locks stand before what is of the kind.
inline void fill_from_fdinfo(ProcessDescriptor& descriptor, std::string_view text) {
    descriptor.flags = labelled_number<int>(text, "flags:", 8);
    descriptor.is_locked = descriptor.flags ? Known<bool>(labelled(text, "lock:").has_value())
                                            : Known<bool>::unknown(descriptor.flags.error());
}

}  // namespace daemonkit::detail
