// SPDX-License-Identifier: MIT
#pragma once
// SyslogSetup: what a SyslogClient is made of, or an Error that says what cannot be. Floor 4.

#include <daemonkit/detail/log_address.hpp>
#include <daemonkit/detail/log_socket.hpp>
#include <daemonkit/detail/structured_data.hpp>
#include <daemonkit/detail/syslog_form.hpp>
#include <daemonkit/detail/syslog_name.hpp>
#include <daemonkit/syslog_client_options.hpp>

#include <cerrno>
#include <cstddef>  // std::size_t
#include <string>
#include <string_view>
#include <variant>

namespace daemonkit::detail {

/// Where messages go, and in which form.
struct SyslogSetup {
    LogSocket::Kind socket = LogSocket::Kind::local;
    LogAddresses addresses;
    SyslogForm::Kind form = SyslogForm::Kind::local;
    SyslogForm::Names names;
    Rfc5424 details = {};
};

/// The name of this machine as messages have it: the one given, or what the system says, or `-`.
inline std::string hostname_in_messages(const std::string& given) {
    constexpr std::size_t longest = 255;  // HOSTNAME of RFC 5424
    if (!given.empty()) {
        if (as_word(given, longest) != given)
            throw Error(Step::open_syslog, given, EINVAL,
                        "the host name must be one word of at most 255 bytes");
        return given;
    }
    char name[longest + 1] = {};
    const bool known = sys::gethostname(name, longest).error == 0 && name[0] != '\0';
    return known ? as_word(name, longest) : "-";
}

/// Host and ident as the header of RFC 5424 can have them: ASCII, with `_` for any other byte.
inline void keep_ascii(SyslogForm::Names& names) noexcept {
    for (std::string* const name : {&names.hostname, &names.ident})
        for (char& byte : *name)
            if (static_cast<unsigned char>(byte) > 0x7e) byte = '_';
}

/// What the two kinds of host have in common.
template <class Host>
void set_up_host(SyslogSetup& setup, const Host& host, LogSocket::Kind kind) {
    setup.socket = kind;
    setup.form = SyslogForm::Kind::rfc3164;
    if (const auto* const form = std::get_if<Rfc5424>(&host.form)) {
        refuse_unwritable(*form);
        setup.form = SyslogForm::Kind::rfc5424;
        setup.details = *form;
    }
    setup.names.hostname = hostname_in_messages(host.hostname);
    if (setup.form == SyslogForm::Kind::rfc5424) keep_ascii(setup.names);
    setup.addresses = LogAddresses::of_host(host.host, host.port, LogSocket::type_of(kind));
}

/// The setup that the options describe.
///
/// Errors:   Step::open_syslog.
inline SyslogSetup syslog_setup(const SyslogClientOptions& options) {
    refuse_unreadable(options.ident, options.facility);
    SyslogSetup setup;
    setup.names.ident =
        options.ident.empty() ? as_word(sys::program_name(), longest_ident) : options.ident;
    setup.names.facility = options.facility;
    setup.names.pid = options.pid;
    if (const auto* const udp = std::get_if<UdpHost>(&options.to))
        set_up_host(setup, *udp, LogSocket::Kind::udp);
    else if (const auto* const tcp = std::get_if<TcpHost>(&options.to))
        set_up_host(setup, *tcp,
                    tcp->framing == TcpFraming::newline ? LogSocket::Kind::tcp_lines
                                                        : LogSocket::Kind::tcp);
    else
        setup.addresses = LogAddresses::of_path(std::get<LocalLog>(options.to).path);
    return setup;
}

}  // namespace daemonkit::detail
