#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/check_version.test.sh <checkout> <build folder>: scripts/check-version passes a copy of what names the version,
# and finds each place that names another one, or none.
set -eu

checkout=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree

# Every file that names the version; those of the build folder stand in a folder of this name.
files='include/daemonkit/version.hpp README.md CHANGELOG.md debian/changelog'
for way in find_package find_package_fmt two_files refused fetch_content cpm; do
    files+=" tests/consumer/$way/CMakeLists.txt"
done
recipe=packaging/conan-center/recipes/daemonkit
files+=" docs/first-daemon.md docs/install.md $recipe/config.yml $recipe/all/conandata.yml"
for ports in packaging/vcpkg packaging/vcpkg/release; do
    files+=" $ports/ports/daemonkit/vcpkg.json $ports/versions/baseline.json $ports/versions/d-/daemonkit.json"
done
built='CMakeCache.txt daemonkit-config-version.cmake daemonkit.pc'

copy() {
    local file
    rm -rf "$tree"
    for file in $files; do
        mkdir -p "$tree/$(dirname "$file")"
        cp "$checkout/$file" "$tree/$file"
    done
    mkdir "$tree/build"
    for file in $built; do cp "$build/$file" "$tree/build/$file"; done
}
check() { bash "$checkout/scripts/check-version" "$tree" build; }
expect() {  # <what is expected in the output>: the check of the copy fails and says so
    local output
    if output=$(check); then
        echo "not found: $1"
        exit 1
    fi
    grep -qF -e "$1" <<<"$output" || { printf 'expected: %s\nfound:\n%s\n' "$1" "$output"; exit 1; }
    copy
}
expect_change() {  # <file> <command of sed>: this change of the file, and of no other, is found
    cp "$tree/$1" "$work/before"
    sed -i "$2" "$tree/$1"
    ! cmp -s "$tree/$1" "$work/before" || { echo "not changed: $1 by $2"; exit 1; }
    expect "$1:"
}

copy
check

expect_change include/daemonkit/version.hpp 's/ version = "[0-9.]*"/ version = "9.9.9"/'
expect_change README.md 's/Version [0-9.]*[0-9]/Version 9.9.9/'
expect_change README.md 's/Version [0-9.]*[0-9]/Some version/'
expect_change README.md 's/find_package(daemonkit [0-9.]*/find_package(daemonkit 9.9/'
for way in find_package find_package_fmt two_files refused; do
    expect_change "tests/consumer/$way/CMakeLists.txt" 's/find_package(daemonkit [0-9.]*/find_package(daemonkit 9.9/'
done
expect_change tests/consumer/fetch_content/CMakeLists.txt 's/GIT_TAG v[0-9.]*/GIT_TAG v9.9.9/'
expect_change tests/consumer/cpm/CMakeLists.txt 's/daemonkit@[0-9.]*/daemonkit@9.9.9/'
expect_change docs/install.md 's#^daemonkit/[0-9.]*$#daemonkit/9.9.9#'
for file in $recipe/config.yml $recipe/all/conandata.yml; do expect_change $file 's/^  "[0-9.]*":/  "9.9.9":/'; done
for ports in packaging/vcpkg packaging/vcpkg/release; do
    expect_change $ports/ports/daemonkit/vcpkg.json 's/"version": "[0-9.]*"/"version": "9.9.9"/'
    expect_change $ports/versions/baseline.json 's/"baseline": "[0-9.]*"/"baseline": "9.9.9"/'
    expect_change $ports/versions/d-/daemonkit.json 's/"version": "[0-9.]*"/"version": "9.9.9"/'
done
expect_change docs/first-daemon.md 's/find_package(daemonkit [0-9.]*/find_package(daemonkit 9.9/'
expect_change docs/install.md 's/find_package(daemonkit [0-9.]*/find_package(daemonkit 9.9/'
expect_change docs/install.md 's/version [0-9.]* serves/version 9.9 serves/'
expect_change docs/install.md 's/GIT_TAG v[0-9.]*/GIT_TAG v9.9.9/'
expect_change docs/install.md 's/libdaemonkit-dev_[0-9.]*/libdaemonkit-dev_9.9.9/'
expect_change debian/changelog '1s/([0-9.]*-1)/(9.9.9-1)/'
expect_change CHANGELOG.md 's/^## \[Unreleased\]/## [9.9.9] - 2030-01-01/'
expect_change CHANGELOG.md "\$a ## [9.9.9] - 2030-01-01"
expect_change build/CMakeCache.txt 's/^\(CMAKE_PROJECT_VERSION:STATIC=\).*/\19.9.9/'
expect_change build/daemonkit-config-version.cmake 's/^set(PACKAGE_VERSION ".*")/set(PACKAGE_VERSION "9.9.9")/'
expect_change build/daemonkit.pc 's/^Version: .*/Version: 9.9.9/'

# A new version in the header alone: every other place is told.
sed -i 's/^\(#define DAEMONKIT_VERSION_MAJOR()\) .*/\1 9/' "$tree/include/daemonkit/version.hpp"
told=$(check | sed 's/:.*//' | sort -u) || true
[ "$(wc -l <<<"$told")" -eq "$(wc -w <<<"${files/CHANGELOG.md/} $built")" ] || { echo "not all are told: $told"; exit 1; }
