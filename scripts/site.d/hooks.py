# SPDX-License-Identifier: MIT
"""What mkdocs does beside its usual work: the reference, the sources, and the links between all of them.

The pages in docs/ are made to be read on a forge too. So a file of the repository that stands there in `backticks`, or
that a link leads to, is found here as a page of its own, with the same address below source/.
"""
import html
import json
import pathlib
import posixpath
import re
import subprocess
import sys
import tempfile

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
import reference as reference_pages  # noqa: E402  (its folder has to be known first)

AS_PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
LANGUAGES = {".hpp": "cpp", ".cpp": "cpp", ".sh": "sh", ".md": "markdown", ".yaml": "yaml", ".conf": "ini",
             ".service": "ini", ".txt": "cmake", ".py": "python"}

generated = {}  # the page of the site to its Markdown
reference = None
folder = None


def on_config(config):
    global folder
    folder = tempfile.TemporaryDirectory()
    return config


# -- the pages that are not in docs/ ----------------------------------------------------------------------------------

def on_files(files, config):
    global reference
    reference = reference_pages.Reference(run_doxygen(), ROOT / "include")
    if reference.lost():
        raise PluginError("declared, and not found by Doxygen: " + " ".join(reference.lost()))
    generated.clear()
    for header in reference.headers.values():
        generated[header.page()] = reference.page(header)
    generated["reference/index.md"] = reference.index(reference_groups(config["nav"]))
    for path in sorted({*ROOT.glob("include/**/*.hpp"), *ROOT.glob("examples/**/*"), *linked_files()}):
        if path.is_file():
            name = path.relative_to(ROOT).as_posix()
            generated[f"source/{name}.md"] = source_page(name, path.read_text(errors="replace"))
    for name, page in AS_PAGES.items():
        if page != "index.md":
            generated[page] = rewritten((ROOT / name).read_text(), page, "")
    generated["examples.md"] = examples_page()
    for page, text in {**generated, "assets/site.css": (HERE / "site.css").read_text()}.items():
        place = pathlib.Path(folder.name, page)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        files.append(File(page, folder.name, config["site_dir"], config["use_directory_urls"]))
    return files


def linked_files():
    """What the pages link to outside of docs/."""
    for page in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]:
        text = page.read_text()
        regions = re.findall(r"<!-- region: (\S+) ", text)
        links = re.findall(r"\]\(([^()\s#:]+)[)#]", text)
        for file in [ROOT / path for path in regions] + [(page.parent / path).resolve() for path in links]:
            is_outside = ROOT in file.parents and ROOT / "docs" not in file.parents
            if is_outside and file.relative_to(ROOT).as_posix() not in AS_PAGES:
                yield file


def run_doxygen():
    """The folder of Doxygen's XML; a warning is an error."""
    xml = pathlib.Path(folder.name, "doxygen")
    settings = (HERE / "Doxyfile").read_text() + f"\nOUTPUT_DIRECTORY = {xml}\n"
    done = subprocess.run(["doxygen", "-"], input=settings, capture_output=True, text=True, cwd=ROOT)
    said = (done.stdout + done.stderr).replace(f"{ROOT}/", "").strip()
    if done.returncode != 0 or said:
        raise PluginError(f"Doxygen:\n{said}")
    return xml / "xml"


def reference_groups(nav):
    """The groups of headers, as mkdocs.yml has them: [(title, [stem...])...]."""
    entries = next(item["Reference"] for item in nav if "Reference" in item)
    return [(title, [pathlib.Path(page).stem for page in pages])
            for entry in entries if isinstance(entry, dict) for title, pages in entry.items()]


