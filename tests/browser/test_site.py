"""The pages in a real browser: drawn, quiet, usable on a telephone, fresh without a reload."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.web import web_story

pytestmark = pytest.mark.browser

WITH_CHART = ("/", "/?days=1", "/topics/1", "/alerts/a-delivery", "/initiatives/1", "/customers/C-0012")
WITHOUT_CHART = (
    "/topics",
    "/alerts",
    "/cases",
    "/cases/c-delivery",
    "/initiatives",
    "/events/shop-00100",
    "/docs",
    "/nothing/here",
)
Open = Callable[..., Any]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("address", WITH_CHART)
def test_a_chart_is_drawn_and_nothing_scrolls_sideways(open_page: Open, address: str, width: int) -> None:
    page = open_page(address, width=width)
    page.wait_for_selector(".chart[data-drawn]")
    assert int(page.get_attribute(".chart", "data-drawn")) >= 2
    assert page.locator(".chart svg .scatterlayer path.js-line").count() >= 1
    assert page.locator(".chart svg .barlayer path").count() >= 2
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("address", WITHOUT_CHART)
def test_pages_of_text_fit_too(open_page: Open, address: str, width: int) -> None:
    page = open_page(address, width=width)
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_from_the_overview_to_a_customers_words_by_links_alone(open_page: Open) -> None:
    page = open_page("/")
    page.get_by_role("link", name="Delivery time").first.click()
    page.wait_for_url("**/topics/1")
    page.get_by_role("link", name="Negative", exact=True).click()
    page.wait_for_url("**/topics/1?sentiment=negative*")
    assert page.locator(".said mark.negative").count() >= 15
    newest = page.locator(".said time").first.get_attribute("datetime")
    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**before=*")
    assert page.locator(".said time").first.get_attribute("datetime") < newest
    page.locator(".said .meta a").first.click()
    page.wait_for_url("**/events/**")
    assert page.get_by_role("heading", name="Clause by clause").is_visible()


def test_a_channel_is_chosen_without_a_second_click(open_page: Open) -> None:
    page = open_page("/topics/2")
    page.get_by_role("combobox", name="Channel").select_option("email")
    page.wait_for_url("**channel=email*")
    assert set(page.locator(".said .meta").evaluate_all("all => all.map(p => p.textContent.split(' · ')[1])")) == {
        "email"
    }


def test_the_range_can_be_set_by_dates(open_page: Open) -> None:
    page = open_page("/")
    page.locator(".pick summary").click()
    page.get_by_label("From", exact=True).fill("2026-09-05")
    page.get_by_label("To, included").fill("2026-09-06")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**from=2026-09-05&to=2026-09-06")
    assert page.locator(".pick summary").inner_text() == "5 Sep 2026 – 6 Sep 2026"
    page.wait_for_selector('.chart[data-drawn="48"]')


def test_dark_is_dark(open_page: Open) -> None:
    def brightness(page: Any) -> int:
        return sum(
            page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
        )

    assert brightness(open_page("/", scheme="dark")) < 150 < 600 < brightness(open_page("/", scheme="light"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "address", ["/", "/topics", "/topics/1", "/alerts/a-delivery", "/cases", "/cases/c-delivery", "/events/shop-00100"]
)
def test_text_stands_out_from_its_ground(open_page: Open, address: str, scheme: str) -> None:
    """WCAG 2.2 AA, 1.4.3: at least 4.5 to 1."""
    page = open_page(address, scheme=scheme)
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_small_charts_are_drawn_and_a_dimension_can_be_chosen(open_page: Open, width: int) -> None:
    page = open_page("/topics/1", width=width)
    assert page.locator("#split .small-chart polyline").count() == len(web_story.CHANNELS)
    page.locator("#split").get_by_role("link", name="Region").click()
    page.wait_for_url("**dimension=segment*")
    assert page.locator("#split .small-chart polygon").count() >= len(web_story.REGIONS)
    assert page.locator("#emotions .small-chart").first.bounding_box()["width"] > 150
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_every_field_has_a_name(open_page: Open) -> None:
    for address in ("/", "/topics", "/topics/1", "/cases"):
        assert open_page(address).evaluate(NAMELESS) == 0


def test_a_new_alert_appears_without_a_reload(open_page: Open, story: sa.Engine) -> None:
    page = open_page("/alerts?status=acknowledged")
    page.evaluate("window.notReloaded = true")
    assert "Refunds" not in page.inner_text("main")
    made = web_story.alert(
        "a-late", "topic:5", "Refunds", "topic_sentiment_fall", status="acknowledged",
        opened_at=web_story.START - timedelta(days=1),
    )  # fmt: skip
    with story.begin() as connection:
        web_story.add_alert(connection, made)
    try:
        page.wait_for_selector(".alert:has-text('Refunds')", timeout=12_000)
        assert page.evaluate("window.notReloaded") is True
    finally:
        with story.begin() as connection:
            connection.execute(sa.text("DELETE FROM alerts WHERE alert_id = 'a-late'"))


NAMELESS = """[...document.querySelectorAll('input:not([type=hidden]), select, textarea, button')]
  .filter(e => !e.labels?.length && !e.ariaLabel && !e.textContent.trim()).length"""
CONTRAST = """() => {
  const parse = (c) => { const p = c.match(/[\\d.]+/g).map(Number); return p.length === 3 ? [...p, 1] : p; };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { const stack = [];
    for (let n = e; n; n = n.parentElement) stack.push(parse(getComputedStyle(n).backgroundColor));
    return stack.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]); };
  const bad = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    const unseen = 'script, svg, .hidden, .skip, .arrow, [hidden], details:not([open]) > :not(summary)';
    if (!walker.currentNode.textContent.trim() || e.closest(unseen)) continue;
    const under = ground(e), a = light(over(parse(getComputedStyle(e).color), under)), b = light(under);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const words = walker.currentNode.textContent.trim().slice(0, 30);
    if (ratio < 4.5) bad.add(`${e.tagName}.${e.className}: ${words} ${ratio.toFixed(2)}`);
  }
  return [...bad];
}"""
