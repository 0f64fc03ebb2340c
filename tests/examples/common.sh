# SPDX-License-Identifier: MIT
# Sourced by the tests of the examples: the program in $program, a folder of their own as the current one, waiting for
# an event for a bounded time, and an end that leaves no process and no file.
set -u
unset NOTIFY_SOCKET LISTEN_PID SYSTEMD_EXEC_PID  # a service manager around the tests must not decide anything

program=$1
folder=$(mktemp -d) || exit 1
cd "$folder" || exit 1

started=()  # every process that a test starts, or reads from a pid file
is_gone() { ! kill -0 "$1" 2>/dev/null || grep -qs '^[0-9]* (.*) Z' "/proc/$1/stat"; }
end_test() {
    local process
    for process in "${started[@]}"; do is_gone "$process" || kill -KILL "$process"; done
    rm -rf "$folder"
}
trap end_test EXIT

fail() {
    echo "failed: $1"
    tail -n 20 ./* 2>/dev/null
    exit 1
}
not_tested() {  # <why>: counted as such, whatever was tested before
    echo "NOT TESTED HERE: $1"
    exit 77
}
expect() {  # <what is expected> <command that holds>...
    local what=$1
    shift
    "$@" || fail "$what"
}
wait_for() {  # <what is expected> <command that comes to hold within 20 seconds>...
    local what=$1 end=$((SECONDS + 20))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || fail "$what"
        sleep 0.02
    done
}
run() {  # <argument>...: the program to its end; sets status, keeps the streams in out and err
    "$program" "$@" >out 2>err </dev/null
    status=$?
}
