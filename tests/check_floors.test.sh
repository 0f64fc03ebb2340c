#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/check_floors.test.sh <checkout>: scripts/check-floors passes a copy of the headers, and finds each kind of
# breach planted in one, at the file where it is.
set -eu

checkout=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
headers=include/daemonkit

copy() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/cmake"
    cp -R "$checkout/include" "$work/tree/include"
    cp "$checkout/cmake/headers.cmake" "$work/tree/cmake/headers.cmake"
}
expect() {  # <what is expected in the output>: the check of the copy fails and says so
    if output=$(bash "$checkout/scripts/check-floors" "$work/tree"); then
        echo "not found: $1"
        exit 1
    fi
    grep -qF -e "$1" <<<"$output" || { printf 'expected: %s\nfound:\n%s\n' "$1" "$output"; exit 1; }
    copy
}
plant() { printf '%s\n' "$2" >>"$work/tree/$headers/$1"; }

copy
plant error.hpp '#include <daemonkit/fd_redirect.hpp>'
expect 'error (floor 0) includes fd_redirect (floor 5)'

plant pid_lock.hpp '#  include <daemonkit/fd_redirect.hpp>  // the same floor'
expect 'pid_lock (floor 5) includes fd_redirect (floor 5)'

plant pid_lock.hpp '#include <daemonkit/detail/change_ids_setres.hpp>'
expect 'detail/change_ids_setres stands behind detail/change_ids, which is to be included'

plant error.hpp '#include <daemonkit/conveniences.hpp>'
expect 'unknown header: daemonkit/conveniences.hpp'

plant error.hpp '#include "daemonkit/version.hpp"'
expect 'a header is included with <>'

for costly in filesystem thread iostream ostream fstream sstream; do
    plant fd_redirect.hpp "#include <$costly>"
    expect "costly in a core header: <$costly>"
done

printf '// SPDX-License-Identifier: MIT\n#pragma once\n// Conveniences. Floor 3.\n' >"$work/tree/$headers/conveniences.hpp"
expect 'no floor: conveniences is not in the table'

cp "$work/tree/$headers/error.hpp" "$work/tree/$headers/upgrade.hpp"
expect 'not in the list: include/daemonkit/upgrade.hpp'

rm "$work/tree/$headers/fd_redirect.hpp"
expect 'listed, but not there: include/daemonkit/fd_redirect.hpp'

sed -i.before 's/Floor 0/Floor 4/' "$work/tree/$headers/error.hpp"
expect 'the comment says Floor 4, the table says 0'

sed -i.before '1d' "$work/tree/$headers/error.hpp"
expect 'error.hpp:1: the first line is not the licence'

for line in $(seq 460); do plant version.hpp "// $line"; done
expect 'a second idea is hiding in it'

plant pid_lock.hpp 'inline int raw(const char* path) { return ::open(path, 0); }'
expect 'open() outside of detail/syscall.hpp'

plant pid_lock.hpp 'inline void raw() { if (fork() == 0) return; }'
expect 'fork() outside of detail/syscall.hpp'

plant pid_lock.hpp 'inline void raw() { ::vfork(); }'
expect 'vfork() outside of detail/syscall.hpp'

sed -i.before '/pid_lock.hpp/d' "$work/tree/$headers/daemonkit.hpp"
expect 'does not include daemonkit/pid_lock.hpp'

# None of these is a breach: words in comments and texts, members, the library's own wrappers.
plant pid_lock.hpp '// open(2) and ::fork() are only named here'
plant pid_lock.hpp 'inline const char* words() { return "::fork() and setsid()"; }'
plant pid_lock.hpp 'template <class T> void member(T& t) { t.close(); t.fork(); detail::sys::getpid(); fork_daemon(); }'
bash "$checkout/scripts/check-floors" "$work/tree"
