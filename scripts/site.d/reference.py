# SPDX-License-Identifier: MIT
"""The pages of the reference: one for each public header, made from Doxygen's XML and the header itself.

Doxygen finds the names and their docstrings; the declarations are shown as they stand in the header.
"""
import collections
import html
import re
import xml.etree.ElementTree as ElementTree

import pygments
import pygments.formatters
import pygments.lexers

WORDS = {"define": "macro", "typedef": "type", "variable": "constant", "enum": "enumeration", "friend": "function"}


class Entity:
    """A public name: a class, a concept, a function, an enumeration, a field, a macro."""

    def __init__(self, element, qualified):
        self.element = element
        self.id = element.get("id")
        self.kind = element.get("kind")
        self.name = qualified.replace("daemonkit::", "")
        self.short = self.name.rsplit("::", 1)[-1]
        place = element.find("location")
        self.file = place.get("file")
        self.line = int(place.get("line"))
        self.members = []

    def anchor(self):
        readable = self.name.replace("operator", "operator ").replace("~", "no-").lower()
        symbols = {"==": "equal", "=": "assign", "->": "arrow", "*": "star", "()": "call"}
        for symbol, word in symbols.items():
            readable = readable.replace(symbol, word)
        return re.sub(r"[^a-z0-9_]+", "-", readable).strip("-")

    def word(self):
        """What it is, in a word."""
        return WORDS.get(self.kind, self.kind)

    def is_documented(self):
        return any("".join(self.element.find(part).itertext()).strip()
                   for part in ("briefdescription", "detaileddescription"))


class Header:
    """A public header, with what its file comment says first."""

    def __init__(self, path, lines):
        self.path = path  # daemonkit/pid_lock.hpp
        self.stem = path.split("/")[-1].removesuffix(".hpp")
        self.lines = lines
        self.entities = []
        comment = []
        for line in lines[2:]:
            if not line.startswith("// "):
                break
            comment.append(line[3:])
        self.about = re.sub(r" ?Floor \d+(\.\d+)?\.", "", " ".join(comment), count=1).strip()

    def page(self):
        return f"reference/{self.stem}.md"


