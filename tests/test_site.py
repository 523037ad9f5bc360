"""The built documentation in a real browser: order of the reference, search, no cut lines."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pages
import pytest
from contrast import weak_texts
from filelock import FileLock

import skaha

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

PHONE, TABLET, LAPTOP = 375, 768, 1400  # pixels
HEIGHT = 900
GUIDES = ("tutorial", "cheat-sheet", "examples", "how-to/")
CLIENT_CLASSES = ["Session", "Images", "Context", "Overview"]

# The elements of the text that leave their page, and the code that is wider than its box. Wide
# tables, and output with columns, scroll inside their boxes.
CUT_ELEMENTS = """() => {
    const limit = document.documentElement.clientWidth;
    const scrolls = element => /auto|scroll/.test(getComputedStyle(element).overflowX);
    const isInside = element => {
        const parent = element.parentElement;
        return parent.matches("article") ? false : scrolls(parent) || isInside(parent);
    };
    const isCut = element => {
        const box = element.getBoundingClientRect();
        const hasColumns = element.closest(".highlight-console, .highlight-text");
        const isTooWide = element.scrollWidth > element.clientWidth + 1;
        if (!box.width || !box.height) return false;
        if (element.matches("pre") && isTooWide && !hasColumns) return true;
        if (getComputedStyle(element).overflowX === "hidden" && isTooWide) return true;
        return (box.right > limit + 1 || box.left < -1) && !isInside(element);
    };
    const isWide = document.documentElement.scrollWidth > limit;
    const cut = [...document.querySelectorAll("article *")].filter(isCut);
    return [...(isWide ? ["the page"] : []), ...cut.map(element => element.outerHTML)];
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site; all workers of one run share it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "site"
    with FileLock(shared / "site.lock"):
        if not (folder / "searchindex.js").exists():
            command = [sys.executable, "-m", "sphinx", "-q", pages.ROOT / "docs", folder]
            subprocess.run([*command, "-d", shared / "doctrees"], check=True)
    return folder


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": LAPTOP, "height": HEIGHT})
    yield page
    page.close()


def test_no_line_is_cut_and_every_text_has_contrast(site: Path, page: Page) -> None:
    files = sorted(site.rglob("*.html"))
    assert len(files) > 40
    cut, weak = {}, {}
    for file in files:
        page.goto(file.as_uri(), wait_until="domcontentloaded")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            if texts := weak_texts(page):
                weak[f"{file.relative_to(site)}, {scheme}"] = texts[:3]
            for width in (PHONE, TABLET, LAPTOP):
                page.set_viewport_size({"width": width, "height": HEIGHT})
                if elements := page.evaluate(CUT_ELEMENTS):
                    cut[f"{file.relative_to(site)}, {width} pixels, {scheme}"] = elements[:3]
    assert (cut, weak) == ({}, {})


def test_a_text_with_little_contrast_is_found(page: Page) -> None:
    page.set_content(
        "<body style='background: #fff'><p style='color: #777'>grey</p>"
        "<p style='opacity: 0.5'>half</p><h1 style='color: #777'>large</h1>"
        "<p style='color: #767676'>enough</p><p hidden style='color: #eee'>hidden</p>"
        "<div style='background: #0008'><b style='color: #333'>on a shade</b></div>"
    )
    found = [text.rpartition(": ")[2] for text in weak_texts(page)]
    assert found == ["grey", "half", "on a shade"]


def test_a_cut_line_is_found(page: Page) -> None:
    line = "word " * 100
    for element in (f"<pre>{line}</pre>", f"<p style='white-space: nowrap'>{line}</p>"):
        page.set_content(f"<style>pre {{ overflow: auto }}</style><article>{element}</article>")
        assert page.evaluate(CUT_ELEMENTS)


def test_the_cheat_sheet_fits_one_screen(site: Path, page: Page) -> None:
    page.goto((site / "cheat-sheet.html").as_uri())
    table = page.locator("#cheat-sheet table").bounding_box()
    assert table is not None
    assert table["y"] + table["height"] <= HEIGHT
    sizes = page.locator("#cheat-sheet td code").evaluate_all(
        "cells => cells.map(cell => [cell.getClientRects().length, cell.textContent])"
    )
    assert [text for lines, text in sizes if lines > 1] == []


def test_the_cheat_sheet_needs_no_scrolling_to_the_side_on_a_phone(site: Path, page: Page) -> None:
    page.set_viewport_size({"width": PHONE, "height": HEIGHT})
    page.goto((site / "cheat-sheet.html").as_uri())
    rights = page.locator("#cheat-sheet td code").evaluate_all(
        "cells => cells.map(cell => cell.getBoundingClientRect().right)"
    )
    assert max(rights) <= PHONE


@pytest.mark.parametrize(
    ("words", "guide"),
    {
        "launch": "tutorial",
        "create session": "tutorial",
        "install": "tutorial",
        "wait": "how-to/wait-and-collect",
        "logs": "how-to/wait-and-collect",
        "status": "how-to/wait-and-collect",
        "delete": "how-to/clean-up",
        "login": "how-to/log-in",
        "log in": "how-to/log-in",
        "token": "how-to/log-in",
        "proxy": "how-to/proxies",
        "notebook": "how-to/notebooks",
        "quota": "how-to/resources",
        "memory": "how-to/resources",
        "gpu": "how-to/resources",
        "dask": "how-to/dask",
        "replica": "how-to/fan-out",
        "private image": "how-to/private-images",
        "upload": "how-to/stage-data",
        "migrate": "how-to/migrate",
        "offline": "how-to/test-offline",
        "cheat sheet": "cheat-sheet",
    }.items(),
)
def test_the_search_shows_the_guide_first(site: Path, page: Page, words: str, guide: str) -> None:
    assert found(site, page, words)[0].partition("#")[0] == f"{guide}.html"


@pytest.mark.parametrize("words", ["session", "create", "stop", "error", "image", "fetch", "cores"])
def test_the_search_shows_guides_before_the_reference(site: Path, page: Page, words: str) -> None:
    are_guides = [result.startswith(GUIDES) for result in found(site, page, words)]
    assert {True, False} == set(are_guides)
    assert are_guides == sorted(are_guides, reverse=True)


@pytest.mark.parametrize("name", ["save_logs", "InvalidInputError", "SkahaCluster"])
def test_the_search_for_a_name_shows_the_reference_first(site: Path, page: Page, name: str) -> None:
    assert re.fullmatch(rf"reference/.*#skaha\.(\w+\.)?{name}", found(site, page, name)[0])


def found(site: Path, page: Page, words: str) -> list[str]:
    """Type words into the search field; return the addresses of the results."""
    page.goto((site / "index.html").as_uri())
    page.locator(".sidebar-search").first.fill(words)
    page.keyboard.press("Enter")
    page.locator(".search-summary", has_text="finished").wait_for()
    addresses = "links => links.map(link => link.getAttribute('href'))"
    return list(page.locator("ul.search > li > a").evaluate_all(addresses))


@pytest.mark.parametrize("name", ["Session", "AsyncSession"])
def test_the_methods_are_in_the_order_of_the_table(site: Path, page: Page, name: str) -> None:
    page.goto((site / "reference" / "session.html").as_uri())
    links = page.locator("#session table a").evaluate_all("links => links.map(link => link.hash)")
    expected = [link.rpartition(".")[2] for link in links]
    address = "async-session" if name == "AsyncSession" else "session"
    page.goto((site / "reference" / f"{address}.html").as_uri())
    members = page.locator("dl.class > dd > dl > dt[id]").evaluate_all("all => all.map(e => e.id)")
    shown = [member.rpartition(".")[2] for member in members]
    if name == "AsyncSession":
        expected.remove("close")
        shown.remove("aclose")
    assert expected[0] == "create"
    assert shown == expected


def page_of(name: str) -> str:
    """Return the page of a class, such as `result-list` of `ResultList`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


RESULTS = ["Launched", "ResultList", "ResultDict"]


@pytest.mark.parametrize(
    "name", [*RESULTS, *(prefix + c for c in CLIENT_CLASSES for prefix in ("", "Async"))]
)
def test_a_class_has_a_page_of_its_own(site: Path, page: Page, name: str) -> None:
    page.goto((site / "reference" / f"{page_of(name)}.html").as_uri())
    names = page.locator("dl.class > dt .descname").all_inner_texts()
    assert names == [name]
    addresses = [address.partition("#")[0] for address in found(site, page, name)]
    assert f"reference/{page_of(name)}.html" in addresses


@pytest.mark.parametrize("name", [prefix + c for c in CLIENT_CLASSES for prefix in ("", "Async")])
def test_the_arguments_of_the_constructor_are_on_the_page(
    site: Path, page: Page, name: str
) -> None:
    page.goto((site / "reference" / f"{page_of(name)}.html").as_uri())
    fields = page.locator(f"dt[id='skaha.{name}'] + dd > dl.field-list").first
    described = fields.locator("dd").first.locator("li > p > strong").all_inner_texts()
    assert described == list(inspect.signature(getattr(skaha, name)).parameters)
