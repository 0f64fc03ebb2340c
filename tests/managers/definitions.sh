# SPDX-License-Identifier: MIT
# <service>: what print-unit prints, read by the programs that it is for.
. "$(dirname "$0")/../examples/common.sh"

printf 'interval = 20ms\nlog = %s/log\nsyslog = %s/none\n' "$folder" "$folder" >config
print() {  # <kind> <file>
    "$program" --user daemon --group daemon config print-unit "$1" >"$2" 2>err || fail "print-unit $1"
}
without=()
has() { command -v "$1" >/dev/null || { without+=("$1"); return 1; }; }

print systemd thermod.service
if has systemd-analyze; then
    expect "the unit has nothing to complain about" systemd-analyze verify --man=no ./thermod.service >verify 2>&1
    expect "and is quiet" [ ! -s verify ]
    systemd-analyze security --offline=true --no-pager ./thermod.service >security 2>/dev/null
    level=$(sed -n 's/.*Overall exposure level for [^:]*: \([0-9]*\).*/\1/p' security)
    expect "its exposure is told" [ -n "$level" ]
    expect "and is low" [ "$level" -le 2 ]
fi
print sysusers users.conf
print tmpfiles folders.conf
if has systemd-tmpfiles && [ "$(id -u)" -eq 0 ]; then
    mkdir -p root/etc root/usr/lib/tmpfiles.d root/run root/var/log
    cp /etc/passwd /etc/group root/etc/ && cp folders.conf root/usr/lib/tmpfiles.d/thermod.conf
    expect "the folders are made" systemd-tmpfiles --create --root="$folder/root" thermod.conf
    expect "with their modes" [ "$(stat -c %a root/run/thermod root/var/log/thermod | tr '\n' ' ')" = "755 750 " ]
fi
for kind in init-script s6-run runit-run runit-check; do
    print "$kind" script
    expect "$kind is a script for a shell" sh -n script
done
print openrc openrc
expect "so is the one for OpenRC" sh -n openrc
print launchd thermod.plist
if has xmllint; then expect "the property list is well-formed" xmllint --noout --nonet thermod.plist; fi
print apparmor profile
if has apparmor_parser; then expect "the profile is one" apparmor_parser --skip-kernel-load --skip-cache --quiet profile; fi

# The init script is one that starts, asks and stops, with its statuses.
[ "$(id -u)" -eq 0 ] || export XDG_RUNTIME_DIR=$folder
"$program" config print-unit init-script >init 2>err || fail "print-unit init-script"
if [ "$(id -u)" -eq 0 ]; then
    export RUNTIME_DIRECTORY=$folder/run-thermod
    mkdir "$RUNTIME_DIRECTORY"
fi
sh init status >out 2>err
expect "not running is 3" [ $? -eq 3 ]
sh init force-reload >out 2>err
expect "force-reload of what does not run does nothing" [ $? -eq 0 ]
expect "it starts" sh init start >out 2>err
pid=$(sed -n 's/.* pid \([0-9]*\)$/\1/p' out)
started+=("$pid")
expect "running is 0" sh init status >out 2>err
expect "it reloads" sh init reload >out 2>err
expect "it stops" sh init stop >out 2>err
wait_for "and is gone" is_gone "$pid"
sh init what >out 2>err
expect "what it is not asked for is 2" [ $? -eq 2 ]

run config print-unit upstart
expect "a kind that there is not is told with those that there are" grep -q "print-unit takes one of systemd socket" err
expect "as wrong use" [ "$status" -eq 2 ]
run config print-unit socket
expect "a service without sockets has no socket unit" [ "$status" -eq 6 ]
[ ${#without[@]} -eq 0 ] || not_tested "not installed: ${without[*]} (all else was tried)"
