"""Each page shows its data, escapes what customers wrote, and says what to do where there is nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.web import web_story

pytestmark = pytest.mark.integration

ODD_EVENT = "/events/shop%2Fnative%207%3F%23%25"
ODD_CUSTOMER = "/customers/C%2F7%20%26%3F"
PAGES = (
    ("/", "All feedback"),
    ("/?key=channel:chat", "chat"),
    ("/?days=1", "All feedback"),
    ("/?from=2026-09-01&to=2026-10-10", "1 Sep 2026 – 10 Oct 2026"),
    ("/topics", "Friendly support"),
    ("/topics?sort=change&q=courier", "Delivery time"),
    ("/topics/1", "What customers said"),
    ("/topics/1?dimension=segment:region&by=week", "By region"),
    ("/topics/1?sentiment=negative&channel=chat", "parcel"),
    ("/alerts", "Delivery time"),
    ("/alerts?status=resolved", "Jackets"),
    ("/alerts/a-delivery", "Sentiment on"),
    ("/alerts/a%2Fodd%20id%3F", "C/7 &amp;?"),
    ("/cases", "Not taken yet"),
    ("/cases?state=at_work&severity=critical&owner=ben", "Delivery time"),
    ("/cases?state=closed", "No case is like that"),
    ("/cases/c-delivery", "He knows the courier."),
    ("/initiatives", "The courier misses the evening slots"),
    ("/initiatives?key=topic:1", "--key topic:1"),
    ("/initiatives/1", "Since the fix sentiment fell"),
    ("/initiatives/2", "Not fixed yet"),
    ("/customers/C-0012", "C-0012"),
    (ODD_CUSTOMER, "C/7 &amp;?"),
    ("/events/shop-00100", "Clause by clause"),
    (ODD_EVENT, "shop/native 7?#%"),
    ("/docs", "/api/v1/topics/{topic_id}"),
)


@pytest.mark.parametrize("address, words", PAGES)
def test_a_page_shows_its_data(client: TestClient, address: str, words: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert words in answer.text


@pytest.mark.parametrize("address", [address for address, _ in PAGES])
def test_every_local_link_of_a_page_leads_somewhere(client: TestClient, address: str) -> None:
    links = {link.replace("&amp;", "&") for link in re.findall(r'(?:href|src)="([^"#]+)', client.get(address).text)}
    assert len(links) > 5
    path = address.split("?")[0]
    for link in sorted(links)[:40]:
        target = path + link if link.startswith("?") else link
        assert target.startswith("/"), f"{target} leads off this machine"
        assert client.get(target).status_code == 200, target


@pytest.mark.parametrize("address", [ODD_EVENT, ODD_CUSTOMER])
def test_what_a_customer_wrote_is_text_and_never_markup(client: TestClient, address: str) -> None:
    page = client.get(address).text
    assert "alert(&#39;x&#39;)" in page
    assert "<script>alert" not in page and "<b>bold" not in page


def test_no_page_has_inline_scripts_or_handlers(client: TestClient) -> None:
    for address, _ in PAGES:
        page = client.get(address).text
        assert all('type="application/json"' in tag or "src=" in tag for tag in re.findall(r"<script[^>]*>", page))
        assert not re.search(r"\son[a-z]+=|javascript:|style=", page)


def test_answers_carry_the_security_headers(client: TestClient) -> None:
    for address in ("/", "/api/v1/", "/nothing", "/static/page.js", "/healthz"):
        headers = client.get(address).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy and "unsafe-eval" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_customers_words_are_kept_out_of_caches_and_assets_in(client: TestClient) -> None:
    assert client.get("/topics/1").headers["cache-control"] == "no-store"
    assert "immutable" in client.get("/static/style.css").headers["cache-control"]


def test_the_drawing_library_comes_from_the_installed_wheel(client: TestClient) -> None:
    answer = client.get("/static/plotly.js", headers={"Accept-Encoding": "identity"})
    assert "plotly.js v" in answer.text[:200]
    zipped = client.get("/static/plotly.js")
    assert zipped.headers["content-encoding"] == "gzip" and zipped.text == answer.text


@pytest.mark.parametrize("address", [address for address, _ in PAGES if address != "/docs"])
def test_a_page_links_to_its_json_twin(client: TestClient, address: str) -> None:
    page = client.get(address).text
    twin = re.search(r'<link rel="alternate" type="application/json" href="([^"]+)"', page)
    assert twin is not None
    target = twin[1].replace("&amp;", "&")
    assert target == "/api/v1" + address
    assert f'<a href="{twin[1]}">This page as JSON</a>' in page
    assert client.get(target).headers["content-type"] == "application/json"


def test_the_alert_page_tells_the_fall_in_sentiment_with_its_interval(client: TestClient) -> None:
    page = re.sub(r"<[^>]+>|\s+", " ", client.get("/alerts/a-delivery").text).replace("&nbsp;", " ")
    page = re.sub(r" +", " ", page)
    assert "+0.35 → to −0.42" in page  # negativity 0.325 → 0.71
    assert "A change of −0.77 (95 % interval −0.94 to −0.60) since 7 Oct 2026, 06:00" in page
    assert "grew to 1.31 false alarms where 1 was needed, by the e-detector" in page
    assert "False-alarm budget at most 1 false alarm in 7 days" in page
    assert "41 % 9" in page


def plain(page: str) -> str:
    """The words of a page, without marks and runs of blanks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).replace("\xa0", " ")


