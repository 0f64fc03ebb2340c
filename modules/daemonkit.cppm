// SPDX-License-Identifier: MIT
// The library as a C++20 module: `import daemonkit;`. Experimental: see docs/platforms.md.
//
// Every public name of every public header; scripts/check-module compares. Macros do not cross: a program that asks for the
// version as numbers includes <daemonkit/version.hpp>. With DAEMONKIT_WITH_FMT defined, daemonkit/fmt.hpp is part of it.
module;

#include <daemonkit/daemonkit.hpp>
#ifdef DAEMONKIT_WITH_FMT
#include <daemonkit/fmt.hpp>
#endif

export module daemonkit;

export namespace daemonkit {

// bootstrap_log.hpp
using daemonkit::ReplayedTime;
using daemonkit::BootstrapLogOptions;
using daemonkit::BootstrapLog;

// change_root.hpp
using daemonkit::change_root;

// checklist_line.hpp
using daemonkit::Mark;
using daemonkit::ChecklistLine;
using daemonkit::to_string;

// child_options.hpp
using daemonkit::LineSink;
using daemonkit::ChildInput;
using daemonkit::ChildOutput;
using daemonkit::ChildOptions;

// child_process.hpp
using daemonkit::ChildProcess;
using daemonkit::run_child;

// child_result.hpp
using daemonkit::EndedBy;
using daemonkit::ChildResult;

// code_location.hpp
using daemonkit::CodeLocation;

// context.hpp
using daemonkit::DaemonContext;
using daemonkit::DetachDecision;

// context_options.hpp
using daemonkit::Detach;
using daemonkit::OtherThreads;
using daemonkit::CloseInherited;
using daemonkit::CoreDumps;
using daemonkit::ReadyWhen;
using daemonkit::SignalRule;
using daemonkit::ResourceLimit;
using daemonkit::StartHooks;
using daemonkit::DaemonOptions;

// control_client.hpp
using daemonkit::ask;

// control_message.hpp
using daemonkit::ControlPeer;
using daemonkit::ControlRequest;
using daemonkit::ControlAnswer;

// control_socket.hpp
using daemonkit::ControlSocket;

// control_socket_options.hpp
using daemonkit::ControlSocketOptions;

// control_thread.hpp
using daemonkit::ControlThread;

// credential.hpp
using daemonkit::read_credential;

// daemon_checklist.hpp
using daemonkit::daemon_checklist;

// define_service.hpp
using daemonkit::DefinitionKind;
using daemonkit::DefinitionWord;
using daemonkit::definition_words;
using daemonkit::definition_kind;
using daemonkit::define_service;

// environment.hpp
using daemonkit::InheritedEnvironment;
using daemonkit::Environment;

// error.hpp
using daemonkit::Step;
using daemonkit::Error;

// exit_status.hpp
using daemonkit::CoreImage;
using daemonkit::ExitStatus;

// facility.hpp
using daemonkit::Facility;
using daemonkit::SyslogPid;

// fd_redirect.hpp
using daemonkit::FdRedirect;

// fmt.hpp
#ifdef DAEMONKIT_WITH_FMT
using daemonkit::LogFormat;
using daemonkit::log;
#endif

// inspect.hpp
using daemonkit::InspectOptions;
using daemonkit::inspect;
using daemonkit::inspect_vitals;

// journal_field.hpp
using daemonkit::JournalFieldName;
using daemonkit::JournalField;

// journal_sink.hpp
using daemonkit::journal_is_listening;
using daemonkit::JournalSinkOptions;
using daemonkit::JournalSink;

// known.hpp
using daemonkit::Known;

// listen_fds.hpp
using daemonkit::ListenKind;
using daemonkit::ListenFd;
using daemonkit::ListenFds;

// log_file.hpp
using daemonkit::LogFile;

// log_file_options.hpp
using daemonkit::LogFileOptions;

// log_sink.hpp
using daemonkit::LogSink;

// memory_pressure.hpp
using daemonkit::PressureNews;
using daemonkit::MemoryPressure;
using daemonkit::watch_memory_pressure;

// notify.hpp
using daemonkit::StoredUntil;
using daemonkit::Notifier;

// pid_lock.hpp
using daemonkit::PidLockOptions;
using daemonkit::PidLockHolder;
using daemonkit::PidLock;

// plan.hpp
using daemonkit::PlannedStep;
using daemonkit::plan;
using daemonkit::check;

// privilege_options.hpp
using daemonkit::SupplementaryGroups;
using daemonkit::NewPrivileges;
using daemonkit::PathAccess;
using daemonkit::PathRule;
using daemonkit::Confinement;
using daemonkit::Privileges;

// privileges.hpp
using daemonkit::PrivilegeDrop;

// process_handle.hpp
using daemonkit::ProcessHandle;

// process_report.hpp
using daemonkit::ProcessState;
using daemonkit::ProcessIds;
using daemonkit::ProcessTerminal;
using daemonkit::ProcessSignals;
using daemonkit::ProcessCapabilities;
using daemonkit::ProcessLimit;
using daemonkit::DescriptorKind;
using daemonkit::ProcessDescriptor;
using daemonkit::ProcessDescriptors;
using daemonkit::ProcessThread;
using daemonkit::ProcessThreads;
using daemonkit::ProcessMemory;
using daemonkit::ProcessNamespace;
using daemonkit::ProcessChildren;
using daemonkit::ProcessVitals;
using daemonkit::ProcessReport;

// process_text.hpp
using daemonkit::to_text;

// reap_children.hpp
using daemonkit::EndedChild;
using daemonkit::reap_children;

// reload.hpp
using daemonkit::ReloadListener;
using daemonkit::ReloadGuard;
using daemonkit::ReloadStatus;
using daemonkit::Reloadable;

// reload_notifier.hpp
using daemonkit::ReloadNotifier;

// run.hpp
using daemonkit::run;

// run_as_init.hpp
using daemonkit::SecondStop;
using daemonkit::InitOptions;
using daemonkit::run_as_init;

// running_service.hpp
using daemonkit::RunningService;

// runtime_directory.hpp
using daemonkit::runtime_directory;
using daemonkit::find_runtime_directory;

// service.hpp
using daemonkit::Service;

// service_control.hpp
using daemonkit::ServiceControl;

// service_definition.hpp
using daemonkit::ListenSocket;
using daemonkit::ServiceDefinition;

// service_directories.hpp
using daemonkit::state_directory;
using daemonkit::cache_directory;
using daemonkit::logs_directory;
using daemonkit::configuration_directory;

// service_main.hpp
using daemonkit::service_main;

// service_options.hpp
using daemonkit::ServiceOptions;

// service_result.hpp
using daemonkit::ServiceExit;
using daemonkit::ServiceResult;
using daemonkit::service_exit_of;

// service_status.hpp
using daemonkit::ServiceState;
using daemonkit::ServiceReport;
using daemonkit::ServiceStatus;
using daemonkit::exit_status;
using daemonkit::to_json;

// severity.hpp
using daemonkit::Severity;
using daemonkit::severity_named;

// severity_mask.hpp
using daemonkit::SeverityMask;

// signal_info.hpp
using daemonkit::SignalInfo;

// signal_set.hpp
using daemonkit::SignalSet;

// spawn.hpp
using daemonkit::spawn;

// stderr_sink.hpp
using daemonkit::SeverityPrefix;
using daemonkit::StderrSinkOptions;
using daemonkit::StderrSink;

// stop_on.hpp
#ifdef __cpp_lib_jthread
using daemonkit::StopOn;
#endif

// stop_schedule.hpp
using daemonkit::StopStep;
using daemonkit::StopSchedule;
using daemonkit::parse_stop_schedule;

// stream_target.hpp
using daemonkit::Stream;
using daemonkit::DefaultTarget;
using daemonkit::NullDevice;
using daemonkit::Inherit;
using daemonkit::AppendTo;
using daemonkit::ReadFrom;
using daemonkit::Duplicate;
using daemonkit::StreamTarget;

// syslog_client.hpp
using daemonkit::SyslogClient;

// syslog_client_options.hpp
using daemonkit::SdParameter;
using daemonkit::SdElement;
using daemonkit::Rfc5424;
using daemonkit::Rfc3164;
using daemonkit::HostForm;
using daemonkit::LocalLog;
using daemonkit::UdpHost;
using daemonkit::TcpFraming;
using daemonkit::TcpHost;
using daemonkit::SyslogTarget;
using daemonkit::Repeats;
using daemonkit::LostLines;
using daemonkit::SyslogClientOptions;

// syslog_sink.hpp
using daemonkit::SyslogConnect;
using daemonkit::SyslogCopy;
using daemonkit::SyslogOptions;
using daemonkit::SyslogSink;

// timeout.hpp
using daemonkit::Timeout;

// version.hpp
using daemonkit::version;

// watchdog.hpp
using daemonkit::Stalled;
using daemonkit::Watchdog;

}  // namespace daemonkit
