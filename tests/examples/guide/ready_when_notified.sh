# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

echo hello >greeting
run greeting log pid
expect "the launcher ends with 0" [ "$status" -eq 0 ]
expect "it has shown what the start was doing" grep -qx "loading $folder/greeting" err
pid=$(cat pid)
started+=("$pid")
wait_for "the daemon works" grep -qsx hello log
kill -TERM "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"
expect "the pid file is gone" [ ! -e pid ]

run missing log pid
expect "a failed start of the program ends the launcher with 70" [ "$status" -eq 70 ]
expect "which tells step, subject and reason" grep -q "application: $folder/missing: No such file or directory" err
: >greeting
run greeting log pid
expect "any other exception does, too" [ "$status" -eq 70 ]
expect "with its text" grep -q "application: $folder/greeting holds no greeting" err
expect "no pid file is left" [ ! -e pid ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]