def test_a_topic_is_split_by_a_dimension_that_the_reader_chooses(client: TestClient) -> None:
    page = client.get("/topics/1?dimension=product").text
    shown = page.split('id="split"')[1].split("</section>")[0]
    assert set(re.findall(r"<h3>(\w+) ", shown)) == set(web_story.PRODUCTS)
    assert shown.count('<svg class="small-chart"') == len(web_story.PRODUCTS)
    assert 'aria-label="Sentiment from' in shown and "#split" in shown
    assert client.get("/topics/1?dimension=colour").status_code == 422
    felt = plain(page.split('id="emotions"')[1].split("</section>")[0])
    assert "Share of all feedback" in felt and "Anger" in felt and "Joy" in felt


def test_the_topics_page_says_what_made_up_the_change(client: TestClient) -> None:
    page = client.get("/topics?days=20").text
    shown = page.split('id="changes"')[1].split("</section>")[0]
    assert re.findall(r'<a href="/topics/(\d+)', shown)[0] == "1"
    totals = [float(t.replace("\N{MINUS SIGN}", "-")) for t in re.findall(r"<b>([^<]+)</b>", shown)]
    told = client.get("/api/v1/changes?days=20").json()["changes"]
    assert totals[0] == pytest.approx(told["difference"], abs=0.0005)
    assert totals[0] == pytest.approx(sum(totals[1:]), abs=0.005)


def test_the_width_of_points_is_kept_where_it_fits(client: TestClient) -> None:
    page = client.get("/topics/1?by=hour").text
    assert 'href="?by=hour&amp;days=7"' in page and 'href="?days=90"' in page
    assert re.search(r'href="[^"]*"[^>]*aria-current="true"[^>]*>Hour<', page)


def test_topics_can_be_ordered_and_found(client: TestClient) -> None:
    def labels(address: str) -> list[str]:
        return re.findall(r'<th scope="row"><a href="/topics/\d+[^"]*">([^<]+)', client.get(address).text)

    assert labels("/topics?sort=sentiment")[0] == "App crashes"
    assert labels("/topics?sort=change")[0] == "Delivery time"
    assert labels("/topics?sort=name")[:2] == ["App crashes", "Checkout and payment"]
    assert labels("/topics?q=refund+money") == ["Refunds"]
    assert "No topic has the words" in client.get("/topics?q=zebra").text


def test_an_empty_database_says_what_to_do_next(empty_client: TestClient) -> None:
    for address in ("/", "/topics"):
        answer = empty_client.get(address)
        assert answer.status_code == 200
        assert "No feedback yet" in answer.text and "vocengine run" in answer.text
    assert "No alert has been raised" in empty_client.get("/alerts").text


def test_feedback_without_topics_says_how_to_find_them(database: Any) -> None:
    from vocengine.store import tables
    from vocengine.web import create_app

    web_story.fill(database.engine, per_day=4)
    with database.engine.begin() as connection:
        connection.execute(tables.topics.delete())
    with TestClient(create_app(database.engine)) as made:
        assert "No topics yet" in made.get("/topics").text
        assert "No topics have been found yet" in made.get("/").text
