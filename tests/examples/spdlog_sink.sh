# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

run
expect "the program ends with 0" [ "$status" -eq 0 ]
printf '<6>started with 3 sensors\n<4>two\n<4>lines\n<2>95.0 degrees\n' >wanted
expect "the levels become severities, the rest stays out" cmp -s err wanted
