# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

# What daemon(3) itself leaves is what has to come out, but for the session: daemon(3) forks once and leads it.
for form in "0 0" "0 1" "1 0" "1 1"; do
    for way in libc ours; do
        # shellcheck disable=SC2086  # the form is two words
        run report $way $form
        expect "$way, $form: the launcher ends with 0" [ "$status" -eq 0 ]
        wait_for "$way, $form: the daemon reports" grep -qs '^leads its session' report
        mv report "$way"
    done
    expect "libc, $form: leads its session" grep -qx 'leads its session yes' libc
    expect "ours, $form: does not" grep -qx 'leads its session no' ours
    sed -i '/^leads its session/d' libc ours
    expect "the rest is the same, $form" cmp libc ours
done

run missing/report ours 0 0
expect "a report that cannot be made ends it with 73" [ "$status" -eq 73 ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]
