#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/site.test.sh pages|build <checkout>: what reads the built site finds each kind of breach in a page; or, a site
# without a docstring of a public name, or with a page that nobody would find, is not built.
set -eu

part=$1 checkout=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export PYTHONUTF8=1
python=/usr/bin/python3  # the one that has mkdocs
not_here() { echo "NOT TESTED HERE: $1 is not installed"; exit 77; }
command -v "$python" >/dev/null || not_here python3

expect() {  # <what is expected> <command...>: the command fails and says so
    local expected=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "not found: $expected"
        exit 1
    fi
    grep -qF -e "$expected" <<<"$output" || { printf 'expected: %s\nfound:\n%s\n' "$expected" "$output"; exit 1; }
}

# -- pages ----------------------------------------------------------------------------------------------------------
page() {  # <what stands in its body>: a site of two pages, the first with this
    rm -rf "$work/site"
    mkdir -p "$work/site/deep"
    printf '<html><head><link rel="stylesheet" href="look.css"></head><body>%s</body></html>\n' "$1" >"$work/site/index.html"
    echo '<html><body><h1 id="there">There</h1><a href="../index.html">back</a></body></html>' >"$work/site/deep/page.html"
    echo 'body { background: url("data:image/png;base64,AAAA") }' >"$work/site/look.css"
}
check() { "$python" "$checkout/scripts/site.d/check.py" "$work/site"; }
expect_in_page() {  # <what is expected> <what stands in the page>
    page "$2"
    expect "index.html: $1" check
}

if [ "$part" = pages ]; then
    page '<p>One <a href="deep/page.html#there">link</a>, <a href="https://example.org/">one</a> to elsewhere,
        <img src="data:image/png;base64,AAAA"> <code>`a [b](c)`</code><br></p><pre>- a list
```</pre>'
    check
    expect_in_page 'leads nowhere: deep/other.html' '<a href="deep/other.html">link</a>'
    expect_in_page 'leads nowhere: picture.svg' '<img src="picture.svg">'
    expect_in_page 'leads nowhere: ../outside.html' '<a href="../outside.html">link</a>'
    expect_in_page 'no such anchor: deep/page.html#here' '<a href="deep/page.html#here">link</a>'
    expect_in_page 'no such anchor: #here' '<a href="#here">link</a>'
    expect_in_page 'not relative: /deep/page.html' '<a href="/deep/page.html">link</a>'
    expect_in_page 'fetched from another host: https://example.org/a.png' '<img src="https://example.org/a.png">'
    expect_in_page 'fetched from another host: //example.org/a.js' '<script src="//example.org/a.js"></script>'
    expect_in_page 'fetched from another host: https://fonts.example.org' '<link rel="preconnect" href="https://fonts.example.org">'
    expect_in_page 'fetched from another host: https://example.org/b.png' \
        '<p style="background: url(https://example.org/b.png)">text</p>'
    expect_in_page 'a list within a paragraph' "<p>These:$(printf '\n- one\n- two')</p>"
    expect_in_page 'a table within a paragraph' "<p>These:$(printf '\n| one | two |')</p>"
    expect_in_page 'a fence that is none' '<p>```cpp</p>'
    expect_in_page 'a link that is none' '<p>[text](page.md)</p>'
    expect_in_page 'a lone backtick' '<p>a `word</p>'
    expect_in_page 'an escape that was not resolved' "<ul><li>with $(printf '\002')123$(printf '\003')fmt}</li></ul>"
    expect_in_page 'line 1: </p> closes <time>' '<p>at <time></p>'
    page ''
    echo '@import "https://example.org/font.css";' >>"$work/site/look.css"
    expect 'look.css: fetched from another host: https://example.org/font.css' check
    rm -rf "$work/site"
    mkdir "$work/site"
    expect 'no pages' check
    exit
fi

# -- build ----------------------------------------------------------------------------------------------------------
command -v doxygen >/dev/null || not_here doxygen
command -v mkdocs >/dev/null || not_here mkdocs
[ -d /usr/share/mkdocs/themes/material ] || not_here mkdocs-material

copy() {
    rm -rf "$work/tree"
    mkdir "$work/tree"
    cp -r "$checkout"/{docs,examples,include,scripts,mkdocs.yml,README.md,CHANGELOG.md,CONTRIBUTING.md} "$work/tree/"
}
build() { bash "$work/tree/scripts/site" "$work/site"; }

copy
mkdir "$work/home"
touch "$work/home/letter"
expect 'holds something else than a site' bash "$work/tree/scripts/site" "$work/home"
[ -e "$work/home/letter" ]

sed -i '/\/\/\/ True until `release` or `abandon`\./d' "$work/tree/include/daemonkit/pid_lock.hpp"
expect 'is_held' build
copy
echo '# Forgotten' >"$work/tree/docs/forgotten.md"
expect 'not in the nav of mkdocs.yml: forgotten.md' build
copy
sed -i '/reference\/pid_lock.md/d' "$work/tree/mkdocs.yml"
expect 'not in the nav of mkdocs.yml: reference/pid_lock.md' build
copy
sed -i 's/^class Watchdog;$/&\nclass Nothing;/' "$work/tree/include/daemonkit/fwd.hpp"
expect 'not found by Doxygen: daemonkit::Nothing' build
