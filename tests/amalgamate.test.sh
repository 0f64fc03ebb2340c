#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/amalgamate.test.sh <checkout> <C++ compiler>: what scripts/amalgamate makes of a small library with every kind of
# way from one header to another, and of this one.
set -eu

checkout=$1 compiler=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tree/cmake" "$work/tree/include/daemonkit/detail"
echo 'The licence.' >"$work/tree/LICENSE"

names=()
header() {  # <name> <line>...
    local path=include/daemonkit/$1.hpp
    shift
    printf '%s\n' '// SPDX-License-Identifier: MIT' '#pragma once' "$@" >"$work/tree/$path"
    names+=("    $path")
    printf '%s\n' 'set(DAEMONKIT_HEADERS' "${names[@]}" ')' >"$work/tree/cmake/headers.cmake"
}
amalgamate() { bash "$checkout/scripts/amalgamate" "$work/all.hpp" "$work/tree"; }
meets() {  # <what the single header is to declare, in order> <compiler option>...: no more, no less, and it compiles
    local expected=$1 found
    shift
    printf '#include "all.hpp"\n#include "all.hpp"\nint main() {}\n' >"$work/program.cpp"
    "$compiler" -std=c++20 -Wall -Wextra -Wundef -Werror -fsyntax-only "$@" "$work/program.cpp"
    found=$("$compiler" -std=c++20 -E -P "$@" "$work/program.cpp" | sed -n 's/^struct \([a-z_]*\) .*/\1/p' | tr '\n' ' ')
    [ "$found" = "$expected " ] || { printf 'expected: %s\nfound:    %s\n' "$expected" "$found"; exit 1; }
}

# `pick` takes one of two; `first_part` is reached through an alternative, and again from elsewhere; `shared` is needed by an
# alternative, and by everybody.
header a '#include <daemonkit/detail/pick.hpp>' 'struct a { pick in; };'
header b '#ifdef FIRST' '#include <daemonkit/detail/first_part.hpp>' '#endif' '#include <daemonkit/shared.hpp>' 'struct b { };'
header detail/first '#include <daemonkit/detail/first_part.hpp>' '#include <daemonkit/shared.hpp>' 'struct pick { first_part in; shared too; };'
header detail/first_part '#include <climits>' 'struct first_part { char in[CHAR_BIT]; };'
header detail/pick '#ifdef FIRST' '#include <daemonkit/detail/first.hpp>' '#else' '#include <daemonkit/detail/second.hpp>' '#endif'
header detail/second '#ifdef BOTH' '#include <daemonkit/detail/first_part.hpp>' '#endif' 'struct pick { };'
header fmt '#include <daemonkit/detail/for_fmt.hpp>' 'struct with_fmt { for_fmt in; };'
header detail/for_fmt 'struct for_fmt { };'
header shared '#include <cstdint>' 'struct shared { std::uint8_t in; };'
header version '#include <cstdint>' 'inline constexpr const char* version = "1.2.3";'
header unnamed '#include <climits>' '#ifdef FIRST' '#include <climits>' '#endif' 'struct unnamed { char in[CHAR_BIT]; };'

amalgamate
meets 'shared pick a b unnamed for_fmt with_fmt' -DDAEMONKIT_WITH_FMT
meets 'shared first_part pick a b unnamed' -DFIRST
meets 'shared first_part pick a b unnamed' -DBOTH
meets 'shared first_part pick a b unnamed' -DBOTH -DFIRST
grep -qxF '// daemonkit 1.2.3: all headers in one. Made from them by scripts/amalgamate; a change belongs into those.' "$work/all.hpp"
grep -qxF '// The licence.' "$work/all.hpp"
[ "$(grep -c '^#include <cstdint>' "$work/all.hpp")" -eq 1 ]
! grep -q 'include <daemonkit/' "$work/all.hpp"

cp "$work/all.hpp" "$work/before.hpp"
amalgamate
cmp "$work/before.hpp" "$work/all.hpp"

# What cannot be made is not made by half.
header broken '#include <daemonkit/nowhere.hpp>'
if why=$(amalgamate 2>&1); then
    echo 'a header that is nowhere is not missed'
    exit 1
fi
grep -qF 'daemonkit/broken.hpp includes daemonkit/nowhere.hpp, which is not in the list' <<<"$why"
cmp "$work/before.hpp" "$work/all.hpp"

# This one: every public header is in it, once.
bash "$checkout/scripts/amalgamate" "$work/daemonkit_single.hpp" "$checkout"
for path in "$checkout"/include/daemonkit/*.hpp; do
    [ "$(grep -c "^// -- daemonkit/$(basename "$path") -" "$work/daemonkit_single.hpp")" -eq 1 ] ||
        { echo "not once in it: $path"; exit 1; }
done
