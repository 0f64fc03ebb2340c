# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"
peers=$(dirname "$program")/../probes/probe_peers
unset "${!SCANNER_@}"
chmod 755 .  # the daemon of root runs as nobody
mkdir -m 777 logs
log=$folder/logs/log

"$peers" open open closed silent "$folder/socket" >peers 2>&1 &
started+=("$!")
wait_for "the peers are there" grep -qsx ready=1 peers
open=($(sed -n 's/^open=//p' peers))
closed=$(sed -n 's/^closed=//p' peers)
silent=$(sed -n 's/^silent=//p' peers)
user=
[ "$(id -u)" -ne 0 ] || user='user = nobody'

configure() {  # <line>...
    printf '%s\n' "log = $log" "pid_file = $folder/pid" "$user" "$@" >new && chmod 644 new && mv new config
}
begin() {  # <line>...: configured so, the daemon runs
    rm -f "$log"
    configure "$@"
    run config
    expect "the launcher ends with 0" [ "$status" -eq 0 ]
    pid=$(cat pid)
    started+=("$pid")
}
logged() { grep -qsE "security_scanner\[$pid\] $1\$" "$log"; }

# -- a bad configuration: everything that is wrong, and nothing is started
cat >config <<CONFIG
interval = 5
log = here
pid_file = $folder/pid
$user
colour = red
[web]
address = localhost
ports = 80-70, 443
[db]
address = 127.0.0.1
ports = 5432
open = 22
open = 5432
[[x]]
[mail]
address = ::1
ports = , -
CONFIG
run config
expect "a bad configuration ends the start with 78" [ "$status" -eq 78 ]
cat >golden <<GOLDEN
$program: $folder/config:1: interval: "5" is not a length of time such as 500ms, 30s or 5min
$folder/config:2: log: "here" is not an absolute path
$folder/config:5: there is no key colour
$folder/config:7: web.address: "localhost" is not an IPv4 or IPv6 address
$folder/config:8: web.ports: "80-70" goes backwards
$folder/config:12: db.open: has a port that is not among db.ports
$folder/config:13: db.open: set before, in line 12
$folder/config:14: "[[x]]" is not of the form [section]
$folder/config:17: mail.ports: "" is not a whole number
GOLDEN
expect "every line that is wrong is told, with the reason" diff golden err
expect "nothing is left of it" [ ! -e pid ]
configure
run config
expect "a target is needed" grep -qx ".*: $folder/config: a target: missing: a section such as \[web\]" err
SCANNER_WEB_PORTS=0 SCANNER_TIMEOUT=1h run config
expect "so it is with variables" grep -qx ".*: SCANNER_TIMEOUT: 1h is not from 10ms to 1min" err
if [ "$(id -u)" -eq 0 ]; then
    printf '%s\n' "pid_file = /pid" "[web]" "address = ::1" "ports = 1" >config
    run config
    expect "root names another user" grep -qx ".*: $folder/config: user: missing: .* rights of root" err
fi

# -- what should be open and is not, and what is open and should not be
begin "interval = 100ms" "[web]" "address = 127.0.0.1" "ports = ${open[0]}, ${open[1]} $closed" "open = ${open[0]} $closed"
wait_for "an open port that should not be is told" logged "warning: web: port ${open[1]} is open, and should not be"
wait_for "and a closed one that should be open" logged "warning: web: port $closed is closed, and should be open"
wait_for "and how the scan ended" logged 'info: web: 3 ports, 2 not as they should be'
expect "what is as it should be is not told" eval "! logged '.*port ${open[0]} .*'"
[ "$(id -u)" -ne 0 ] || expect "it runs as its own user" [ "$(stat -c %U "/proc/$pid")" = nobody ]
expect "the log is its user's alone to write" [ "$(stat -c %a "$log")" = 640 ]
run config
expect "a second one is refused with 75" [ "$status" -eq 75 ]
expect "and told the pid of the first" grep -qw "$pid" err

# -- reload
configure "interval = 100ms" "[ssh]" "address = 127.0.0.1" "ports = ${open[1]}"
kill -HUP "$pid"
wait_for "a reload is told" logged 'notice: reloaded'
wait_for "its targets are in force" logged "warning: ssh: port ${open[1]} is open, and should not be"
configure "interval = 0s" "[ssh]" "address = 127.0.0.1" "ports = x"
kill -HUP "$pid"
wait_for "a bad one is told" logged 'notice: the old configuration stays'
expect "with each line and reason" logged "error: $folder/config:4: interval: 0s is not from 100ms to 7d"
expect "the second too" logged "error: $folder/config:7: ssh.ports: \"x\" is not a whole number"
: >"$log"
wait_for "the old one stays" logged 'info: ssh: 1 ports, 1 not as they should be'
rm config
kill -HUP "$pid"
wait_for "so it is without a file" logged "error: $folder/config: No such file or directory"
configure "[ssh]" "address = 127.0.0.1" "ports = ${open[1]}"
sed -i "/^log = /d" config
kill -HUP "$pid"
wait_for "what only a start can change is told" logged 'warning: the logs, pid_file and user stay what they were at the start'

