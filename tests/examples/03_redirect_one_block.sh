# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

run file
expect "it ends with 0" [ "$status" -eq 0 ]
printf '%s\n' "before the block: to the caller" "after the block: to the caller again" >wanted_out
printf '%s\n' "inside the block: to the file" "inside the block: from a child" >wanted_file
expect "the caller sees what was outside of the block" cmp wanted_out out
expect "the file holds what was inside" cmp wanted_file file

run missing/file
expect "a file that cannot be made ends it with 73" [ "$status" -eq 73 ]
run
expect "wrong use ends with 64" [ "$status" -eq 64 ]
