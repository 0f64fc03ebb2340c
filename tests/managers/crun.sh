# SPDX-License-Identifier: MIT
# <container_init> <service>: as pid 1 of containers that crun makes, with a root that cannot be written to, hardly any
# capability, and a seccomp filter that says EPERM to calls which it does not know, as those of old engines do.
. "$(dirname "$0")/../examples/common.sh"
service=$2
command -v crun >/dev/null || not_tested "crun is not installed"
[ "$(id -u)" -eq 0 ] || not_tested "only root makes these containers"

# -- the image: the programs, a shell, and the libraries of both
put() {  # <program>
    local library
    mkdir -p root/bin && cp "$1" root/bin/
    for library in $(ldd "$1" | grep -o '/[^ ]*'); do mkdir -p "root${library%/*}" && cp "$library" "root$library"; done
}
mkdir -p root/proc root/dev root/run root/etc
put "$program" && put "$service" && put "$(readlink -f "$(command -v sh)")" && put "$(command -v sleep)"
shell=/bin/$(basename "$(readlink -f "$(command -v sh)")")
printf 'interval = 20ms\nlog = /run/log\nsyslog = /run/none\n' >root/etc/thermod.conf

bundle() {  # <argument>...: what its pid 1 is
    local arguments
    arguments=$(printf ', "%s"' "$@")
    cat >config.json <<END
{"ociVersion": "1.0.0", "root": {"path": "root", "readonly": true}, "hostname": "thermod",
 "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "noNewPrivileges": true, "args": [${arguments:2}], "env": ["PATH=/bin"],
  "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]}},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
  {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
  {"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=755"]}],
 "linux": {"namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
  "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
   {"action": "SCMP_ACT_ERRNO", "errnoRet": 1, "names": ["close_range", "pidfd_open", "pidfd_send_signal", "epoll_pwait2",
    "faccessat2", "openat2", "mount", "unshare", "setns", "ptrace", "keyctl", "landlock_create_ruleset"]},
   {"action": "SCMP_ACT_ERRNO", "errnoRet": 38, "names": ["clone3"]}]}}}
END
}
# crun wants the tree of cgroups in its second version, which the machine may have as a part of the first.
cat >with_cgroups <<'SCRIPT'
mount --make-rprivate / && { umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; } || exit
exec "$@"
SCRIPT
crun=(crun --root "$folder/state" --cgroup-manager=disabled)
begin() {  # <argument>...: becomes $container, whose status that of $outside is
    bundle "$@"
    container=daemonkit-test-$$-$((++count))
    : >out
    unshare --mount bash with_cgroups "${crun[@]}" run "$container" >out 2>err </dev/null &
    outside=$!
    started+=("$outside")
}
count=0
says() { grep -qsxF "$1" out; }
says_or_is_over() { says "$1" || is_gone "$outside"; }
ends_with() {  # <status>
    wait_for "the container ends" is_gone "$outside"
    wait "$outside"
    [ $? -eq "$1" ]
}
signal() { "${crun[@]}" kill "$container" "$1"; }
inside() { unshare --mount bash with_cgroups "${crun[@]}" exec "$container" "$@" >exec.out 2>exec.err </dev/null; }
end_containers() {
    for ((i = 1; i <= count; i++)); do "${crun[@]}" delete --force "daemonkit-test-$$-$i" 2>/dev/null; done
    end_test
}
trap end_containers EXIT

# -- a daemon that is pid 1 itself
begin "/bin/${program##*/}"
wait_for "a container is there" says_or_is_over ready
says ready || not_tested "crun cannot make a container here: $(tail -n 1 err)"
signal TERM
expect "a daemon that is pid 1 hears of TERM" ends_with 0
expect "and ends well" says stopped

# -- a program that is not made for it
begin "/bin/${program##*/}" "$shell" -c "trap 'exit 7' TERM; (sleep 1000 &); echo ready; while :; do sleep 0.02; done"
wait_for "the program runs" says ready
signal TERM
expect "TERM is passed on, the status is the program's, and an orphan holds nothing up" ends_with 7
begin "/bin/${program##*/}" "$shell" -c 'kill -KILL $$'
expect "a program that is killed is told as a shell tells it" ends_with 137
begin "/bin/${program##*/}" /bin/none
expect "one that there is not, too" ends_with 127

# -- a whole service, and what an engine asks it
begin "/bin/${service##*/}" /etc/thermod.conf run
wait_for "a service starts" inside "/bin/${service##*/}" /etc/thermod.conf wait-ready
expect "an engine's probe finds it" inside "/bin/${service##*/}" /etc/thermod.conf status
expect "as pid 1" grep -q 'pid 1\b' exec.out
expect "it reloads" inside "/bin/${service##*/}" /etc/thermod.conf reload
expect "to stop it is the engine's: who asks from inside would end with it" \
    eval '! inside "/bin/${service##*/}" /etc/thermod.conf stop'
expect "and is told why not" grep -q 'pid 1 is never signalled' exec.err
signal TERM
expect "it stops when the engine says so" ends_with 0
