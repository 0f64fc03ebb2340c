# SPDX-License-Identifier: MIT
# deploy.sh <service> <root of the checkout>: what examples/deploy says is what the program says and does.
case $1 in /*) ;; *) echo "an absolute path, please" >&2; exit 64 ;; esac
root=$2
. "$(dirname "$0")/common.sh"
deploy=$root/examples/deploy
unset RUNTIME_DIRECTORY "${!THERMOD_@}"

# -- systemd: the files are what the program prints
printed() { (exec -a /usr/local/bin/thermod "$program" --user thermod --group thermod /etc/thermod.conf print-unit "$1"); }
for pair in systemd:service sysusers:sysusers tmpfiles:tmpfiles; do
    expect "it prints ${pair%:*}" eval 'printed "${pair%:*}" >printed'
    expect "which is thermod.${pair#*:}" cmp printed "$deploy/thermod.${pair#*:}"
done
if command -v systemd-analyze >/dev/null; then
    sed "s,/usr/local/bin/thermod,$(command -v true)," "$deploy/thermod.service" >thermod.service
    expect "systemd takes it" eval 'systemd-analyze verify --man=no ./thermod.service >verify 2>&1'
    expect "without a word of it" eval '! grep -q "thermod.service" verify'
fi

# -- every file of the checkout that is named is there
named=$(sed -n 's/^COPY \(--from.*\)\{0,1\}//p' "$deploy/Containerfile" | grep -v '^/thermod' | sed 's/ [^ ]*$//')
for file in $named; do expect "$file, which is copied, is there" [ -e "$root/$file" ]; done
for file in $(sed -n 's/^| `\([^`]*\)` .*/\1/p' "$deploy/README.md"); do
    expect "$file of the README is there" [ -e "$deploy/$file" ]
done
for file in "$deploy"/*; do
    case ${file##*/} in
        README.md) ;;
        *) expect "${file##*/} is in the README" grep -q "^| \`${file##*/}\` " "$deploy/README.md" ;;
    esac
done

# -- Kubernetes: its commands are run, with a folder of this test in the place of the volume
command -v python3 >/dev/null && python3 -c 'import yaml' 2>/dev/null || not_tested "python3 with yaml, to read daemonset.yaml"
cat >read.py <<'END'
import sys, yaml
pod = yaml.safe_load(open(sys.argv[1]))["spec"]["template"]["spec"]
main, first = pod["containers"][0], pod["initContainers"][0]
for container in (main, first):
    confined = container["securityContext"]
    assert confined["readOnlyRootFilesystem"] is True and confined["allowPrivilegeEscalation"] is False
    assert confined["capabilities"] == {"drop": ["ALL"]} and container["resources"]["limits"]["memory"]
    assert {mount["name"] for mount in container["volumeMounts"]} <= {volume["name"] for volume in pod["volumes"]}
assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0
assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
print("grace=%d" % pod["terminationGracePeriodSeconds"])
print("uid=%d" % pod["securityContext"]["runAsUser"])
for one in main["env"]:
    print("export %s=%s" % (one["name"], one["value"]))
print("make_folder=(%s)" % " ".join(first["command"]))
print("run=(%s)" % " ".join(main["command"]))
for probe in ("startup", "readiness", "liveness"):
    print("%s=(%s)" % (probe, " ".join(main[probe + "Probe"]["exec"]["command"])))
END
expect "daemonset.yaml is what it has to be" eval 'python3 read.py "$deploy/daemonset.yaml" >told'
expect "its user is that of the image" grep -q "^USER $(sed -n 's/^uid=//p' told):" "$deploy/Containerfile"
expect "its grace is that of the unit" \
    grep -q "^TimeoutStopSec=$(sed -n 's/^grace=//p' told)000ms$" "$deploy/thermod.service"
expect "the path of the program is that of the image" grep -q "^COPY --from=build /thermod /usr/local/bin/thermod$" "$deploy/Containerfile"
sed "s,/usr/local/bin/thermod,$program,; s,/etc/thermod.conf,$deploy/thermod.conf,; s,/run/pod,$folder/pod," told >here
. ./here
mkdir pod
chmod 777 pod
expect "the init container makes the folder" "${make_folder[@]}"
does() { "$@" >out 2>err </dev/null; }
expect "before it runs it is not alive" eval '! does "${liveness[@]}"'
expect "and not ready" eval '! does "${readiness[@]}"'

# Pid 1, where that is allowed here; its probes come from outside, as those of a node do.
namespace=(unshare --pid --fork --kill-child)
[ "$(id -u)" -eq 0 ] || namespace+=(--user --map-current-user)
"${namespace[@]}" true 2>/dev/null || namespace=()
"${namespace[@]}" "${run[@]}" >out.run 2>&1 </dev/null &
outside=$!
started+=("$outside")
wait_for "it starts" does "${startup[@]}"
expect "it is ready" does "${readiness[@]}"
expect "it is alive" does "${liveness[@]}"
expect "which its own loop has said" grep -qxE '[0-9]+' out
expect "it has its log" [ -s pod/thermod/thermod.log ]
inside=$outside
[ "${#namespace[@]}" -eq 0 ] || inside=$(pgrep -P "$outside")
started+=("$inside")

# One that hangs is still there, and is not alive: the node gives it the time of the probe.
kill -STOP "$inside"
expect "one that hangs is not alive" eval '! does timeout 1 "${liveness[@]}"'
kill -CONT "$inside"
wait_for "then it is again" does "${liveness[@]}"

kill -TERM "$inside"
wait_for "SIGTERM ends it" is_gone "$outside"
wait "$outside"
expect "with 0" [ "$?" -eq 0 ]
expect "in order" eval 'tail -n 1 pod/thermod/thermod.log | grep -q "notice: stopped$"'
expect "and leaves nothing but its log" [ "$(ls pod/thermod)" = thermod.log ]
