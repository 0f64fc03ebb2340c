# SPDX-License-Identifier: MIT
# As pid 1 of a real pid namespace; its processes are looked at from outside.
. "$(dirname "$0")/common.sh"
orphans=1000

namespace=(unshare --pid --fork --kill-child)
enter=(nsenter --pid)
if [ "$(id -u)" -ne 0 ]; then
    namespace+=(--user --map-root-user)
    enter+=(--user --preserve-credentials)
fi
"${namespace[@]}" true 2>/dev/null || not_tested "pid namespaces are refused here"

says() { grep -qsxF "$1" out; }
begin() {  # <argument>...: in $init, whose status that of $outside becomes
    : >out
    "${namespace[@]}" "$program" "$@" >out 2>err </dev/null &
    outside=$!
    started+=("$outside")
    wait_for "pid 1 is there" init_is_there
}
init_is_there() { init=$(pgrep -P "$outside") && grep -qs '^container_init$' "/proc/$init/comm"; }
ends_with() {  # <status>
    wait_for "pid 1 ends" is_gone "$outside"
    wait "$outside"
    status=$?
    [ "$status" -eq "$1" ]
}
children_are() { [ "$(pgrep -c -P "$init")" -eq "$1" ]; }
zombies() { pgrep -P "$init" -r Z; }

# -- a program that knows nothing of all this --------------------------------------------------------------------------
cat >busy <<SCRIPT
trap 'echo got HUP' HUP
trap 'echo got TERM; exit 7' TERM
for i in 1 2 3; do (setsid sleep 1000 &); done
for ((i = 0; i < $orphans; i++)); do (exit 3 &); done
echo ready
while :; do read -r -t 0.05 <> never/said; done
SCRIPT
mkdir never && mkfifo never/said  # nothing is ever written there; in a folder, where `fail` does not read it
begin bash busy
wait_for "$orphans orphans are made" says ready
wait_for "all that have ended are reaped: the program and three orphans are left" children_are 4
expect "none of them is a zombie" eval '! zombies'
strays=($(pgrep -P "$init" -x sleep))
expect "the orphans are children of pid 1" [ "${#strays[@]}" -eq 3 ]
kill -HUP "$init"
wait_for "HUP is passed on" says "got HUP"
kill -KILL "${strays[0]}"
wait_for "an orphan that is killed is reaped" children_are 3
kill -TERM "$init"
expect "TERM ends it, with the program's status" ends_with 7
expect "the program has heard of TERM" says "got TERM"
for stray in "${strays[@]}"; do expect "no stray is left" is_gone "$stray"; done

begin bash -c 'trap "echo got INT; exit 8" INT; echo ready; while :; do read -r -t 0.05 <> never/said; done'
wait_for "it runs" says ready
kill -INT "$init"
expect "INT ends it, with the program's status" ends_with 8

# -- how the program ends ----------------------------------------------------------------------------------------------
run_inside() { "${namespace[@]}" "$program" "$@" >out 2>err </dev/null; status=$?; }
run_inside sh -c 'exit 3'
expect "the program's status is its own" [ "$status" -eq 3 ]
run_inside sh -c 'kill -SEGV $$'
expect "a signal that ends the program is told as a shell does" [ "$status" -eq $((128 + 11)) ]
run_inside "$folder/nothing"
expect "a program that is not there: 127" [ "$status" -eq 127 ]
expect "and the reason" grep -qs "nothing" err
run_inside "$folder/busy"
expect "a program that cannot be executed: 126" [ "$status" -eq 126 ]

# A stray that does not heed SIGTERM lasts as long as the grace; it says that it was asked.
run_inside bash -c '(trap "echo asked" TERM; echo set; while :; do read -r -t 0.05 <> never/said; done) & until grep -q set out; do :; done'
expect "a stray is asked to end before it is killed" says asked
expect "and takes nothing from the status" [ "$status" -eq 0 ]

begin bash -c 'trap "echo not yet" TERM; echo ready; while :; do read -r -t 0.05 <> never/said; done'
wait_for "it runs" says ready
kill -TERM "$init"
wait_for "the first TERM is the program's" says "not yet"
kill -TERM "$init"
expect "the second one kills it" ends_with $((128 + 9))

# -- a daemon that is pid 1 itself -------------------------------------------------------------------------------------
begin
wait_for "the daemon is ready" says ready
"${enter[@]}" --target "$init" bash -c 'for ((i = 0; i < 50; i++)); do (exit 3 &); done; (sleep 1000 &)' ||
    not_tested "nobody can enter the namespace (all else was tried)"
wait_for "one orphan is left" children_are 1
kill -KILL "$(pgrep -P "$init" -x sleep)"
wait_for "and then none" eval '! pgrep -P "$init"'
kill -TERM "$init"
expect "TERM ends it" ends_with 0
expect "in order" says stopped