class Reference:
    """All public headers: what is in them, and where each name is told of."""

    def __init__(self, xml, include):
        self.headers = {}
        self.urls = {}        # a name, or an id of Doxygen's, to the address below the site's root
        self.types = set()
        for path in sorted(include.glob("daemonkit/*.hpp")):
            name = path.relative_to(include).as_posix()
            self.headers[name] = Header(name, path.read_text().split("\n"))
        compounds = [ElementTree.parse(path).getroot().find("compounddef")
                     for path in sorted(xml.glob("*.xml")) if path.name not in ("index.xml", "Doxyfile.xml")]
        for compound in compounds:
            self._take(compound)
        for header in self.headers.values():
            header.entities.sort(key=lambda entity: entity.line)
            self._name(header)

    def _take(self, compound):
        kind = compound.get("kind")
        name = compound.findtext("compoundname")
        if "detail" in name.split("::"):
            return
        if kind == "file" or name == "daemonkit":  # macros stand in files, all else in the namespace
            for member in compound.iter("memberdef"):
                entity = Entity(member, member.findtext("qualifiedname") or member.findtext("name"))
                if entity.is_documented():
                    self.headers[entity.file].entities.append(entity)
        elif kind in ("class", "struct", "concept") and name.startswith("daemonkit::"):
            entity = Entity(compound, name)
            if compound.get("prot") == "private" or not entity.is_documented():
                return
            for member in compound.findall("sectiondef/memberdef"):
                if member.get("prot") == "public":
                    inner = Entity(member, member.findtext("qualifiedname"))
                    if inner.is_documented():
                        entity.members.append(inner)
            entity.members.sort(key=lambda member: member.line)
            self.headers[entity.file].entities.append(entity)

    def _name(self, header):
        url = f"reference/{header.stem}.html"
        self.urls[header.path] = url
        for entity in header.entities:
            self._put(entity, url)
            if entity.kind in ("class", "struct", "concept", "enum", "typedef"):
                self.types.add(entity.name)
            for member in entity.members:
                self._put(member, url)

    def _put(self, entity, url):
        self.urls[entity.id] = f"{url}#{entity.anchor()}"
        self.urls.setdefault(entity.name, self.urls[entity.id])  # of overloads, the first
        for value in entity.element.findall("enumvalue"):
            name = entity.name + "::" + value.findtext("name")
            if entity.name == "Step":  # told of at length, with what to do
                self.urls[name] = f"errors.html#{value.findtext('name')}"
            else:
                self.urls[name] = self.urls[entity.id]
            self.urls[value.get("id")] = self.urls[name]

    def find(self, text, scope=""):
        """Where a name that stands in a text is told of; None for what is no name of the library."""
        name = re.sub(r"\(.*\)$", "", text.strip()).removeprefix("daemonkit::")
        while scope:
            if f"{scope}::{name}" in self.urls:
                return self.urls[f"{scope}::{name}"]
            scope = scope.rpartition("::")[0]
        return self.urls.get(name)

    def lost(self):
        """Headers without a name, and names of fwd.hpp without a header: an #if that Doxygen took the other way."""
        forward = self.headers["daemonkit/fwd.hpp"]
        declared = re.findall(r"(?m)^(?:class|struct|enum class) (\w+)", "\n".join(forward.lines))
        return [header.path for header in self.headers.values()
                if "namespace daemonkit {" in header.lines and not header.entities and header is not forward
                ] + [f"daemonkit::{name}" for name in declared if name not in self.types]

    # -- a docstring ----------------------------------------------------------------------------------------------

    def _inline(self, element, scope):
        """What stands in a paragraph, as HTML."""
        result = self._text(element.text, element)
        for child in element:
            result += self._inline_child(child, scope) + self._text(child.tail, element)
        return result

    def _text(self, text, within):
        """A text, in which Step::open_pid_file, control_client.hpp and docs/guide/control.md lead to what they are."""
        text = html.escape(text or "", quote=False)
        if within.tag in ("ref", "computeroutput", "ulink"):
            return text

        def linked(match):
            name = match[0]
            url = self.urls.get(f"daemonkit/{name}" if name.endswith(".hpp") else name)
            if name.startswith("docs/"):
                url = name.removeprefix("docs/").removesuffix(".md") + ".html"
            return self.link(url, f"<code>{name}</code>") if url else name

        return re.sub(r"\b([A-Z]\w*::\w+|\w+\.hpp|docs/[\w/-]+\.md)", linked, text)

    def _inline_child(self, child, scope):
        inside = self._inline(child, scope)
        if child.tag == "ref":
            url = self.urls.get(child.get("refid"))
            return self.link(url, inside) if url else inside
        if child.tag == "computeroutput":
            url = self.find("".join(child.itertext()), scope)
            code = f"<code>{inside}</code>"
            return self.link(url, code) if url and "<a " not in code else code
        if child.tag in ("emphasis", "bold"):
            word = "em" if child.tag == "emphasis" else "strong"
            return f"<{word}>{inside}</{word}>"
        if child.tag == "ulink":
            return f'<a href="{html.escape(child.get("url"))}">{inside}</a>'
        if child.tag in ("ndash", "mdash", "nonbreakablespace"):
            return {"ndash": "–", "mdash": "—", "nonbreakablespace": "\N{NO-BREAK SPACE}"}[child.tag]
        if child.tag in ("para", "linebreak"):
            return inside
        raise ValueError(f"not understood in a docstring: <{child.tag}>")

    def _blocks(self, paragraph, scope):
        """A paragraph, which in Doxygen's XML may hold others, as HTML."""
        blocks = []
        running = self._text(paragraph.text, paragraph)
        facts = []

        def end():
            nonlocal running, facts
            if running.strip():
                blocks.append(f"<p>{running.strip()}</p>")
            if facts:
                blocks.append('<dl class="facts">' + "".join(facts) + "</dl>")
            running, facts = "", []

        origin = None
        for child in paragraph:
            tail = self._text(child.tail, paragraph)
            if child.tag == "simplesect":
                if running.strip():
                    end()
                running = ""
                text = " ".join(self._inline(part, scope).strip() for part in child.findall("para"))
                facts.append(f"<dt>{child.findtext('title')}</dt><dd>{text}</dd>")
                running += tail
            elif child.tag in ("verbatim", "programlisting", "origin", "itemizedlist", "orderedlist"):
                end()
                if child.tag == "origin":
                    origin = child.text
                elif child.tag.endswith("list"):
                    word = "ul" if child.tag == "itemizedlist" else "ol"
                    items = ["".join(self._inline(part, scope) for part in item) for item in child]
                    blocks.append(f"<{word}>" + "".join(f"<li>{item}</li>" for item in items) + f"</{word}>")
                else:
                    blocks.append(self.code("".join(child.itertext()), origin=origin))
                    origin = None
                running = tail
            else:
                running += self._inline_child(child, scope) + tail
        end()
        return blocks

    def docstring(self, element, scope):
        blocks = []
        for part in ("briefdescription", "detaileddescription"):
            for paragraph in element.find(part).findall("para"):
                blocks += self._blocks(paragraph, scope)
        return "\n".join(blocks)

    def brief(self, entity):
        """The first sentence of a docstring."""
        for part in ("briefdescription", "detaileddescription"):
            for paragraph in entity.element.find(part).findall("para"):
                text = re.sub(r"\s+", " ", "".join(self._inline(paragraph, ""))).strip()
                text = re.sub(r"</?a\b[^>]*>", "", text)
                if text:
                    return re.match(r".*?[.](?= [A-Z`<]|$)|.*", text).group(0)
        return ""

    # -- code -------------------------------------------------------------------------------------------------------

    def code(self, text, css="", origin=None):
        """Code as HTML, in which each public type leads to its docstring."""
        formatter = pygments.formatters.HtmlFormatter(nowrap=True)
        lexer = pygments.lexers.CppLexer(stripnl=False)
        colored = pygments.highlight(text.strip("\n"), lexer, formatter).rstrip("\n")

        def linked(match):
            return self.link(self.urls[match[2]], match[0]) if match[2] in self.types else match[0]

        colored = re.sub(r'<span class="(n|nc|nb)">(\w+)</span>', linked, colored)
        from_file = self.origin(origin) if origin else ""
        return f'{from_file}<div class="highlight {css}"><pre><code>{colored}</code></pre></div>'

    @staticmethod
    def origin(path):
        """The line above a block of code that says which example it is from."""
        return f'<p class="origin"><a href="../source/{path}.html">{path}</a></p>'

    @staticmethod
    def link(url, text):
        """A link from a page of the reference."""
        return f'<a href="../{url}">{text}</a>'

    def declaration(self, entity):
        """What is declared, as it stands in the header, without its body."""
        lines = self.headers[entity.file].lines
        first = entity.line - 1
        while first > 0 and _goes_on(lines[first - 1]):
            first -= 1
        text = "\n".join(_without_comment(line) for line in lines[first:first + 60])
        if entity.kind == "define":
            return lines[entity.line - 1].strip()
        if entity.kind == "concept":
            return _dedent(_until(text, ";", in_braces=True) + ";")
        if entity.kind in ("variable", "typedef"):
            text = re.sub(r"\s+", " ", _until(text, ";", in_braces=True)).strip() + ";"
            return text if len(text) <= 120 else re.sub(r"=.*", "= {...};", text)
        ends = "{;" if entity.kind in ("class", "struct", "enum") else "{;:"
        text = _dedent(_until(text, ends).rstrip().removesuffix(" try")) + ";"
        if text.startswith("inline "):  # of no matter to who calls it
            text = "\n".join(line.removeprefix("inline ").removeprefix(" " * 7) for line in text.split("\n"))
        return text

    # -- a page ----------------------------------------------------------------------------------------------------

    def page(self, header):
        """The page of a header, in Markdown."""
        source = f"../source/include/{header.path}.html"
        lines = ["---", f"title: {header.stem}.hpp", "---", "", f"# `{header.stem}.hpp`", "",
                 f'<p class="lead">{self._prose(header.about)}</p>', "",
                 f'<p class="origin"><a href="{source}">include/{header.path}</a></p>'
                 + self.code(f"#include <{header.path}>"), ""]
        for name, group in _groups(header.entities):
            lines += self._entity(name, group, "##")
        return "\n".join(lines)

    def _entity(self, name, group, hashes):
        first = group[0]
        lines = [f"{hashes} `{name}` {{ #{first.anchor()} data-toc-label='{_label(first)}' }}", ""]
        for entity in group:
            scope = entity.name if entity.kind in ("class", "struct") else entity.name.rpartition("::")[0]
            place = f"source/include/{entity.file}.html#__codelineno-0-{entity.line}"
            declaration = self.declaration(entity)
            word = "" if entity.kind in ("function", "friend") else entity.word() + " · "
            lines += [f'<p class="place">{word}{self.link(place, "source")}</p>', ""]
            if not re.fullmatch(r"(class|struct|enum class) \w+( : std::uint8_t| : int)?;", declaration):
                lines += [self.code(declaration, "declaration"), ""]
            lines += [self.docstring(entity.element, scope), ""]
            if entity.kind == "enum":
                lines += [self._fields(entity.element.findall("enumvalue"), entity), ""]
            fields = [member for member in entity.members if member.kind == "variable"]
            others = [member for member in entity.members if member.kind != "variable"]
            if fields:
                lines += [self._struct_fields(fields, entity.name), ""]
            for member_name, members in _groups(others):
                lines += self._entity(member_name, members, "###")
        return lines

    def _fields(self, values, entity):
        rows = []
        for value in values:
            initial = value.findtext("initializer") or ""
            code = html.escape(f"{value.findtext('name')} {initial}".strip(), quote=False)
            url = self.urls[value.get("id")]
            code = f"<code>{code}</code>"
            if url.startswith("errors"):
                code = self.link(url, code)
            rows.append(f"<dt>{code}</dt><dd>{self.docstring(value, entity.name)}</dd>")
        return '<dl class="fields">' + "\n".join(rows) + "</dl>"

    def _struct_fields(self, fields, scope):
        rows = []
        for field in fields:
            code = self.code(self.declaration(field), "declaration")
            rows.append(f'<dt id="{field.anchor()}">{code}</dt><dd>{self.docstring(field.element, scope)}</dd>')
        return '<dl class="fields">' + "\n".join(rows) + "</dl>"

    def _prose(self, text):
        """The text of a file comment, as HTML."""
        text = html.escape(text, quote=False)
        text = re.sub(r"(?<![`\w])\w+\.hpp\b", r"`\g<0>`", text)

        def linked(match):
            name = html.unescape(match[1])
            url = self.urls.get(f"daemonkit/{name}") or self.find(name)
            code = f"<code>{match[1]}</code>"
            return self.link(url, code) if url else code

        return re.sub(r"`([^`]+)`", linked, text)

    def index(self, groups):
        """The page of all names: the headers by group, then every type and function by its name."""
        lines = ["# Reference", "",
                 "Every public name, by header. A docstring says what holds after the call, and under its labels:", "",
                 '<dl class="facts">'
                 "<dt>Process</dt><dd>in which process it runs</dd>"
                 "<dt>Errors</dt><dd>what it throws: the step and, where a program can do something about it, the "
                 'errno; <a href="../errors.html">Errors</a> tells what to do</dd>'
                 "<dt>Undo</dt><dd>what is undone, and when</dd>"
                 "<dt>Threads</dt><dd>from which threads it may be called</dd>"
                 "<dt>Shape</dt><dd>what its values look like</dd>"
                 "<dt>Source</dt><dd>the page that says so</dd></dl>", "",
                 "Names in `daemonkit::detail` are not for programs, and not listed.", ""]
        for title, stems in groups:
            lines += [f"## {title}", "", '<table class="names"><tbody>']
            for stem in stems:
                header = self.headers[f"daemonkit/{stem}.hpp"]
                lines += [f'<tr><td><a href="{stem}.html"><code>{stem}.hpp</code></a></td>'
                          f"<td>{self._prose(header.about)}</td></tr>"]
            lines += ["</tbody></table>", ""]
        lines += ["## All names", "", '<table class="names"><tbody>']
        every = [entity for header in self.headers.values() for entity in header.entities]
        for name, group in sorted(_groups(sorted(every, key=lambda entity: entity.name.lower())),
                                  key=lambda each: each[0].lower()):
            first = group[0]
            lines += [f'<tr><td><a href="../{self.urls[first.id]}"><code>{name}</code></a> '
                      f"<small>{first.word()}</small></td><td>{self.brief(first)}</td></tr>"]
        return "\n".join(lines + ["</tbody></table>", ""])


