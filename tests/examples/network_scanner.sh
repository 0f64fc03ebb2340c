# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"
peers=$(dirname "$program")/../probes/probe_peers
unset "${!SCANNER_@}"

"$peers" open closed silent >peers 2>&1 &
started+=("$!")
wait_for "the peers are there" grep -qsx ready=1 peers
open=$(sed -n 's/^open=//p' peers)
closed=$(sed -n 's/^closed=//p' peers)
silent=$(sed -n 's/^silent=//p' peers)

configure() {  # <line>...
    printf '%s\n' "log = $folder/log" "pid_file = $folder/pid" "$@" >new && mv new targets
}
scanner() {  # <line>...: a scanner that does this
    printf '%s\n' '#!/bin/sh' "$@" >scanner.new && chmod 755 scanner.new && mv scanner.new scanner
}
begin() {  # <line>...: configured so, the daemon runs
    rm -f log
    configure "$@"
    run targets
    expect "the launcher ends with 0" [ "$status" -eq 0 ]
    pid=$(cat pid)
    started+=("$pid")
}
logged() { grep -qsE "network_scanner\[$pid\] $1\$" log; }
stop() {
    kill -TERM "$pid"
    wait_for "SIGTERM ends it" is_gone "$pid"
    expect "and is told" logged 'notice: stopped'
    expect "the pid file is gone" [ ! -e pid ]
}
own="command = $program --scan {address} {ports}"
web=("[web]" "address = 127.0.0.1")

# -- a bad file: everything that is wrong, and nothing is started
cat >targets <<TARGETS
timeout = 300
log = log
pid_file = $folder/pid
command = nmap {address}
[web]
address = 127.0.0.256
ports = 22, ssh
TARGETS
run targets
expect "a bad file ends the start with 78" [ "$status" -eq 78 ]
cat >golden <<GOLDEN
$program: $folder/targets:1: timeout: "300" is not a length of time such as 500ms, 30s or 5min
$folder/targets:2: log: "log" is not an absolute path
$folder/targets:4: command: "nmap" is not an absolute path
$folder/targets:6: web.address: "127.0.0.256" is not an IPv4 or IPv6 address
$folder/targets:7: web.ports: "ssh" is not a whole number
GOLDEN
expect "every line that is wrong is told, with the reason" diff golden err
configure "command = /bin/true"
run targets
printf '%s\n' "$program: $folder/targets: a target: missing: a section such as [router]" \
    "$folder/targets:3: command: it has no word {address}" >golden
expect "so it is with what is missing" diff golden err
SCANNER_TIMEOUT=2h run targets
expect "and with variables" grep -q ": SCANNER_TIMEOUT: 2h is not from 100ms to 1h$" err
expect "nothing is left of it" [ ! -e pid ]

# -- the scanner by itself
run --scan 127.0.0.1 "$open,$closed"
expect "it ends with 0" [ "$status" -eq 0 ]
expect "and tells what is open" [ "$(cat out)" = "$open/tcp open" ]
run --scan ::1 1
expect "so it does with IPv6, or tells why not" eval '[ "$status" -eq 0 ] || { [ "$status" -eq 71 ] && grep -qE ": (connect|socket): " err; }'
run --scan 255.255.255.255 1
expect "an address that nobody can connect to ends it with 71" [ "$status" -eq 71 ]
run --scan 127.0.0.1 0
expect "and a port that is none, with 78" [ "$status" -eq 78 ]

# -- its lines arrive in the log, and how it ended
begin "interval = 100ms" "$own" "${web[@]}" "ports = $closed, $open-$open"
wait_for "what it finds is logged" logged "info: web: $open/tcp open"
wait_for "and its end" logged 'info: web: the scan ended with status 0'
run targets
expect "a second one is refused with 75" [ "$status" -eq 75 ]
expect "and told the pid of the first" grep -qw "$pid" err

