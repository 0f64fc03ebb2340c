# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Sends a line to the port and reads the answer: what was sent comes back.
answers() {  # <port> <text>
    local line=
    { exec 8<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
    printf '%s\n' "$2" >&8 && IFS= read -r -t 20 line <&8
    exec 8>&-
    [ "$line" = "$2" ]
}
# A port that nobody listens on now, of those that the kernel gives to no client; another test may take it first.
low=$(cut -f 1 /proc/sys/net/ipv4/ip_local_port_range 2>/dev/null) || low=32768
port=$((low - 1 - $$ % 8000))
is_free() { ! { exec 8<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null; }
until is_free "$port"; do port=$((port - 1)); done

run "$port" pid
expect "as a daemon it binds for itself" [ "$status" -eq 0 ]
pid=$(cat pid)
started+=("$pid")
expect "whoever starts it finds it ready" answers "$port" "hello"
exec 9<>"/dev/tcp/127.0.0.1/$port"
expect "a silent client holds up nobody" answers "$port" "again"
head -c 3000000 /dev/zero >&9 2>/dev/null &
writer=$!
started+=("$writer")
expect "nor does one that does not read" answers "$port" "and again"
run "$port"
expect "a port that is taken fails the start" [ "$status" -eq 70 ]
expect "and the launcher tells why" grep -q "bind: Address already in use" err
run "$port" pid
expect "a second instance is told" [ "$status" -eq 75 ]
if command -v prlimit >/dev/null; then
    exec 7<>"/dev/tcp/127.0.0.1/$port"
    echoes() { printf '%s\n' "$1" >&7 && IFS= read -r -t 20 line <&7 && [ "$line" = "$1" ]; }
    expect "it has two clients" echoes "first"
    prlimit --pid "$pid" --nofile=8: || fail "no limit could be set"  # with fewer, poll would refuse as well
    exec 6<>"/dev/tcp/127.0.0.1/$port"
    expect "without descriptors it serves those that it has" echoes "second"
    prlimit --pid "$pid" --nofile=64:
    expect "and others as soon as it can" answers "$port" "later"
    exec 6>&- 7>&-
fi
kill -TERM "$pid"
wait_for "SIGTERM ends it, whoever is connected" is_gone "$pid"
exec 9>&-
wait "$writer"
expect "the pid file is gone" [ ! -e pid ]

"$program" --foreground "$port" pid >out 2>err </dev/null &
pid=$!
started+=("$pid")
wait_for "the same in the foreground" answers "$port" "in front"
expect "it is the process that was started" grep -qx "$pid" pid
kill -INT "$pid"
wait "$pid"
expect "and ends with 0" [ $? -eq 0 ]

for bad in x 65536 -1 "1 2"; do
    run "$bad"
    expect "$bad is no port" [ "$status" -eq 64 ]
done

command -v systemd-socket-activate >/dev/null || not_tested "systemd-socket-activate is not installed"
systemd-socket-activate --listen="127.0.0.1:$port" "$program" >out 2>err </dev/null &
pid=$!
started+=("$pid")
wait_for "a socket that was handed over is served" answers "$port" "activated"
expect "by the very process that it was handed to" [ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$program")" ]
expect "and goes on" answers "$port" "more"
kill -TERM "$pid"
wait "$pid"
expect "it ends with 0" [ $? -eq 0 ]
