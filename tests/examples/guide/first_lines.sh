# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"
PATH=$PATH:/usr/sbin

command -v rsyslogd >/dev/null || not_tested "rsyslogd is not installed"
cat >conf <<CONF
global(workDirectory="$folder")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$folder/socket" RateLimit.Interval="0")
template(name="fields" type="string" string="%syslogseverity-text% %procid%%msg%\n")
action(type="omfile" file="$folder/log" template="fields")
CONF
rsyslogd -n -f "$folder/conf" -i "$folder/rsyslogd.pid" >rsyslogd.out 2>&1 &
started+=("$!")
wait_for "rsyslogd listens" [ -S "$folder/socket" ]
run "$folder/socket"
expect "the start works" [ "$status" -eq 0 ]
printf 'version 1.4, 3 sensors configured\nsensor 2 does not answer\n' >wanted
expect "what was logged before there was a log is seen at the terminal" cmp -s err wanted
wait_for "and what came after it is in the log" grep -qs '^info [0-9]* ready$' log
daemon=$(sed -n 's/^info \([0-9]*\) ready$/\1/p' log)
started+=("$daemon")
time='[0-9-]*T[0-9:.]*Z'
expect "the launcher's line is told by the daemon" \
    grep -qx "notice $daemon $time version 1.4, 3 sensors configured" log
expect "its own line too" grep -qx "warning $daemon $time sensor 2 does not answer" log
expect "each line is there once" [ "$(wc -l <log)" -eq 3 ]
kill -TERM "$daemon"
wait_for "SIGTERM ends it" is_gone "$daemon"
