# SPDX-License-Identifier: MIT
# <probe_manager> <socket_activated_echo> <service> types|reload|home: services of every type, one by the unit that it
# prints itself, those of Type=notify-reload, or one with what a manager gives by the environment, under a real systemd,
# which is pid 1 of namespaces of its own. It sees this machine's files, read-only, and has a /run, a /dev, a /var/log, a
# /var/lib and a tree of cgroups to itself.
source=$(cd "$(dirname "$0")/../.." && pwd)
. "$source/tests/examples/common.sh"
echo_server=$2
service=$3
at_home=${service%/*}/guide_at_home
part=$4
systemd=/lib/systemd/systemd
starts=100

[ "$(id -u)" -eq 0 ] || not_tested "only root can boot systemd"
if [ ! -x "$systemd" ] || ! command -v systemctl >/dev/null || ! command -v nsenter >/dev/null; then
    not_tested "systemd is not installed"
fi
namespaces=(--pid --mount --cgroup --uts --ipc)
unshare "${namespaces[@]}" --fork true 2>/dev/null || not_tested "namespaces are refused here"

mkdir dev units opt home var_tmp
chmod 1777 var_tmp
cat >boot <<'SCRIPT'
not_possible() { echo "NOT POSSIBLE: $1"; exit 77; }
mount --make-rprivate / || not_possible "mounts of its own"
# Where services with PrivateTmp= and PrivateDevices= get theirs; they are removed when these stop.
mount --bind /tmp /tmp && mount --bind "$1/var_tmp" /var/tmp || not_possible "folders for temporary files"
mount --bind "$1" "$1" || not_possible "the folder of the test"
mount -t tmpfs tmpfs "$1/dev" || not_possible "a /dev of its own"
for node in null zero full random urandom tty ptmx; do
    : >"$1/dev/$node" && mount --bind "/dev/$node" "$1/dev/$node" || not_possible "/dev/$node"
done
mkdir "$1/dev/shm" "$1/dev/pts" && mount --move "$1/dev" /dev || not_possible "a /dev of its own"
mount -t proc proc /proc || not_possible "a /proc of its own"
# As pid 1 systemd raises limits of the kernel, which are those of this machine.
mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys ||
    not_possible "a /proc/sys that it cannot change"
# Shared, because systemd mounts credentials there out of a namespace of their own.
mount -t tmpfs tmpfs /run && mount --make-shared /run || not_possible "a /run of its own"
mount -t tmpfs tmpfs /var/log || not_possible "a /var/log of its own"
mount -t tmpfs tmpfs /var/lib || not_possible "a /var/lib of its own"
mount --bind "$1/opt" /opt || not_possible "an /opt of its own"
mount --bind "$1/home" /home || not_possible "a /home of its own"
umount -R /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 none /sys/fs/cgroup || not_possible "cgroups of its own"
mount -o remount,bind,ro / || not_possible "a read-only root"
mkdir -p /run/systemd/system /run/systemd/journald.conf.d && cp "$1"/units/* /run/systemd/system/
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nForwardToWall=no\nRateLimitIntervalSec=0\n' \
    >/run/systemd/journald.conf.d/test.conf
export container=daemonkit-test
exec "$2" --system --unit=test.target --log-target=journal --log-level=info --show-status=0
SCRIPT

# -- the units ----------------------------------------------------------------------------------------------------------
unit() {  # <name> <line of [Service]>...
    local name=$1
    shift
    { printf '[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n[Service]\n'; printf '%s\n' "$@"; } >"units/$name.service"
}
printf '[Unit]\nDefaultDependencies=no\n' >units/test.target
for type in simple exec notify; do
    unit "$type" Type=$type "ExecStart=$program $folder/$type.log"
done
unit forking Type=forking "PIDFile=/run/forking.pid" \
    "ExecStart=$program $folder/forking.log --detach always --pid-file /run/forking.pid"
unit detached Type=notify NotifyAccess=all "ExecStart=$program $folder/detached.log --detach always"
unit fails Type=notify "ExecStart=$program $folder/fails.log --fail"
unit stores Type=notify FileDescriptorStoreMax=1 "ExecStart=$program $folder/stores.log --store"
unit hangs Type=notify WatchdogSec=1 Restart=no "ExecStart=$program $folder/hangs.log --hang $folder/hang"
unit reloads Type=notify-reload "ExecStart=$program $folder/reloads.log"
unit reload_fails Type=notify-reload "ExecStart=$program $folder/reload_fails.log --fail-reload"
unit echo Type=notify "ExecStart=$echo_server"
low=$(cut -f 1 /proc/sys/net/ipv4/ip_local_port_range) || low=32768
port=$((low - 1 - $$ % 8000))
# With a user of the manager's making, whose folder is reached by a link.
cp "$at_home" opt/at_home
unit home Type=exec "ExecStart=/opt/at_home home" DynamicUser=yes StateDirectory=home \
    "SetCredential=database:open sesame" MemoryPressureWatch=yes
# The unit that the guide shows, and the program that it is for.
cp "${service%/*}/00_hello_daemon" opt/hello
awk '/^\[Unit\]$/ { inside = 1 } inside && /^```$/ { exit } inside' \
    "$source/docs/guide/managers.md" >by_hand
sed 's|/usr/local/bin|/opt|; s|^\[Unit\]|&\nDefaultDependencies=no|; /^\[Install\]/,$d' by_hand >units/by_hand.service
# The unit that a program prints of itself; a hardened service does not see the folder of this test.
cp "$service" opt/thermod
printf 'interval = 20ms\n' >opt/thermod.conf
thermod=(--user daemon --group daemon /opt/thermod.conf)
"$service" "${thermod[@]}" print-unit >printed || fail "print-unit"
sed "s|$service|/opt/thermod|; s|^\\[Unit\\]|&\nDefaultDependencies=no|" printed >units/thermod.service
# The same from folders that such a unit hides, where a service has nothing in them.
for place in home/ann var_tmp/thermod; do
    at=/${place/_//}
    mkdir -p "$place/logs" && chown daemon:daemon "$place/logs" && cp "$service" "$place/thermod"
    printf 'interval = 20ms\nlog = %s/logs/log\n' "$at" >"$place/thermod.conf"
    (exec -a "$at/thermod" "$service" --user daemon --group daemon "$at/thermod.conf" print-unit) >printed ||
        fail "print-unit in $at"
    # This program does not tell its definition where the log is; one that does has this line in its unit.
    sed "s|^\\[Unit\\]|&\nDefaultDependencies=no|; s|^ProtectHome=read-only|&\nReadWritePaths=$at/logs|" \
        printed >"units/in_${place%%[/_]*}.service"
done
printf '[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=127.0.0.1:%s\n' "$port" >units/echo.socket

# -- the boot -----------------------------------------------------------------------------------------------------------
unshare "${namespaces[@]}" --fork --kill-child bash -u boot "$folder" "$systemd" >boot.out 2>&1 </dev/null &
boot=$!
started+=("$boot")
init=
find_init() {
    is_gone "$boot" && return 0
    init=$(pgrep -P "$boot") && grep -qs '^systemd$' "/proc/$init/comm"
}
wait_for "systemd starts" find_init
inside() { nsenter --target "$init" --pid --mount --cgroup --uts --ipc -- "$@"; }
is_up() { is_gone "$boot" || [ "$(inside systemctl is-active test.target 2>/dev/null)" = active ]; }
wait_for "systemd reaches its target" is_up
if is_gone "$boot"; then
    reason=$(sed -n 's/^NOT POSSIBLE: //p' boot.out)
    [ -n "$reason" ] || fail "systemd ends at its start"
    not_tested "systemd cannot be booted here: $reason"
fi
inside systemctl start systemd-journald.service || fail "the journal starts"
version=$(inside systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
journal() { inside journalctl -q --no-pager -o short-monotonic "$@"; }
test_failed=$(declare -f fail)
eval "test_${test_failed}"
fail() { journal >journal.out; test_fail "$1"; }
property() { inside systemctl show --value --property "$2" "$1.service"; }  # <unit> <property>
has() { [ "$(property "$1" "$2")" = "$3" ]; }  # <unit> <property> <value>
ctl() { inside systemctl "$@" >ctl.out 2>&1; }

finish() {
    kill -KILL "$init"
    wait "$boot" 2>/dev/null
    fail() { test_fail "$1"; }
}

# -- reloads ------------------------------------------------------------------------------------------------------------
if [ "$part" = reload ]; then
    if [ "$version" -lt 253 ]; then
        finish
        not_tested "this is systemd $version, and Type=notify-reload came with 253"
    fi
    expect "Type=notify-reload starts" ctl start reloads
    expect "a reload comes back when it is over" ctl reload reloads
    expect "it has taken place" grep -qx reload reloads.log
    expect "the service goes on" has reloads ActiveState active
    expect "and tells so" has reloads StatusText reloaded
    expect "and stops" ctl stop reloads
    ctl start reload_fails
    expect "one that fails comes back, too" ctl reload reload_fails
    expect "with its reason" has reload_fails StatusText "it was not brought to its end"
    expect "and the service goes on" has reload_fails ActiveState active
    ctl stop reload_fails
    finish
    exit 0
fi

# -- folders, credentials, memory -----------------------------------------------------------------------------------------
if [ "$part" = home ]; then
    said() { journal -u home.service >said && grep -q "$1" said; }
    expect "a service with folders and credentials starts" ctl start home
    wait_for "it has both" said "start 1, a password of 11 bytes"
    expect "its folder is reached by a link" inside test -L /var/lib/home
    expect "its user is none of this machine's" [ "$(inside stat -c %u /var/lib/private/home)" -gt 60000 ]
    expect "it restarts" ctl restart home
    wait_for "its folder stays" said "start 2, a password of 11 bytes"
    expect "it stops" ctl stop home
    expect "and well" has home Result success
    finish
    exit 0
fi

# -- every type ---------------------------------------------------------------------------------------------------------
for name in simple exec notify forking detached; do
    expect "$name starts" ctl start "$name"
    wait_for "$name is up" grep -qs '^up' "$name.log"
    wait_for "$name is active" has "$name" ActiveState active
    pid=$(sed -n 's/^up //p' "$name.log")  # in the namespace of systemd
    wait_for "$name has the daemon as its main process" has "$name" MainPID "$pid"
    expect "$name stops" ctl stop "$name"
    [ "$name" != detached ] || continue  # no child of systemd's, which waits for children alone
    expect "$name has stopped by itself" grep -qx stopping "$name.log"
    expect "and well: $name" has "$name" Result success
done
expect "a start of Type=forking is over when the pid file is there" [ "$(grep -c '^up' forking.log)" -eq 1 ]
for ((i = 0; i < starts; i++)); do
    ctl restart forking || fail "start $i of Type=forking"
done
ctl stop forking
expect "no pid file was missing, or not believed, in $starts starts" \
    eval "! journal | grep -i 'pid file'"

expect "a start that fails is a failed start" eval '! ctl start fails'
expect "with the exit status of a failed start" has fails ExecMainStatus 70
expect "with the reason as its status" has fails StatusText "application: the cellar: locked (Permission denied)"
expect "and its errno" has fails StatusErrno 13

expect "a daemon starts by a unit written by hand" ctl start by_hand
pid=$(property by_hand MainPID)
expect "its relative paths are those of the unit" [ "$(inside cat /run/hello/hello.pid)" = "$pid" ]
inside kill -KILL "$pid"
wait_for "one that crashes is started again" has by_hand NRestarts 1
wait_for "and runs" has by_hand SubState running
expect "it stops" ctl stop by_hand
expect "and well" has by_hand Result success

expect "a service starts by the unit that it prints" ctl start thermod
expect "as its user" [ "$(inside ps -o user= -p "$(property thermod MainPID)")" = daemon ]
expect "its own verbs find it" inside /opt/thermod "${thermod[@]}" status >status.out
expect "it is running" grep -q running status.out
expect "a reload comes back when it is over" ctl reload thermod
printf 'interval = soon\n' >opt/thermod.conf
expect "one that fails is a failed reload" eval '! ctl reload thermod'
expect "and the service goes on" has thermod ActiveState active
expect "it stops" ctl stop thermod
expect "and well" has thermod Result success
for place in home/ann var_tmp/thermod; do
    name=in_${place%%[/_]*}
    expect "a service starts where its unit would hide it from others: $name" ctl start $name
    expect "and writes its log there: $name" [ -s "$place/logs/log" ]
    expect "reloads: $name" ctl reload $name
    expect "stops: $name" ctl stop $name
    expect "and well: $name" has $name Result success
done
expect "a bad configuration is a failed start" eval '! ctl start thermod'
expect "which is not tried again" has thermod NRestarts 0

# -- sockets, the store, the watchdog -----------------------------------------------------------------------------------
answers() {
    local line=
    { exec 8<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 1
    printf '%s\n' "$1" >&8 && IFS= read -r -t 20 line <&8
    exec 8>&-
    [ "$line" = "$1" ]
}
expect "a socket is opened before its service runs" ctl start echo.socket
expect "the service does not run" has echo ActiveState inactive
expect "who connects starts it, and is answered" answers "activated"
expect "it runs now" has echo ActiveState active
expect "it ends" ctl stop echo.service
expect "and the next one who connects is answered by the next" answers "again"
ctl stop echo.socket echo.service

expect "a service that keeps descriptors starts" ctl start stores
expect "restarts" ctl restart stores
expect "and restarts" ctl restart stores
expect "each start has found the count of the one before" [ "$(grep '^count' stores.log | tr '\n' ' ')" = "count 1 count 2 count 3 " ]
ctl stop stores

expect "a service under a watchdog starts" ctl start hangs
sleep 2.5  # the time limit itself is what is tried here: more than two of them pass
expect "and outlives its limit, because it gets on" has hangs ActiveState active
: >hang
wait_for "once it hangs it is ended" has hangs Result watchdog
expect "after it has told which part hangs" has hangs StatusText "no progress: main"
expect "by the manager" has hangs ExecMainCode 2

expect "the journal has what systemd says of them" eval "journal -u notify.service | grep -q Started"
finish