def source_page(name, text):
    language = LANGUAGES.get(pathlib.Path(name).suffix, "text")
    if name.endswith("Containerfile"):
        language = "docker"
    above = ""
    if name.startswith("include/daemonkit/") and "/detail/" not in name:
        page = f"reference/{pathlib.Path(name).stem}.html"
        above = f'<p class="origin"><a href="{get_relative_url(page, f"source/{name}.html")}">Reference</a></p>\n\n'
    fence = "~" * 8
    return (f"---\ntitle: {pathlib.Path(name).name}\nhide:\n  - navigation\n  - toc\n---\n\n# `{name}`\n\n{above}"
            f'{fence} {{ .{language} linenums="1" }}\n{text.rstrip()}\n{fence}\n')


def examples_page():
    """Every example, with what its first lines say."""
    lines = ["# Examples", "", "Complete programs, built and run by the tests.", ""]
    for title, paths in (("Programs", ROOT.glob("examples/*.[ch]pp")),
                         ("In an event loop", ROOT.glob("examples/event_loops/*.cpp")),
                         ("Coming from another library", ROOT.glob("examples/coming_from/*.cpp")),
                         ("The programs of the guide", ROOT.glob("examples/guide/*.cpp"))):
        lines += [f"## {title}", "", '<table class="names"><tbody>']
        for path in sorted(paths):
            about = []
            for line in path.read_text().split("\n")[1:]:
                if not line.startswith("// "):
                    break
                about.append(line[3:])
            url = f"source/{path.relative_to(ROOT).as_posix()}.html"
            text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(" ".join(about), quote=False))
            lines.append(f'<tr><td><a href="{url}"><code>{path.name}</code></a></td><td>{text}</td></tr>')
        lines += ["</tbody></table>", ""]
    return "\n".join(lines)


def on_nav(nav, config, files):
    """A page of docs/ or of the reference that nobody comes to is forgotten."""
    listed = {page.file.src_uri for page in nav.pages}
    wanted = [file.src_uri for file in files.documentation_pages() if not file.src_uri.startswith("source/")]
    missing = sorted(set(wanted) - listed)
    if missing:
        raise PluginError("not in the nav of mkdocs.yml: " + " ".join(missing))
    return nav


# -- Markdown ---------------------------------------------------------------------------------------------------------

def on_page_markdown(markdown, page, config, files):
    name = page.file.src_uri
    if name in generated:
        return markdown
    markdown = rewritten(markdown, name, posixpath.join("docs", posixpath.dirname(name)))
    return with_beginning_of_readme(markdown) if name == "index.md" else markdown


def with_beginning_of_readme(markdown):
    """The first page of the site says what this is and shows its program, as the README does."""
    beginning = re.split(r"\n(?:## |```sh\n)", (ROOT / "README.md").read_text(), maxsplit=1)[0]
    return rewritten(beginning, "index.md", "") + "\n\n" + re.sub(r"^# .*\n", "## Where to begin\n", markdown, count=1)


def rewritten(text, name, folder_of_text):
    """A text that stands in a folder of the repository, with the links that it needs in a page of this name."""
    def origin(match):
        url = get_relative_url(f"source/{match[1]}.html", name.replace(".md", ".html"))
        return f'<p class="origin"><a href="{url}">{match[1]}</a></p>\n'

    def target(match):
        path, anchor, fragment = match[1].partition("#")
        if re.match(r"[a-z]+:", path) or not path:
            return match[0]
        file = posixpath.normpath(posixpath.join(folder_of_text, path))
        return f"]({posixpath.relpath(site_path(file), posixpath.dirname(name) or '.')}{anchor}{fragment})"

    def on_prose(prose):
        prose = re.sub(r"(?m)^(#+ .*)\{(.*\} *)$", r"\1&#123;\2", prose)  # {fmt}, which is no attribute of the heading
        prose = re.sub(r"<!-- region: (\S+) \S+ -->\n", origin, prose)
        return re.sub(r"\]\(([^()\s]+)\)", target, prose)

    parts = re.split(r"(?ms)(^```.*?^```$)", text)
    return "".join(part if part.startswith("```") else on_prose(part) for part in parts)


