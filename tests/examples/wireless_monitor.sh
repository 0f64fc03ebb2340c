# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"
peers=$(dirname "$program")/../probes/probe_peers
unset "${!WIRELESS_@}"
export WIRELESS_INTERVAL=20ms WIRELESS_LOG=$folder/log WIRELESS_PID_FILE=$folder/pid
export WIRELESS_TABLE=$folder/table WIRELESS_SYSLOG=$folder/socket

"$peers" "$folder/socket" >syslog 2>&1 &
started+=("$!")
wait_for "the log daemon is there" grep -qsx ready=1 syslog

heading=('Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE'
    ' face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22')
wlan0=' wlan0: 0000   54.  -56.  -256        0      1      0      2     62        3'
wlan1=' wlan1: 0001    0     0     0         0      0      0      0     -1        0'
table() { printf '%s\n' "$@" >new && mv new table; }
begin() {
    rm -f log
    run
    expect "the launcher ends with 0" [ "$status" -eq 0 ]
    pid=$(cat pid)
    started+=("$pid")
}
logged() { LC_ALL=C grep -qsE "wireless_monitor\[$pid\] $1\$" log; }

# -- bad settings: all of them told, and nothing is started
WIRELESS_INTERVAL=60 WIRELESS_LOG=log WIRELESS_LEVEL=loud WIRELESS_TABLE="" run
expect "bad settings end the start with 78" [ "$status" -eq 78 ]
cat >golden <<GOLDEN
$program: WIRELESS_INTERVAL: "60" is not a length of time such as 500ms, 30s or 5min
WIRELESS_LOG: "log" is not an absolute path
WIRELESS_LEVEL: "loud" is none of warning, notice, info, debug
WIRELESS_TABLE: it has no value
GOLDEN
expect "every variable that is wrong is told, with the reason" diff golden err
expect "nothing is left of it" [ ! -e pid ]
WIRELESS_LOG=$folder/missing/log run
expect "a log that cannot be made ends the start with 73" [ "$status" -eq 73 ]

# -- a table as the kernel writes it
table "${heading[@]}" "$wlan0" "$wlan1"
begin
wait_for "an interface" logged 'info: wlan0: link 54, level -56, noise -256, 65 packets discarded, 3 beacons missed'
wait_for "and another one" logged 'info: wlan1: link 0, level 0, noise 0, 4294967295 packets discarded, 0 beacons missed'
wait_for "syslog has it too" grep -qE "^<30>.* wireless_monitor\[$pid\]: wlan0: link 54, level -56, noise -256, 65 packets" syslog
run
expect "a second one is refused with 75" [ "$status" -eq 75 ]
expect "and told the pid of the first" grep -qw "$pid" err
table "${heading[@]}"
wait_for "the interfaces are gone" logged 'info: there is no wireless interface'

# -- tables that the kernel would not write
refused() {  # <reason> <line>...
    local reason=$1
    shift
    : >log
    if [ "$#" -gt 0 ]; then table "$@"; else : >table; fi
    wait_for "refused with its place: $reason" logged "warning: $folder/table$reason"
}
refused ': the heading is missing'
refused ': the heading is missing' "${heading[0]}"
refused ':1: not the heading of a table of wireless interfaces' "$wlan0"
refused ':2: not the heading of a table of wireless interfaces' "${heading[0]}" "$wlan0"
refused ':4: ".*" is not an interface and ten numbers' "${heading[@]}" "$wlan0" "${wlan0% 3}"
refused ':3: ".*" is not an interface and ten numbers' "${heading[@]}" "$wlan0 4"
refused ':3: ".*" is not an interface and ten numbers' "${heading[@]}" "${wlan0/:/ }"
refused ':3: "" is not an interface and ten numbers' "${heading[@]}" "" "$wlan0"
refused ':3: "00g0" is not a status' "${heading[@]}" "${wlan0/0000/00g0}"
refused ':3: "5.4" is not a whole number' "${heading[@]}" "${wlan0/54./5.4.}"
refused ':3: "" is not a whole number' "${heading[@]}" "${wlan0/54./.}"
refused ':3: 4294967296 is not from -2147483648 to 4294967295' "${heading[@]}" "${wlan0/62/4294967296}"
refused ':3: ".*" is not an interface and ten numbers' "${heading[@]}" "$(printf '\001\377%9000s' x)"
mkdir folder
rm table
mv folder table
wait_for "a folder in its place is told" logged "warning: $folder/table: not a plain file"
rmdir table
wait_for "so is no table at all" logged "warning: $folder/table: No such file or directory"
table "${heading[@]}" "$wlan0"
: >log
wait_for "and it goes on when there is one" logged 'info: wlan0: link 54, .*'

# -- what it has missed is not made up for: no line is sooner than its interval
kill -STOP "$pid"
sleep 1
: >log
begun=$(date +%s%N)
kill -CONT "$pid"
sleep 0.1
lines=$(grep -c . log)
expect "$lines lines" [ "$lines" -le $((($(date +%s%N) - begun) / 20000000 + 3)) ]

mv log mine
kill -HUP "$pid"
wait_for "after SIGHUP the log is a new file" [ -s log ]
kill -TERM "$pid"
wait_for "SIGTERM ends it" is_gone "$pid"
expect "and is told" logged 'notice: stopped'
expect "the pid file is gone" [ ! -e pid ]

# -- in the foreground, with an interval that nobody wants to wait for
rm log
WIRELESS_INTERVAL=24h WIRELESS_LEVEL=notice "$program" --foreground >out 2>err </dev/null &
pid=$!
started+=("$pid")
wait_for "it begins" logged 'notice: started'
kill -INT "$pid"
wait "$pid"
status=$?
expect "SIGINT ends it with 0, at once" [ "$status" -eq 0 ]
expect "less than a notice was not wanted" [ "$(grep -c . log)" -eq 2 ]
run here
expect "wrong use ends with 64" [ "$status" -eq 64 ]

# -- the kernel's own table
rm log
unset WIRELESS_TABLE
begin
[ -r /proc/net/wireless ] && table='info: .*' || table='warning: /proc/net/wireless: No such file or directory'
wait_for "its interfaces, or that there is none" logged "$table"
