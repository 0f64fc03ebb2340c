#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/update_recipes.test.sh <checkout>: scripts/update-recipes finds what packaging/ says wrongly, writes it, and takes
# the hashes of a release from its archive and from no other. The recipes for Conan are Python, and agree.
set -eu

checkout=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
version=$(sed -n 's/.* version = "\(.*\)";/\1/p' "$checkout/include/daemonkit/version.hpp")
recipe=packaging/conan-center/recipes/daemonkit
port=packaging/vcpkg/release/ports/daemonkit
versions=packaging/vcpkg/release/versions/d-/daemonkit.json

update() { bash "$checkout/scripts/update-recipes" "$@" "$tree"; }
fail() { echo "$1"; exit 1; }
copy() {
    rm -rf "$tree"
    mkdir -p "$tree/include/daemonkit"
    cp "$checkout/include/daemonkit/version.hpp" "$tree/include/daemonkit"
    cp -R "$checkout/packaging" "$tree/packaging"
}
set_version() { sed -i "s/ version = \".*\"/ version = \"$1\"/" "$tree/include/daemonkit/version.hpp"; }
expect_found() {  # <file> <command of sed>: this change is found, and taken back
    cp "$tree/$1" "$work/before"
    sed -i "$2" "$tree/$1"
    ! cmp -s "$tree/$1" "$work/before" || fail "not changed: $1 by $2"
    ! update --check 2>/dev/null || fail "not found: $1 by $2"
    update
    cmp "$tree/$1" "$work/before"
}

copy
update --check
expect_found $recipe/config.yml 's/"[0-9.]*"/"9.9.9"/'
expect_found $recipe/all/conandata.yml 's/v[0-9.]*[.]tar/v9.9.9.tar/'
expect_found packaging/vcpkg/ports/daemonkit/vcpkg.json 's/"version": ".*"/"version": "9.9.9"/'
expect_found $port/vcpkg.json 's/MIT/Apache-2.0/'
expect_found $versions 's/"git-tree": ".*"/"git-tree": "0000000000000000000000000000000000000000"/'
expect_found packaging/vcpkg/versions/baseline.json 's/"baseline": ".*"/"baseline": "9.9.9"/'

# A port that is not what its registry says: the registry follows.
echo '# another port' >>"$tree/$port/portfile.cmake"
! update --check 2>/dev/null || fail 'not found: another port'
cp "$tree/$versions" "$work/before"
update
! cmp -s "$tree/$versions" "$work/before" || fail 'the registry has the port of before'

# A release: the archive's hashes, and no more of them for the next version, whose registry knows this one, too.
copy
set_version 1.2.3
mkdir -p "$work/daemonkit-1.2.3/include/daemonkit"
cp "$tree/include/daemonkit/version.hpp" "$work/daemonkit-1.2.3/include/daemonkit"
tar -czf "$work/release.tar.gz" -C "$work" daemonkit-1.2.3
update --release "$work/release.tar.gz"
update --check
grep -qF "$(sha256sum <"$work/release.tar.gz" | cut -d' ' -f1)" "$tree/$recipe/all/conandata.yml"
grep -qF "SHA512 $(sha512sum <"$work/release.tar.gz" | cut -d' ' -f1)" "$tree/$port/portfile.cmake"
update
grep -qF "$(sha256sum <"$work/release.tar.gz" | cut -d' ' -f1)" "$tree/$recipe/all/conandata.yml" || fail 'the hash is gone'
released=$(grep git-tree "$tree/$versions" | head -n 1)
sed -i 's/^  "version": .*/&\n  "port-version": 1,/' "$tree/packaging/vcpkg/ports/daemonkit/vcpkg.json"
update
update --check
set_version 1.2.4
update
grep -q 'not released' "$tree/$recipe/all/conandata.yml"
grep -q 'SHA512 0$' "$tree/$port/portfile.cmake"
[ "$(grep -o 'version": .*[0-9]' "$tree/$versions" | tr -dc '0-9.\n' | tr '\n' ' ')" = "1.2.4 0 1.2.3 1 1.2.3 0 $version 0 " ] ||
    fail "the registry does not know what it knew: $(cat "$tree/$versions")"
grep -qF "$released" "$tree/$versions" || fail 'the registry has lost the port of a release'
if said=$(update --release "$work/release.tar.gz" 2>&1); then fail 'the archive of another version is taken'; fi
grep -qF 'is version 1.2.3, and this checkout 1.2.4' <<<"$said"

command -v python3 >/dev/null || { echo 'NOT TESTED HERE: python3 is not installed'; exit 0; }
cd "$checkout"
python3 - conanfile.py test_package/conanfile.py $recipe/all/conanfile.py $recipe/all/test_package/conanfile.py <<'END'
import ast, sys
for path in sys.argv[1:]:
    ast.parse(open(path).read(), path)
END
python3 - "$tree/$versions" packaging/vcpkg/*/*.json packaging/vcpkg/*/*/*.json packaging/vcpkg/*/*/*/*.json <<'END'
import json, sys
for path in sys.argv[1:]:
    text = open(path).read()
    assert text == json.dumps(json.loads(text), indent=2) + "\n", path + " is not formatted as vcpkg does it"
END
for line in description license homepage topics package_type settings options default_options no_copy_source; do
    [ "$(grep "^    $line = " conanfile.py | sed 's/  #.*//')" = "$(grep "^    $line = " $recipe/all/conanfile.py)" ] ||
        fail "the two recipes for Conan differ in $line"
done