def site_path(file):
    """Where the site has a file of the repository."""
    if file.startswith("docs/"):
        return file.removeprefix("docs/")
    if (ROOT / file).is_dir():
        return f"source/{file}/README.md.md" if (ROOT / file / "README.md").is_file() else "examples.md"
    return AS_PAGES.get(file, f"source/{file}.md")


# -- HTML -------------------------------------------------------------------------------------------------------------

def on_page_content(content, page, config, files):
    name = page.file.src_uri
    content = link_code(content, page.url)
    if name.startswith("source/"):
        return content
    content = re.sub(r"(?s)<table>.*?</table>", framed, content)
    content = re.sub(r'<p>(<img alt="([^"]*)" src="([^"]+\.svg)" ?/?>)</p>',
                     r'<figure class="diagram"><a href="\3" title="\2, alone">\1</a></figure>', content)
    if name.startswith("reference/"):
        return content
    return link_names(content, page.url)


def framed(table):
    """A table in a frame of its own; one with long cells is shown cell below cell where it is narrow."""
    longest = max(len(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"(?s)<td.*?</td>", table[0]))
    return f'<div class="table{" long" if longest > 300 else ""}">{table[0]}</div>'


def link_code(content, url):
    """In code, an #include of the library leads to that header, and daemonkit::Name to what is said of it."""
    def header(match):
        return f'<a href="{get_relative_url(f"source/include/{match[1]}.html", url)}">{match[0]}</a>'

    def name(match):
        target = reference.find(match[2])
        return f'{match[1]}<a href="{get_relative_url(target, url)}">{match[2]}</a></span>' if target else match[0]

    content = re.sub(r"&lt;(daemonkit/[\w/]+\.hpp)&gt;", header, content)
    qualified = r'(<span class="n">daemonkit</span><span class="o">::</span><span class="\w+">)(\w+)</span>'
    return re.sub(qualified, name, content)


def link_names(content, url):
    """A name in `backticks` leads to where it is told of, if it is a public type, a header or a file; the first time
    below each heading, and not where it is a link already."""
    result, seen, inside = [], set(), 0
    for part in re.split(r"(<[^>]+>[^<]*</code>|<[^>]+>)", content):
        if re.match(r"<(a|pre|h[1-6])\b", part):
            inside += 1
            if part.startswith("<h"):
                seen = set()
        elif re.match(r"</(a|pre|h[1-6])>", part):
            inside -= 1
        elif part.startswith("<code>") and not inside:
            text = html.unescape(part.removeprefix("<code>").removesuffix("</code>"))
            target = target_of(text)
            if target and text not in seen and target.split("#")[0] != url:
                seen.add(text)
                part = f'<a class="name" href="{get_relative_url(target, url)}">{part}</a>'
        result.append(part)
    return "".join(result)


def target_of(text):
    if re.fullmatch(r"(examples|include)/[\w./-]+[^/]", text) and (ROOT / text).is_file():
        return f"source/{text}.html"
    if text.startswith(("daemonkit/", "daemonkit::")) or re.fullmatch(r"[A-Z]\w+(::\w+)?(\(.*\))?", text):
        return reference.find(text)
    return None


# -- the search -------------------------------------------------------------------------------------------------------

def on_post_build(config):
    """The search knows names in full, and leaves the sources out. Without an address there is no map of the site."""
    for place in pathlib.Path(config["site_dir"]).glob("sitemap.xml*"):
        place.unlink()
    place = pathlib.Path(config["site_dir"], "search", "search_index.json")
    index = json.loads(place.read_text())
    full = {url: name for name, url in reference.urls.items() if "::" in name and "#" in url}
    index["docs"] = [entry for entry in index["docs"] if not entry["location"].startswith("source/")]
    for entry in index["docs"]:
        entry["title"] = entry["title"].replace("&#123;", "{")
        if entry["location"].startswith("reference/"):
            entry["title"] = full.get(entry["location"], entry["title"])
    place.write_text(json.dumps(index, separators=(",", ":")))
    folder.cleanup()
