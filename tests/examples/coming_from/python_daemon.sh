# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"
says() { grep -qE "$1" "/proc/$pid/status"; }

run pid log
expect "the launcher ends with 0" [ "$status" -eq 0 ]
pid=$(cat pid)
started+=("$pid")
wait_for "the daemon works" grep -qsx working log
expect "its umask is 0, as python-daemon has it" says '^Umask:[[:space:]]0000$'
expect "its log has the mode that the target says, 0640" [ "$(stat -c %a log)" = 640 ]
expect "SIGTSTP, SIGTTIN and SIGTTOU are ignored" says '^SigIgn:[[:space:]]*0*380000$'
kill -TERM "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"
expect "the pid file is gone" [ ! -e pid ]

run pid log "nobody of that name"
expect "a user that does not exist ends the start with 78" [ "$status" -eq 78 ]
expect "by name" grep -q 'resolve_user: nobody of that name: no such user' err
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]
