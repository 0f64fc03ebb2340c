# SPDX-License-Identifier: MIT
# <probe_manager>: under a real s6-supervise, which waits for a line that says "ready".
. "$(dirname "$0")/../examples/common.sh"
command -v s6-supervise >/dev/null || not_tested "s6 is not installed"

mkdir service
echo 3 >service/notification-fd
# Without a word on detaching: that somebody waits for the line is what keeps the program in the foreground.
cat >service/run <<SCRIPT
#!/bin/sh
exec "$program" "$folder/log" --notification-fd 3 --gate "$folder/gate"
SCRIPT
printf '#!/bin/sh\necho "$1 $2" >>"%s/ends"\n' "$folder" >service/finish
chmod +x service/run service/finish

s6-supervise service 2>supervise.err &
supervisor=$!
started+=("$supervisor")

state() { s6-svstat -o "$1" service; }
is() { [ "$(state "$1")" = "$2" ]; }
is_ready_within() { s6-svwait -U -t "$1" service 2>svwait.err; }  # <milliseconds>
note_pid() { pid=$(state pid) && started+=("$pid"); }
has_run() { [ "$(grep -c '^up' log)" -eq "$1" ]; }  # <times>

wait_for "s6 supervises" s6-svok service
wait_for "the program is opening its log" [ -e log ]
note_pid
expect "it runs, and is not ready before it says so" eval '! is_ready_within 200'
expect "s6 knows that" is ready false
: >gate
expect "it is ready once it says so" is_ready_within 20000
expect "the process that s6 has started is the daemon" grep -qx "up $pid" log

expect "HUP is passed on" s6-svc -h service
wait_for "and heard" grep -qx reload log
kill -KILL "$pid"
wait_for "after a crash it is started again" has_run 2
expect "and ready again" is_ready_within 20000
note_pid
expect "s6 knows how it ended" grep -qx '256 9' ends

expect "a stop is over when it has ended" s6-svc -wD -T 20000 -d service
expect "by itself" grep -qx stopping log
expect "and well" grep -qx '0 0' ends
expect "it is down" is up false

sed -i 's/--gate.*/--fail/' service/run
s6-svc -o service
wait_for "the status of a failed start is passed on" grep -qs '^70 ' ends
expect "it was never ready" is ready false

s6-svc -xd service
wait_for "s6 ends" is_gone "$supervisor"
