# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

run
expect "wrong use ends with 64" [ "$status" -eq 64 ]
run absent status
expect "no socket: 69" [ "$status" -eq 69 ]
expect "and the reason" grep -q 'there is no such socket' err
: >file
run file status
expect "no socket either: 69" [ "$status" -eq 69 ]
run "$(printf 'x%.0s' {1..200})" status
expect "a path that cannot be one: 78" [ "$status" -eq 78 ]
run absent "$(printf '\033[2J')"
expect "a word that no request holds: 78" [ "$status" -eq 78 ]
