# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

cat >wanted <<'END'
create: 4 threads with main, 4 ids
join: the ids they saw themselves are the same, 1 is left: main's
detach: it cannot be joined any more; it says: done
race: 1000 of 2000
mended by one step: 2000 of 2000
mended by a mutex: 2000 of 2000
END
run
expect "it ends with 0" [ "$status" -eq 0 ]
expect "the race loses every second update, the mended ones none" cmp wanted out
