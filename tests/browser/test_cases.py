"""A case worked on in a real browser, with nothing but the forms of its page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Open, served
from tests.browser.test_site import CONTRAST, NAMELESS
from tests.cases.test_casebook import BOOK, do, raise_alerts
from tests.cases.test_life import alert
from vocengine.web import create_app

pytestmark = pytest.mark.browser


@pytest.fixture
def site(database: Any) -> Iterator[str]:
    """The application with edits on, and one alert with its case."""
    raise_alerts(database.engine, alert(1))
    with served(create_app(database.engine, edits=True, casebook=BOOK)) as address:
        yield address


def test_a_case_is_taken_resolved_and_judged_by_its_buttons(open_page: Open, database: Any) -> None:
    page = open_page("/cases")
    page.get_by_role("link", name="Delivery").click()
    page.get_by_role("button", name="Acknowledge").click()
    assert page.locator("input[name=by]:invalid").count() == 1, "the browser asks for the name"
    page.get_by_label("Your name").fill("ana")
    page.get_by_label("Note").fill("I ask the courier")
    page.get_by_role("button", name="Acknowledge").click()
    page.wait_for_selector("#trail >> text=acknowledged it")
    assert "I ask the courier" in page.inner_text("#trail") and "ana" in page.inner_text("#standing")
    assert page.get_by_label("Your name").input_value() == "ana", "asked once"
    page.get_by_role("button", name="Start work").click()
    page.get_by_role("button", name="Resolve").click()
    page.get_by_role("button", name="Yes").click()
    page.wait_for_selector("#trail >> text=judged it a real problem")
    page.get_by_role("button", name="Close").click()
    page.wait_for_selector("#trail >> text=closed it")
    assert page.get_by_role("button", name="Reopen").is_visible() and "took" in page.inner_text("#standing")


def test_what_was_written_outlives_what_others_do_and_they_are_seen(open_page: Open, database: Any) -> None:
    page = open_page("/cases/c-1")
    page.get_by_label("Note").fill("half a sentence")
    page.get_by_label("Your name").fill("ana")
    page.locator("h1").click()
    do(database.engine, "c-1", "take", by="ben")
    page.wait_for_selector("#trail >> text=ben acknowledged it", timeout=12_000)
    assert page.get_by_label("Note").input_value() == "half a sentence"
    page.get_by_role("button", name="Acknowledge").click()
    page.wait_for_selector("[role=alert] >> text=ben changed it meanwhile")
    assert page.get_by_label("Note").input_value() == "half a sentence"


@pytest.mark.parametrize("address", ["/cases/c-1", "/initiatives"])
def test_forms_have_names_fit_a_telephone_and_can_be_read(open_page: Open, address: str) -> None:
    for width, scheme in ((390, "light"), (1280, "dark")):
        page = open_page(address, width=width, scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(NAMELESS) == 0 and page.evaluate(CONTRAST) == []
