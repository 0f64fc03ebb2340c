# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../common.sh"

run
expect "the program ends with 0" [ "$status" -eq 0 ]
printf 'sensor 1 is at 20.5 degrees\nsensor 2 is at 95.2 degrees\n' >wanted
expect "what is formatted is the message" cmp -s err wanted
