// SPDX-License-Identifier: MIT
#pragma once
// The classes, options and results that the interface of a program may name without their headers. Floor 0.

#include <cstdint>

namespace daemonkit {

class BootstrapLog;
class ChildProcess;
class ControlSocket;
class ControlThread;
class DaemonContext;
class Error;
class ExitStatus;
class FdRedirect;
class JournalSink;
class ListenFd;
class ListenFds;
class LogFile;
class MemoryPressure;
class Notifier;
class PidLock;
class PrivilegeDrop;
class ProcessHandle;
class ReloadGuard;
class ReloadListener;
class ReloadNotifier;
class RunningService;
class Service;
class ServiceControl;
class SeverityMask;
class SignalSet;
class StderrSink;
class StopOn;
class SyslogClient;
class SyslogSink;
class Timeout;
class Watchdog;

struct BootstrapLogOptions;
struct ChildOptions;
struct ChildResult;
struct CodeLocation;
struct ControlAnswer;
struct ControlPeer;
struct ControlRequest;
struct ControlSocketOptions;
struct DaemonOptions;
struct Environment;
struct InitOptions;
struct JournalField;
struct JournalSinkOptions;
struct LogFileOptions;
struct PidLockHolder;
struct PidLockOptions;
struct Privileges;
struct ProcessReport;
struct ReloadStatus;
struct ServiceDefinition;
struct ServiceOptions;
struct ServiceReport;
struct ServiceResult;
struct ServiceStatus;
struct SignalInfo;
struct StderrSinkOptions;
struct StopSchedule;
struct SyslogClientOptions;
struct SyslogOptions;

enum class Detach : std::uint8_t;
enum class Facility : std::uint8_t;
enum class Severity : std::uint8_t;
enum class Step : std::uint8_t;

}  // namespace daemonkit
