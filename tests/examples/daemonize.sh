# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

expect_up() {  # the last run has started what the pid file names; sets pid
    expect "the launcher ends with 0: $(cat err)" [ "$status" -eq 0 ]
    expect "and says nothing" [ ! -s err ]
    expect "the pid file holds one number" grep -qx '[0-9]*' pid
    pid=$(cat pid)
    started+=("$pid")
}
expect_failed() {  # <status> <message>: of the last run
    expect "the status is $1, not $status" [ "$status" -eq "$1" ]
    expect "it says: $2, not: $(cat err)" [ "$(cat err)" = "daemonize: $2" ]
}
end() { kill -TERM "$1"; wait_for "SIGTERM ends the command" is_gone "$1"; }
session_of() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 4; }
terminal_of() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 5; }  # 0: none
command_of() { tr '\0' ' ' <"/proc/$1/cmdline"; }
sleeper="sleep 600.$$"  # as no other test has it

# -- the command is the daemon: pid, lock, session, streams, descriptors
exec 7<"$program"  # a descriptor that nobody asked to keep
run -p pid -- $sleeper
exec 7<&-
expect_up
expect "the process is the command" [ "$(command_of "$pid")" = "$sleeper " ]
expect "it leads no session" [ "$(session_of "$pid")" -ne "$pid" ]
expect "and is in none of ours" [ "$(session_of "$pid")" -ne "$(session_of $$)" ]
expect "it has no terminal" [ "$(terminal_of "$pid")" -eq 0 ]
expect "it runs in /" [ "$(readlink "/proc/$pid/cwd")" = / ]
for fd in 0 1 2; do expect "$fd leads nowhere" [ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ]; done
others=$(cd "/proc/$pid/fd" && ls | grep -vx '[012]')
expect "beside the streams it has one descriptor" [ "$(wc -w <<<"$others")" -eq 1 ]
expect "the pid file, which is locked by it" [ "$(readlink "/proc/$pid/fd/$others")" = "$folder/pid" ]
expect "no signal is blocked or ignored" \
    [ "$(grep -c '^Sig\(Blk\|Ign\):.0000000000000000$' "/proc/$pid/status")" -eq 2 ]

run -p pid -- $sleeper
expect_failed 75 "lock_pid_file: $folder/pid: already running as pid $pid (Resource temporarily unavailable)"
expect "the first one is still named" [ "$(cat pid)" = "$pid" ]
run -p pid --status
expect "its status is 0" [ "$status" -eq 0 ]
expect "and its pid is told" [ "$(cat out)" = "$pid" ]
echo $$ >pid  # whatever stands in the file, the kernel names the holder
run -p pid --stop
expect "it is stopped: $(cat err)" [ "$status" -eq 0 ]
expect "and has ended by then" is_gone "$pid"
run -p pid --status
expect "then it does not run" [ "$status" -eq 3 ]
run -p pid --stop
expect "and there is nothing to stop" [ "$status" -eq 0 ]
run -p pid -- sh -c 'trap "" TERM; echo deaf >"$1"; exec sleep 600' -- "$folder/deaf"
expect_up
wait_for "the command does not heed SIGTERM" [ -e deaf ]
run -p pid --stop='TERM 50ms'
expect "it cannot be stopped so" [ "$status" -eq 1 ]
expect "which is told" grep -qx "daemonize: pid $pid is still there" err
run -p pid --stop=TERM/0/KILL/20
expect "but so" [ "$status" -eq 0 ]
wait_for "it is gone" is_gone "$pid"
run -p pid -- sh -c 'sleep 1; exit'
expect_up
run -p pid --stop
expect "what it has started is waited for" [ "$status" -eq 0 ]
run -p pid -- $sleeper
expect_up
kill -KILL "$pid"
wait_for "SIGKILL ends the command" is_gone "$pid"

# -- what cannot be executed
run -p pid -- /no/such/command
expect_failed 127 "execute_program: /no/such/command: No such file or directory"
expect "no pid file is left" [ ! -e pid ]
PATH=/usr/bin:/bin run -- no_such_command
expect_failed 127 "execute_program: no_such_command: it is in no folder of PATH (No such file or directory)"
printf '#!/no/such/interpreter\n' >script && chmod 755 script
run -- ./script
expect_failed 127 "execute_program: $folder/./script: the interpreter that the program needs does not exist (No such file or directory)"
printf 'echo hello\n' >script
run -- ./script
expect_failed 126 "execute_program: $folder/./script: it is no program; a script begins with #! and its interpreter (Exec format error)"
chmod 644 script
run -- ./script
expect_failed 126 "execute_program: $folder/./script: Permission denied"
run -- "$folder"
expect_failed 126 "execute_program: $folder: Permission denied"

# -- what fails at once
run -p pid -s 20000 -- sh -c 'exit 3'
expect_failed 70 "await_ready: daemon: ended with status 3 as it started"
expect "no pid file is left" [ ! -e pid ]
run -s 20000 -- sh -c 'kill -SEGV $$'
expect_failed 70 "await_ready: daemon: killed by SIGSEGV as it started"
run -s 20000 -- true
expect "what is done with its work has not failed" [ "$status" -eq 0 ]

