#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/check_docs.test.sh <checkout>: scripts/check-docs passes a copy of the pages, and finds each kind of breach
# planted in one, in the file where it is.
set -eu

checkout=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree

expect() {  # <what is expected in the output>...: the check of the copy fails and says so, and nothing else
    local what file
    if output=$(bash "$tree/scripts/check-docs" "$tree"); then
        echo "not found: $1"
        exit 1
    fi
    for what in "$@"; do
        if ! grep -qF -e "$what" <<<"$output" || [ "$(wc -l <<<"$output")" -ne $# ]; then
            printf 'expected: %s\nfound:\n%s\n' "$what" "$output"
            exit 1
        fi
    done
    for file in "${changed[@]}"; do cp "$checkout/$file" "$tree/$file"; done
    changed=()
}
changed=()  # what is not as it is in the checkout
append() { changed+=("$1"); printf '%s\n' "${@:2}" >>"$tree/$1"; }
change() { changed+=("$1"); sed -i "$2" "$tree/$1"; }  # <file> <command of sed>

mkdir "$tree"
for part in README.md CHANGELOG.md CONTRIBUTING.md CMakeLists.txt LICENSE docs examples include scripts tests cmake .ci; do
    cp -R "$checkout/$part" "$tree/$part"
done
bash "$tree/scripts/check-docs" "$tree"

# Code
append docs/guide.md '' '```cpp' 'int main() {}' '```'
expect 'the code is not marked as a region of an example'
change examples/guide/spawn.cpp 's/from here on SIGTERM is heard/the signal is heard/'
expect 'not the region [spawn] of examples/guide/spawn.cpp'
change examples/guide/spawn.cpp 's/^    std::printf/\tstd::printf/'
expect 'not the region [spawn] of examples/guide/spawn.cpp'
append docs/guide.md '' '<!-- region: examples/00_hello_daemon.cpp farewell -->' '```cpp' 'x' '```'
expect 'no region [farewell] in examples/00_hello_daemon.cpp'
append docs/guide.md '' '<!-- region: tests/main.cpp main -->' '```cpp' 'x' '```'
expect 'a region of something else than an example: tests/main.cpp'
change docs/install.md 's/^find_package(daemonkit \(.*\) COMPONENTS fmt)/find_package(daemonkit \1)/'
expect 'not the region [project] of tests/consumer/find_package_fmt/CMakeLists.txt'
change docs/install.md 's/`consumer cpm`/`consumer conan`/'
expect 'no such test: consumer conan'
change docs/install.md 's/`scripts.packages`/`scripts\/package`/'
expect 'no such file: scripts/package'
append docs/guide.md '' '<!-- region: examples/CMakeLists.txt project -->' '```cmake' 'x' '```'
expect 'a region of something else than an example: examples/CMakeLists.txt'
append docs/guide.md '' '<!-- region: examples/00_hello_daemon.cpp hello -->' 'No code.'
expect 'no C++ follows the region above'
append docs/guide.md '' '```' 'int main() {}' '```'
expect 'a block says what it is'
append include/daemonkit/version.hpp '/// How to use it:' '///' '///     int main() {}'
expect 'include/daemonkit/version.hpp:'
change include/daemonkit/signal_set.hpp 's/^\( *\/\/\/     signals\.run();.*\) until SIGTERM/\1 until SIGQUIT/'
expect 'not the region [callbacks] of examples/guide/wait_for_signals.cpp'
change README.md '1s/$/\n\n\n\n\n\n\n\n\n\n\n\n\n\n/'
expect 'the README begins with its program, before line 20'

# Links and names
append docs/guide.md 'See [this](nowhere.md).'
expect 'the link leads nowhere: nowhere.md'
append docs/guide.md 'See [this](options.md#detached).'
expect 'no such heading: options.md#detached'
append docs/guide.md 'See ![this](diagrams/nothing.svg).'
expect 'the link leads nowhere: diagrams/nothing.svg'
append docs/guide.md 'See `examples/99_nothing.cpp`.'
expect 'no such file: examples/99_nothing.cpp'
append docs/guide.md 'See `pid_locks.hpp`.'
expect 'no such file: pid_locks.hpp'
append docs/guide.md 'It throws `Step::lock_pid_files`.'
expect 'no such value: Step::lock_pid_files'
append docs/guide.md 'This is simply so.'
expect 'a word that has no place in a page'

# Options and errors
change include/daemonkit/context_options.hpp 's/^    Detach detach = /    int surplus = 7;\n&/'
expect 'no section for the field surplus'
change include/daemonkit/context_options.hpp 's/seconds(30)/seconds(31)/'
expect 'the default is `Timeout::seconds(31)`'
change include/daemonkit/context_options.hpp 's/^    int resource = 0;/&\n    int surplus = 0;/'
expect 'nothing is said of `surplus`: ResourceLimit has it'
change include/daemonkit/context_options.hpp 's/^    never,/    sometimes,\n&/'
expect 'nothing is said of `Detach::sometimes`'
change include/daemonkit/child_options.hpp 's/^struct ChildOptions {/&\n    int surplus = 0;/'
expect 'nothing is said of ChildOptions surplus'
change docs/guide/log.md 's/^| `LogFileOptions` |/| Option |/'
expect 'no table for LogFileOptions'
append docs/options.md '' '| `ChildOption` | Default | Meaning |' '|---|---|---|' '| `x` | 1 | 2 |'
expect 'there are no such options: ChildOption' 'no such member: ChildOption x'
append docs/options.md '' '## `colour`'
expect 'DaemonOptions has no field colour'
change include/daemonkit/error.hpp 's/^    application, /    surplus,\n&/'
expect 'no section for Step::surplus'
change include/daemonkit/error.hpp '/^    set_umask,/{h;d};/^    change_root,/G'
expect 'out of the order of Step: change_root'
append docs/errors.md '' '## `surplus`'
expect 'there is no Step::surplus'
change include/daemonkit/error.hpp 's/case Step::drop_privileges: return no_permission/case Step::drop_privileges: return configuration/'
expect 'the exit statuses of drop_privileges are 78'

# Promises
change docs/promises.md '/^| \*\*S4\*\*/d'
expect 'the promise is missing: S4'
change docs/promises.md 's/^\(| \*\*P3\*\* .* |\).*|$/\1 |/'
expect 'neither a test nor "not yet"'
change docs/promises.md 's/^\(| \*\*P3\*\* .* |\).*|$/\1 `a test that nobody wrote` |/'
expect 'no such test: a test that nobody wrote'
change docs/security.md '0,/`PidLock: a device is refused`/s//`PidLock: a device is welcome`/'
expect 'docs/security.md:'

# The cookbook
change docs/cookbook/logs.md 's/^`examples\/rotating_log.cpp`/The program `examples\/rotating_log.cpp`/'
expect 'a section begins with the name of its example' 'no section for examples/rotating_log.cpp'
change docs/cookbook/processes.md '0,/^\*\*To change\.\*\*/s///'
expect 'no paragraph **To change.**'
change docs/cookbook/processes.md '0,/^\*\*Traps\.\*\*/s///'
expect 'no paragraph **Traps.**'
change docs/cookbook/replace.md '1,/^```/{/^```console/s/console/sh/}'
expect 'nothing that is seen'
change docs/cookbook.md '/#how-to-wait-for-signals/d'
expect 'docs/cookbook.md does not lead here'

# Pictures and figures
append docs/diagrams/dies_early.txt 'note launcher: one line more'
expect 'docs/diagrams/dies_early.svg:1: not what docs/diagrams/dies_early.txt gives'
change docs/benchmarks.md 's/targets are kept in this run/targets are nearly kept in this run/'
expect 'docs/benchmarks.md:1: not what docs/benchmarks.tsv gives'
change docs/diagrams/benchmarks.svg 's/Less is better/More is better/'
expect 'docs/diagrams/benchmarks.svg:1: not what docs/benchmarks.tsv gives'
change docs/benchmarks.tsv '/^lock_cycle/d'
expect 'no results of lock_cycle'
