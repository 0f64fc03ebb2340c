# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"
PATH=$PATH:/usr/sbin

run /nowhere/log 127.0.0.1 1 x
expect "what nobody takes goes to stderr, where that is asked for" grep -q '^thermod\[[0-9]*\]: started with 3 sensors$' err
expect "and is counted" [ "$status" -eq 74 ]
run /nowhere/log "no.such.host.invalid" 514 x
expect "a host that is not known is told" grep -q 'open_syslog: no.such.host.invalid: ' err
expect "with 71" [ "$status" -eq 71 ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]

command -v rsyslogd >/dev/null || not_tested "rsyslogd is not installed"
port=$((10000 + $$ % 20000))
cat >conf <<CONF
global(workDirectory="$folder")
module(load="imuxsock" SysSock.Use="off")
module(load="imudp")
input(type="imuxsock" Socket="$folder/socket" RateLimit.Interval="0")
input(type="imudp" address="127.0.0.1" port="$port")
template(name="fields" type="string"
  string="%syslogfacility-text%.%syslogseverity-text% %app-name% %msgid% %structured-data% %msg%\n")
action(type="omfile" file="$folder/log" template="fields")
CONF
rsyslogd -n -f "$folder/conf" -i "$folder/rsyslogd.pid" >rsyslogd.out 2>&1 &
started+=("$!")
wait_for "rsyslogd listens" [ -S "$folder/socket" ]
arrived() {
    run "$folder/socket" 127.0.0.1 "$port" 'O"Neill'
    sleep 0.05
    grep -qs thermod-audit log
}
wait_for "both ways lead to the log" arrived
expect "every line is taken" [ "$status" -eq 0 ]
wait_for "the local one" grep -qx 'daemon.notice thermod - -  started with 3 sensors' log
wait_for "an error, once" grep -qx 'daemon.err thermod - -  sensor 2 is at 95.0 degrees' log
wait_for "and how often it came again" grep -qx 'daemon.err thermod - -  last message repeated 2 times' log
wait_for "the one over UDP, with its structured data" \
    grep -qxF 'authpriv.info thermod-audit LOGIN [user@32473 name="O\"Neill"] login' log
expect "nothing below the mask" eval '! grep -q 20.5 log'
expect "to stderr goes every line" [ "$(grep -c 'sensor 2' err)" -eq 4 ]