# -- a scan that fails is told, and the others go on
configure "interval = 100ms" "[nobody]" "address = 255.255.255.255" "ports = 9" "[web]" "address = 127.0.0.1" "ports = $closed"
kill -HUP "$pid"
wait_for "a target that cannot be scanned is told" logged 'error: nobody: the scan failed: connect: .*'
wait_for "the next one is scanned" logged 'info: web: 1 ports, 0 not as they should be'
kill -TERM "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"
expect "and is told" logged 'notice: stopped'
expect "the pid file is gone, or empty where its folder is another user's" [ ! -s pid ]

# -- to syslog, where no log is named
chmod 777 socket
configure "syslog = $folder/socket" "interval = 100ms" "[web]" "address = 127.0.0.1" "ports = ${open[0]}"
sed -i "/^log = /d" config
run config
expect "the launcher ends with 0" [ "$status" -eq 0 ]
pid=$(cat pid)
started+=("$pid")
wait_for "syslog has what is wrong, as a warning" grep -qsE "^<28>.* security_scanner\[$pid\]: web: port ${open[0]} is open, and should not be$" peers
kill -TERM "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"

# -- a log that cannot be opened fails the start, at the terminal
configure "[web]" "address = 127.0.0.1" "ports = 1"
sed -i "s|^log = .*|log = $folder/missing/log|" config
run config
expect "a log that cannot be made ends the start with 73" [ "$status" -eq 73 ]
expect "and the launcher tells it" grep -q 'open_log_file: .*/missing/log: its folder does not exist' err

# -- a target that never answers
[ "$silent" != none ] || not_tested "every port of this kernel's 127.0.0.1 answers"
begin "interval = 100ms" "timeout = 200ms" "[web]" "address = 127.0.0.1" "ports = $silent" "open = $silent"
wait_for "silence is told, in time" logged "warning: web: port $silent is silent, and should be open"
kill -TERM "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"

begin "timeout = 1min" "[web]" "address = 127.0.0.1" "ports = $silent $closed" "open = $closed"
wait_for "one port is told, the other one waited for" logged "warning: web: port $closed is closed, and should be open"
configure "timeout = 1min" "[db]" "address = 127.0.0.1" "ports = $silent $closed" "open = $closed"
kill -HUP "$pid"
wait_for "a reload does not wait for the scan" logged 'notice: reloaded'
wait_for "which begins anew" logged "warning: db: port $closed is closed, and should be open"
begun=$(date +%s%N)
kill -TERM "$pid"
wait_for "SIGTERM ends it, and does not wait for the scan" is_gone "$pid"
expect "at once" [ $((($(date +%s%N) - begun) / 1000000)) -lt 5000 ]
expect "nothing is said of the scan" eval '! grep -q "ports, " "$log"'

# -- in the foreground, with the environment
configure "interval = 1h" "timeout = 1min" "[web]" "address = 127.0.0.1" "ports = $silent"
SCANNER_INTERVAL=100ms SCANNER_WEB_PORTS="$closed ${open[0]}" "$program" --foreground config >out 2>err </dev/null &
pid=$!
started+=("$pid")
wait_for "variables take the place of lines" logged 'info: web: 2 ports, 1 not as they should be'
kill -INT "$pid"
wait "$pid"
status=$?
expect "SIGINT ends it with 0" [ "$status" -eq 0 ]
for arguments in "" "config config" "--foreground"; do
    # shellcheck disable=SC2086  # the arguments are words
    run $arguments
    expect "wrong use ends with 64: $arguments" [ "$status" -eq 64 ]
done

# -- where connections can only come from the port that they go to, TCP connects each to itself
printf '%s\n' 'ip link set lo up && echo "40000 40000" >/proc/sys/net/ipv4/ip_local_port_range || exit 77' 'exec "$@"' >own_ports
own_network=(unshare --net)
[ "$(id -u)" -eq 0 ] || own_network=(unshare --net --map-root-user)
"${own_network[@]}" sh own_ports true 2>err || not_tested "this user can have no network of its own"
rm -f "$log"
configure "[web]" "address = 127.0.0.1" "ports = 40000"
[ "$(id -u)" -eq 0 ] || sed -i 's/^$/user = root/' config  # which it is there
"${own_network[@]}" sh own_ports "$program" --foreground config >out 2>err </dev/null &
pid=$!
started+=("$pid")
wait_for "a port that nobody listens on is closed all the same" logged 'info: web: 1 ports, 0 not as they should be'