# -- scanners that fail, each in another way
scanner 'echo "scanning $1 at $2"; echo "no route" >&2; exit 3'
configure "interval = 100ms" "command = $folder/scanner {address} {ports}" "${web[@]}" "ports = 1-3 5"
kill -HUP "$pid"
wait_for "a reload is told" logged 'notice: reloaded'
wait_for "the words are put in" logged 'info: web: scanning 127.0.0.1 at 1-3,5'
wait_for "what it says on stderr is a warning" logged 'warning: web: no route'
wait_for "its failure is an error" logged 'error: web: the scan ended with status 3'
configure "interval = 100ms" "command = $folder/missing {address}" "${web[@]}" "ports = 1"
kill -HUP "$pid"
wait_for "so is one that is not there" logged 'error: web: the scan failed: start_child: .*/missing: .*'

# -- one that hangs, with a helper that does not heed SIGTERM: both are ended, and the next target is scanned
scanner 'case $1 in' '*.1) trap "" TERM; sleep 50 & echo $! >${0%/*}/helper; wait ;;' '*) echo here ;;' 'esac'
rm -f helper
configure "timeout = 200ms" "command = $folder/scanner {address}" "${web[@]}" "ports = 1" "[next]" "address = 127.0.0.2" "ports = 1"
kill -HUP "$pid"
wait_for "the time is over" logged 'error: web: the scan timed out, killed by SIGKILL'
started+=("$(cat helper)")
wait_for "for its helper too" is_gone "$(cat helper)"
wait_for "the next one is scanned" logged 'info: next: here'

# -- a bad reload in the middle of a long scan, and an end
rm -f helper
scanner 'sleep 50 & echo $! >${0%/*}/helper; wait'
configure "command = $folder/scanner {address}" "${web[@]}" "ports = 1"
kill -HUP "$pid"
wait_for "the scan takes long" [ -s helper ]
started+=("$(cat helper)")
rm helper
configure "timeout = 0s" "${web[@]}" "ports = 0"
kill -HUP "$pid"
wait_for "a bad file is told" logged 'notice: the old configuration stays'
expect "with each line and reason" logged "error: $folder/targets:3: timeout: 0s is not from 100ms to 1h"
expect "the second too" logged "error: $folder/targets:6: web.ports: 0 is not from 1 to 65535"
wait_for "the scan begins anew" [ -s helper ]
helper=$(cat helper)
started+=("$helper")
begun=$(date +%s%N)
stop
expect "at once" [ $((($(date +%s%N) - begun) / 1000000)) -lt 5000 ]
wait_for "with everything that the scanner has started" is_gone "$helper"

# -- in the foreground, with the environment, and all ports: no limit of the kernel is in the way
scanner 'echo "ports $2"'
configure "interval = 1h" "command = $folder/scanner {address} {ports}" "${web[@]}" "ports = 1"
rm -f log
SCANNER_INTERVAL=100ms SCANNER_WEB_PORTS="1-65535" "$program" --foreground targets >out 2>err </dev/null &
pid=$!
started+=("$pid")
wait_for "variables take the place of lines" logged 'info: web: ports 1-65535'
kill -INT "$pid"
wait "$pid"
status=$?
expect "SIGINT ends it with 0" [ "$status" -eq 0 ]

# -- what is run where nothing is said: nmap, if it is installed
mkdir bin
scanner 'echo "nmap $*"'
mv scanner bin/nmap
PATH=$folder/bin:$PATH begin "${web[@]}" "ports = 22"
wait_for "nmap" logged 'info: web: nmap -n -Pn -p 22 127.0.0.1'
stop
if ! command -v nmap >/dev/null; then
    begin "${web[@]}" "ports = $open"
    wait_for "else this program" logged "info: web: $open/tcp open"
    stop
    PATH=$(dirname "$program"):$PATH program=network_scanner begin "${web[@]}" "ports = $open"
    wait_for "that was found in PATH, too" logged "info: web: $open/tcp open"
    stop
fi
for arguments in "" "targets targets" "--foreground" "--scan 127.0.0.1"; do
    # shellcheck disable=SC2086  # the arguments are words
    run $arguments
    expect "wrong use ends with 64: $arguments" [ "$status" -eq 64 ]
done

[ "$silent" != none ] || not_tested "every port of this kernel's 127.0.0.1 answers"
run --scan 127.0.0.1 "$silent,$open"
expect "silence is told" [ "$(cat out)" = "$open/tcp open"$'\n'"$silent/tcp silent" ]
