# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

run
expect "the launcher ends with 0" [ "$status" -eq 0 ]
expect "the pid file holds one number" grep -qx '[0-9]*' hello.pid
pid=$(cat hello.pid)
started+=("$pid")
wait_for "the daemon works" grep -qsx alive hello.log

run
expect "a second instance is refused with 75" [ "$status" -eq 75 ]
expect "and told the pid of the first" grep -qw "$pid" err

kill -TERM "$pid"
wait_for "SIGTERM ends the daemon" is_gone "$pid"
expect "the pid file is gone" [ ! -e hello.pid ]

mkdir hello.pid
run
expect "a folder in the place of the pid file is told by the launcher" [ "$status" -eq 73 ]
expect "by name" grep -q 'open_pid_file: .*hello.pid' err
