// SPDX-License-Identifier: MIT
#pragma once
// All public headers but fmt.hpp, which needs a library of its own. Floor 9.
//
// For a first try, or for a tool; a program that lasts includes what it uses, and compiles in a third of the time.

// IWYU pragma: begin_exports
#include <daemonkit/bootstrap_log.hpp>
#include <daemonkit/change_root.hpp>
#include <daemonkit/checklist_line.hpp>
#include <daemonkit/child_options.hpp>
#include <daemonkit/child_process.hpp>
#include <daemonkit/child_result.hpp>
#include <daemonkit/code_location.hpp>
#include <daemonkit/context.hpp>
#include <daemonkit/context_options.hpp>
#include <daemonkit/control_client.hpp>
#include <daemonkit/control_message.hpp>
#include <daemonkit/control_socket.hpp>
#include <daemonkit/control_socket_options.hpp>
#include <daemonkit/control_thread.hpp>
#include <daemonkit/credential.hpp>
#include <daemonkit/daemon_checklist.hpp>
#include <daemonkit/define_service.hpp>
#include <daemonkit/environment.hpp>
#include <daemonkit/error.hpp>
#include <daemonkit/exit_status.hpp>
#include <daemonkit/facility.hpp>
#include <daemonkit/fd_redirect.hpp>
#include <daemonkit/fwd.hpp>
#include <daemonkit/inspect.hpp>
#include <daemonkit/journal_field.hpp>
#include <daemonkit/journal_sink.hpp>
#include <daemonkit/known.hpp>
#include <daemonkit/listen_fds.hpp>
#include <daemonkit/log_file.hpp>
#include <daemonkit/log_file_options.hpp>
#include <daemonkit/log_sink.hpp>
#include <daemonkit/memory_pressure.hpp>
#include <daemonkit/notify.hpp>
#include <daemonkit/pid_lock.hpp>
#include <daemonkit/plan.hpp>
#include <daemonkit/privilege_options.hpp>
#include <daemonkit/privileges.hpp>
#include <daemonkit/process_handle.hpp>
#include <daemonkit/process_report.hpp>
#include <daemonkit/process_text.hpp>
#include <daemonkit/reap_children.hpp>
#include <daemonkit/reload.hpp>
#include <daemonkit/reload_notifier.hpp>
#include <daemonkit/run.hpp>
#include <daemonkit/run_as_init.hpp>
#include <daemonkit/running_service.hpp>
#include <daemonkit/runtime_directory.hpp>
#include <daemonkit/service.hpp>
#include <daemonkit/service_control.hpp>
#include <daemonkit/service_definition.hpp>
#include <daemonkit/service_directories.hpp>
#include <daemonkit/service_main.hpp>
#include <daemonkit/service_options.hpp>
#include <daemonkit/service_result.hpp>
#include <daemonkit/service_status.hpp>
#include <daemonkit/severity.hpp>
#include <daemonkit/severity_mask.hpp>
#include <daemonkit/signal_info.hpp>
#include <daemonkit/signal_set.hpp>
#include <daemonkit/spawn.hpp>
#include <daemonkit/stderr_sink.hpp>
#include <daemonkit/stop_on.hpp>
#include <daemonkit/stop_schedule.hpp>
#include <daemonkit/stream_target.hpp>
#include <daemonkit/syslog_client.hpp>
#include <daemonkit/syslog_client_options.hpp>
#include <daemonkit/syslog_sink.hpp>
#include <daemonkit/timeout.hpp>
#include <daemonkit/version.hpp>
#include <daemonkit/watchdog.hpp>
// IWYU pragma: end_exports
