# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

run 2
expect "without a journal the lines go to stderr" [ "$(cat err)" = "started with 1 sensor" ]
JOURNAL_STREAM=1:1 run 2
expect "JOURNAL_STREAM has to name what stderr is" [ "$(cat err)" = "started with 1 sensor" ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

# The real journald, in a mount namespace with a /run of its own; what it logs stays in there.
journald=/lib/systemd/systemd-journald
if [ ! -x "$journald" ] || ! command -v journalctl >/dev/null; then
    not_tested "systemd-journald is not installed"
fi
if [ "$(id -u)" -eq 0 ]; then own=(unshare --mount); else own=(unshare --user --map-root-user --mount); fi
"${own[@]}" true 2>/dev/null || not_tested "a mount namespace is refused here"
cat >in_namespace <<'SCRIPT'
not_possible() { echo "$1"; exit 77; }
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journald.conf.d /run/log/journal ||
    not_possible "a /run of its own cannot be mounted"
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nForwardToWall=no\nRateLimitIntervalSec=0\n' \
    >/run/systemd/journald.conf.d/daemonkit.conf
"$1" >journald.out 2>&1 </dev/null &
journald=$!
trap 'kill "$journald"; wait "$journald"' EXIT
for i in $(seq 200); do
    [ -S /run/systemd/journal/socket ] && break
    kill -0 "$journald" 2>/dev/null || not_possible "journald ends at its start"
    sleep 0.05
done
[ -S /run/systemd/journal/socket ] || not_possible "journald does not listen within 10 seconds"
: >stderr
JOURNAL_STREAM=$(stat -c %d:%i stderr) "$2" 2 2>stderr || exit 1
read_back() { journalctl -q -D /run/log/journal --no-pager "$@" SYSLOG_IDENTIFIER=thermod; }
for i in $(seq 200); do
    [ "$(read_back -o cat --output-fields=PRIORITY | wc -l)" -ge 3 ] && break
    sleep 0.05
done
read_back -o export SENSOR=2 >entry
read_back -o cat --output-fields=MESSAGE PRIORITY=5 >notice
read_back -o cat -a --output-fields=MESSAGE PRIORITY=6 | wc -c >large
SCRIPT
"${own[@]}" bash -u ./in_namespace "$journald" "$program" >namespace.out 2>&1
case $? in
    0) ;;
    77) not_tested "$(tail -n 1 namespace.out)" ;;
    *) fail "the program ends with 0, and no message is dropped" ;;
esac
expect "stderr stays empty where the journal listens" [ ! -s stderr ]
for field in PRIORITY=4 SYSLOG_FACILITY=3 ROOM=boiler DEGREES=95.0 _TRANSPORT=journal CODE_FUNC=main; do
    expect "the entry has $field" grep -aqx "$field" entry
done
expect "and the line of code" grep -aq '^CODE_FILE=.*log_to_journal.cpp$' entry
expect "its message has both lines" grep -aqx '95.0 degrees, 90.0 at most' entry
expect "a message through the same function as on stderr" [ "$(cat notice)" = "started with 1 sensor" ]
expect "a message of a million bytes has arrived" [ "$(cat large)" -eq 1000001 ]
