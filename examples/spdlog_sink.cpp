// SPDX-License-Identifier: MIT
// A program that logs with spdlog: its messages go to a sink of daemonkit, and spdlog keeps its patterns and levels.
#include <daemonkit/log_sink.hpp>
#include <daemonkit/stderr_sink.hpp>

#include <memory>
#include <mutex>
#include <string_view>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

namespace {

// [adapter]
constexpr daemonkit::Severity severity_of(spdlog::level::level_enum level) noexcept {
    switch (level) {
        case spdlog::level::critical: return daemonkit::Severity::critical;
        case spdlog::level::err: return daemonkit::Severity::error;
        case spdlog::level::warn: return daemonkit::Severity::warning;
        case spdlog::level::info: return daemonkit::Severity::info;
        default: return daemonkit::Severity::debug;
    }
}

// A sink of daemonkit, as one of spdlog. The sink has to live as long as this.
template <daemonkit::LogSink Sink>
class SpdlogSink : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit SpdlogSink(Sink& target) : target_(target) { set_pattern_("%v"); }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const auto severity = severity_of(message.level);
        if (!target_.is_enabled(severity)) return;
        spdlog::memory_buf_t text;
        formatter_->format(message, text);
        target_.write(severity, std::string_view(text.data(), text.size()));
    }
    void flush_() override {}  // nothing is kept back

private:
    Sink& target_;
};
// [adapter]

}  // namespace

int main() {
    const daemonkit::StderrSink sink({.prefix = daemonkit::SeverityPrefix::always});
    spdlog::logger log("thermod", std::make_shared<SpdlogSink<const daemonkit::StderrSink>>(sink));
    log.set_level(spdlog::level::info);
    log.debug("not sent");
    log.info("started with {} sensors", 3);
    log.warn("two\nlines");
    log.critical("{:.1f} degrees", 95.04);
}