def _label(entity):
    return entity.short + ("()" if entity.kind == "function" else "")


def _groups(entities):
    """Overloads together, at the place of the first."""
    groups = collections.OrderedDict()
    for entity in entities:
        groups.setdefault(entity.name, []).append(entity)
    return list(groups.items())


def _goes_on(line):
    """Whether a declaration that has begun on this line goes on in the next."""
    line = line.strip()
    if not line or line.startswith(("//", "#")):
        return False
    line = _without_comment(line).rstrip()
    return not line.endswith((";", "{", "}", ":"))


def _without_comment(line):
    return re.sub(r"\s*//.*$", "", line)


def _until(text, ends, in_braces=False):
    """A text up to the first of these characters that stands in no parenthesis, nor in braces where asked."""
    depth = 0
    for place, letter in enumerate(text):
        if letter in "([" or (in_braces and letter == "{"):
            depth += 1
        elif letter in ")]" or (in_braces and letter == "}"):
            depth -= 1
        elif depth == 0 and letter in ends:
            if letter == ":" and ":" in (text[place - 1], text[place + 1]):
                continue
            return text[:place]
    raise ValueError("a declaration without an end: " + text[:80])


def _dedent(text):
    lines = text.strip("\n").split("\n")
    first = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[min(first, len(line) - len(line.lstrip())):] for line in lines if line.strip())
