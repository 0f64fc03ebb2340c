# SPDX-License-Identifier: MIT
guide=$(cd "$(dirname "$0")/../../../docs" && pwd)/guide/starting.md
. "$(dirname "$0")/../common.sh"

run log pid "$(id -un)"
expect "nothing speaks against this start: 0" [ "$status" -eq 0 ]
expect "the steps are named" grep -q "^lock_pid_file  *lock $folder/pid$" out
expect "to the last one" grep -q '^report_ready ' out
expect "and none fails" eval '! grep -q FAILS out'
expect "no log is made" [ ! -e log ]
expect "and no pid file" [ ! -e pid ]

run missing/log pid "nobody of that name"
expect "the first finding is the status" [ "$status" -eq 78 ]
expect "each finding is told: the user" grep -q '^FAILS: resolve_user: nobody of that name: ' out
expect "and the log" grep -q '^FAILS: open_stream: .*/missing/log: ' out
# The guide shows this very output.
run missing/hello.log hello.pid thermod
sed -n '/^```text$/,/^```$/{/^validate_options/,/^```$/p}' "$guide" | sed "/^\`\`\`$/d; s|/tmp/hello|$folder|" >shown
expect "the guide shows what comes out" cmp out shown

run log missing/pid "$(id -un)"
expect "what helps is told, as by a start" grep -q '^FAILS: open_pid_file: .*/missing/pid: the directory has to be made first ' out

run "" pid "$(id -un)"
expect "an option that can never work is refused with 78" [ "$status" -eq 78 ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]
