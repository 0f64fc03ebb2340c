# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"
[ -w /dev/shm ] || not_tested "shared memory cannot be made: /dev/shm is not to be written to"

workers_of() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
has_worker() { [ -n "$(workers_of "$1")" ]; }
# Files, queues and FIFOs of that process; queues can be listed where their file system may be mounted.
names_of() {
    find /dev/shm /tmp -maxdepth 1 \( -name "ipc_tour-$1" -o -name "ipc_tour-$1-*" \) 2>/dev/null
    unshare -m sh -c 'mount -t mqueue none /mnt && ls /mnt' 2>/dev/null | grep -x "ipc_tour-$1"
}
expect_nothing_left() {  # <pid of the tour> <pids of its workers>
    local worker
    for worker in $2; do wait_for "no worker is left" is_gone "$worker"; done
    expect "no name is left" [ -z "$(names_of "$1")" ]
}
cat >wanted <<'END'
pipe: one line, then the end
fifo: found by its name
queue: at once, of priority 9
queue: soon, of priority 5
queue: later, of priority 1
memory: two workers have counted to 2000
places: 1 2 3 4 5 6 7 8 went over 3 places
stream: an answer, bye
datagram: an answer, bye, the answer in 2 messages
END

# -- as a daemon, and in the foreground
run log
expect "the launcher ends with 0" [ "$status" -eq 0 ]
wait_for "the daemon ends by itself" [ ! -e log.pid ]
expect "every section has its result" cmp wanted log
"$program" --foreground >out 2>err </dev/null &
child=$!
started+=("$child")
wait "$child"
status=$?
expect "in the foreground it ends with 0" [ "$status" -eq 0 ]
expect "with the same results" cmp wanted out
expect_nothing_left "$child" ""

# -- SIGTERM while a worker does not answer, and SIGKILL
for section in pipe fifo queue memory places stream datagram; do
    for signal in TERM KILL; do
        : >out
        "$program" --hold "$section" --foreground >out 2>err </dev/null &
        child=$!
        started+=("$child")
        before=$(grep -n -m 1 "^$section:" wanted | cut -d: -f1)
        wait_for "the sections before are over" eval '[ "$(grep -c "" out)" -ge $((before - 1)) ]'
        wait_for "there is a worker that waits" has_worker "$child"
        workers=$(workers_of "$child")
        started+=($workers)
        kill -"$signal" "$child"
        wait "$child" 2>/dev/null
        status=$?
        if [ "$signal" = TERM ]; then
            expect "SIGTERM in $section ends it with 0" [ "$status" -eq 0 ]
            expect "and it says so" [ "$(tail -n 1 out)" = stopped ]
            expect_nothing_left "$child" "$workers"
        else
            for worker in $workers; do wait_for "a killed daemon leaves no worker" is_gone "$worker"; done
            # Only what has to be found by its name, and was not found yet, can be left by SIGKILL.
            [ "$section" = fifo ] || expect "no name is left" [ -z "$(names_of "$child")" ]
            rm -rf /tmp/ipc_tour-"$child"-*
        fi
    done
done

# -- a worker that fails
"$program" --hold pipe --foreground >out 2>err </dev/null &
child=$!
started+=("$child")
wait_for "the worker waits" has_worker "$child"
worker=$(workers_of "$child")
started+=($worker)
kill -KILL $worker
wait "$child"
status=$?
expect "a worker that fails ends it with 70" [ "$status" -eq 70 ]
expect "and it says so" [ "$(tail -n 1 out)" = 'failed: a worker has failed' ]
expect_nothing_left "$child" "$worker"

run
expect "wrong use ends with 64" [ "$status" -eq 64 ]