# -- logs, umask, directory, environment, limits, a descriptor that is kept
report='touch made; echo kept >&9; umask; pwd; echo "$A|$B|${HOME-no HOME}|$(ulimit -n)"; echo trouble >&2'
mkdir place
exec 9>kept
B=from_here run -l log -m 0077 -c place -E A=1 -E 'A=two words' -C -K B -N 40 -k 9 -- /bin/sh -c "$report"
exec 9>&-
expect "the launcher ends with 0: $(cat err)" [ "$status" -eq 0 ]
printf '%s\n' 0077 "$folder/place" 'two words|from_here|no HOME|40' trouble >wanted
wait_for "the command has what was asked for" cmp -s wanted log
expect "the umask holds for what it makes" [ "$(stat -c %a place/made)" = 600 ]
expect "the log is for its owner" [ "$(stat -c %a log)" = 600 ]
expect "the descriptor is the caller's" [ "$(cat kept)" = kept ]
run -o out_log -e err_log -- sh -c 'echo one; echo two >&2'
wait_for "one stream goes here" grep -qsx one out_log
wait_for "and one there" grep -qsx two err_log
run -o out_log -- echo more
wait_for "a log is appended to" grep -qsx more out_log
expect "behind what it held" grep -qx one out_log
echo input >in
run -i in -o copy -- cat
wait_for "standard input is read" grep -qsx input copy
run -n 19 -o nice -- nice
wait_for "the niceness is set" grep -qsx 19 nice

# -- sockets of a service manager come along, with their pid
for where in '-f' '-o listening'; do
    sh -c "exec 3<in; LISTEN_PID=\$\$ LISTEN_FDS=1 exec $program $where -- \
        sh -c 'cat <&3; [ \$LISTEN_PID = \$\$ ] && echo for me'" >listening 2>err
    wait_for "with $where the descriptor comes along" grep -qsx input listening
    wait_for "and is said to be the command's" grep -qsx 'for me' listening
    rm listening
done

# -- in the foreground the status is the command's own
run -f -p pid -- sh -c 'exit 5'
expect "the status is the command's" [ "$status" -eq 5 ]
run -f -p pid -c "$folder" -- sh -c '[ "$(cat pid)" = $$ ]'
expect "and the pid file names it" [ "$status" -eq 0 ]
run -f -- /no/such/command
expect_failed 127 "execute_program: /no/such/command: No such file or directory"

# -- what would be done, and wrong use
rm -f pid
run --plan -p pid -m 0022 -u root -- $sleeper
expect "the plan has the umask" grep -qx 'set_umask *set the umask 0022' out
expect "and ends with the exec" [ "$(grep -c "^execute_program *execute $sleeper;" out)" -eq 1 ]
expect "and nothing is made" [ ! -e pid ]
run --plan -p /no/such/folder/pid -- $sleeper
expect "what would fail is told" grep -q '^would fail: open_pid_file: /no/such/folder/pid' out
expect "and is the status" [ "$status" -eq 73 ]
run --help
expect "the help is no error" [ "$status" -eq 0 ]
expect "and goes to standard output" grep -q '^usage: ' out
for wrong in '' '--no-such-option' '-m 999' '-m 1777' '-m' '-n 20' '-n' '-k 2' '-k x' '-w 0' '-s -1' '-s 1x' '--stop' '--stop -p pid true' '--status' '-E novalue' '-E =x' '-K A true'; do
    run $wrong
    expect "wrong use ends with 64: $wrong" [ "$status" -eq 64 ]
    expect "and is explained" grep -q '^daemonize: see daemonize --help$' err
done
run -c "$folder" -- sh -c 'echo "$@" >words' -- -p --user
wait_for "options behind the command are its own" grep -qsx -e '-p --user' words

# -- into what worlds a daemon is born
(exec "$program" -p pid -- $sleeper <&- >&- 2>&-)
status=$?
: >err
expect_up
for fd in 0 1 2; do expect "$fd leads nowhere" [ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ]; done
end "$pid"
answer=$(nohup "$program" -p pid -- $sleeper 2>err)  # would wait for whoever holds the pipe
status=$?
: >err
expect_up
expect "SIGHUP is not ignored for ever" grep -q '^SigIgn:.0000000000000000$' "/proc/$pid/status"
end "$pid"

# -- as another user, and in another root
if [ "$(id -u)" -eq 0 ]; then
    run -u 65534 -g 65534 -p pid -l user_log -- sh -c "id -u; id -g; id -G; exec $sleeper"
    expect_up
    printf '65534\n65534\n65534\n' >wanted
    wait_for "it is another user, with no group of ours" cmp -s wanted user_log
    expect "named by its lock all the same" grep -qw "$pid" pid
    run -p pid -- $sleeper
    expect "and the only one" [ "$status" -eq 75 ]
    end "$pid"
    run -u no_such_user -- true
    expect "an unknown user is told" [ "$status" -eq 78 ]
    run -r "$folder" -- /no/such/command
    expect_failed 127 "execute_program: /no/such/command: No such file or directory"
fi

# -- from a terminal, which goes away
command -v script >/dev/null || not_tested "there is no script(1) to make a terminal"
script -qec "$program -p pid -- $sleeper" /dev/null >out 2>err </dev/null
status=$?
: >err
expect_up
expect "it outlives its terminal" [ "$(command_of "$pid")" = "$sleeper " ]
expect "and has none" [ "$(terminal_of "$pid")" -eq 0 ]
end "$pid"
