#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""check.py <folder of the site>: prints what is wrong with it as <page>: <what>, and ends with 1 when something is.

A link, an anchor or a file that is not there; anything that a browser would fetch from another host; Markdown that
became text: a list or a block of code that stands in a paragraph.
"""
import html.parser
import pathlib
import posixpath
import re
import sys
import urllib.parse

# What a browser fetches by itself, without anyone following a link.
FETCHED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "audio": "src", "video": "src",
           "embed": "src", "object": "data", "use": "href"}
FETCHED_LINKS = {"stylesheet", "icon", "preload", "preconnect", "prefetch", "dns-prefetch", "manifest"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
TEXTUAL = ("p", "li", "td", "dd", "h1", "h2", "h3")


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.fetched, self.text = set(), [], [], []
        self.stack, self.open, self.unbalanced = [], [], []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.ids.update(value for key, value in attributes if key == "id" or (key == "name" and tag == "a"))
        if tag == "a" and known.get("href"):
            self.links.append(known["href"])
        if tag in FETCHED and known.get(FETCHED[tag]):
            self.fetched.append(known[FETCHED[tag]])
        if tag == "link" and FETCHED_LINKS & set(known.get("rel", "").split()):
            self.fetched.append(known["href"])
        self.fetched += re.findall(r"url\(['\"]?([^'\")]+)", known.get("style") or "")
        if tag not in VOID:
            self.open.append((tag, self.getpos()[0]))
        if tag in TEXTUAL or tag in ("pre", "code", "style", "script"):
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            begun, line = self.open.pop() if self.open else ("nothing", 0)
            if begun != tag and not self.unbalanced:
                self.unbalanced.append(f"line {self.getpos()[0]}: </{tag}> closes <{begun}> of line {line}")
        while tag in self.stack and self.stack.pop() != tag:
            pass

    def handle_data(self, data):
        if self.stack and not {"pre", "code", "style", "script"} & set(self.stack):
            self.text.append(data)


def misread(page):
    """What a reader would see of Markdown that mkdocs has not understood."""
    for text in page.text:
        for pattern, what in ((r"(?m)^(?:[-*]|\d+\.) \S", "a list within a paragraph"),
                              (r"(?m)^\|.*\|", "a table within a paragraph"),
                              (r"```|~~~~", "a fence that is none"),
                              (r"\]\([^)]*\)", "a link that is none"),
                              (r"`", "a lone backtick"),
                              (r"\*\*", "asterisks"),
                              (r"[\x02\x03]|&#?\w+;", "an escape that was not resolved")):
            if match := re.search(pattern, text):
                yield f"{what}: {text[match.start():match.start() + 60].strip()!r}"


def wrong_address(address, is_fetched, name, files, pages):
    """What is wrong with an address that stands in a page; None for one that is right."""
    url = urllib.parse.urlsplit(address)
    if url.scheme == "data":
        return None
    if url.scheme or url.netloc:
        return "fetched from another host" if is_fetched else None
    if url.path.startswith("/"):  # the page for what is not found does not know where it will be shown
        return None if name == "404.html" else "not relative"
    target = name
    if url.path:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), urllib.parse.unquote(url.path)))
    if target not in files:
        target = posixpath.normpath(target + "/index.html")
    if target not in files:
        return "leads nowhere"
    if url.fragment and target in pages and urllib.parse.unquote(url.fragment) not in pages[target].ids:
        return "no such anchor"
    return None


def breaches(site):
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    pages = {name: Page(site / name) for name in sorted(files) if name.endswith(".html")}
    for name, page in pages.items():
        for addresses, is_fetched in ((page.links, False), (page.fetched, True)):
            for address in dict.fromkeys(addresses):
                if what := wrong_address(address, is_fetched, name, files, pages):
                    yield f"{name}: {what}: {address}"
        for what in [*page.unbalanced, *misread(page)]:
            yield f"{name}: {what}"
    for path in sorted([*site.rglob("*.css"), *site.rglob("*.svg")]):
        for address in re.findall(r"(?:url\(['\"]?|@import ['\"])((?:https?:)?//[^'\")]+)", path.read_text()):
            yield f"{path.relative_to(site)}: fetched from another host: {address}"
    if not pages:
        yield f"{site}: no pages"


def main():
    site = pathlib.Path(sys.argv[1]).resolve()
    found = list(breaches(site))
    print("\n".join(found) if found else f"site: {len(list(site.rglob('*.html')))} pages, no breach")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
