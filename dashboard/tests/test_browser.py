"""The page in a real browser: what is drawn, what stays in place, what it looks like."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from vitalstream_devstack.databases import Database

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

PICTURES = Path(__file__).parents[2] / "build" / "looks"
SIZES = {"wall": (1920, 1080), "desk": (1280, 800), "phone": (390, 844)}
SLOW = 120_000
CHART = ".vs-plot.js-plotly-plot"
CONTRAST = Path(__file__).with_name("contrast.js").read_text()
IDS = ("[data-testid=stMetric]", "[data-testid=stDataFrame]")


@pytest.fixture
def address(start: Any, database: Database, ward: Any) -> str:
    """A running page over 300 admissions, by its address."""
    ward.admit(*ward.random_rows(7, 300))
    program = start(DATABASE_URL=database.url("viewer"), DASHBOARD_REFRESH_SECONDS="2")
    program.wait_for("/readyz", 200)
    return f"http://127.0.0.1:{program.page_port}"


@pytest.fixture
def tab(browser: Browser, address: str) -> Iterator[Page]:
    """The page, drawn, at the size of a desk's screen."""
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
    page.set_default_timeout(SLOW)
    page.goto(address)
    expect(page.get_by_test_id("stMetric")).to_have_count(9, timeout=SLOW)
    expect(page.get_by_test_id("stDataFrame").last).to_be_visible(timeout=SLOW)
    yield page
    page.close()


def figure(page: Page, label: str) -> Any:
    """The number on the card with that label."""
    card = page.get_by_test_id("stMetric").filter(has_text=label)
    return card.get_by_test_id("stMetricValue")


def test_a_refresh_changes_numbers_in_place(tab: Page, ward: Any) -> None:
    """A new record shows by itself, nothing moves; cards, charts and table are the same elements.

    A chart changes what it shows and keeps what somebody has zoomed into.
    """
    expect(figure(tab, "Admissions")).to_have_text("300", timeout=SLOW)
    expect(tab.locator(CHART)).to_have_count(4, timeout=SLOW)
    bars = tab.locator(CHART).first
    bars.evaluate("plot => Plotly.relayout(plot, {'xaxis.range': [0, 2]})")
    parts = [part for name in (*IDS, CHART) for part in tab.locator(name).all()]
    for part in parts:
        part.evaluate("element => { element.seenBefore = true }")
    places = [part.bounding_box() for part in parts]
    ward.admit(ward.row(5_000_000, age=95))
    expect(figure(tab, "Admissions")).to_have_text("301", timeout=SLOW)
    rows = [ward.row(6_000_000 + number, department="ICU") for number in range(2_000)]
    ward.admit(*rows)
    expect(figure(tab, "Admissions")).to_have_text("2,301", timeout=SLOW)
    expect(bars.get_by_text(re.compile(r"2,\d{3}"))).to_be_visible(timeout=SLOW)
    assert all(part.evaluate("element => element.seenBefore") for part in parts)
    assert [part.bounding_box() for part in parts] == places
    assert bars.evaluate("plot => plot.layout.xaxis.range") == [0, 2]


def test_a_choice_lives_in_the_address(tab: Page, address: str) -> None:
    """What is chosen in the sidebar is in the URL, so that a wall screen is set up by a link."""
    tab.get_by_test_id("stRadio").get_by_text("High").click()
    expect(tab.get_by_text("only ▲ High risk")).to_be_visible(timeout=SLOW)
    assert "risk=High" in tab.url
    tab.goto(f"{address}/?risk=Low")
    expect(tab.get_by_text("only ● Low risk")).to_be_visible(timeout=SLOW)


def test_an_outage_shows_and_heals_without_a_reload(tab: Page, ward: Any) -> None:
    """While the database is away the numbers stay under a banner, which goes by itself."""
    expect(figure(tab, "Admissions")).to_have_text("300", timeout=SLOW)
    ward.leave()
    expect(tab.get_by_text("Database away since")).to_be_visible(timeout=SLOW)
    expect(figure(tab, "Admissions")).to_have_text("300")
    assert "Traceback" not in tab.content()
    ward.come_back()
    expect(tab.get_by_text("Database away since")).to_be_hidden(timeout=SLOW)


def test_nothing_moves_while_a_refresh_takes_long(tab: Page, database: Database) -> None:
    """Streamlit's running figure stays away; the numbers stay as they are."""
    with psycopg.connect(database.url()) as blocker:
        blocker.execute("LOCK TABLE stream_offsets")
        running = tab.get_by_test_id("stStatusWidgetRunningIcon")
        expect(running).to_be_attached(timeout=SLOW)
        expect(running).to_be_hidden()
        expect(figure(tab, "Admissions")).to_have_text("300")


def test_markup_in_a_name_stays_text(tab: Page, ward: Any) -> None:
    """No text of a record becomes an element of the page, neither in the table nor in a chart."""
    markup = "<img src=x onerror='document.title=1'><i id=bad>x</i>"
    names = ("patient_name", "department", "primary_diagnosis")
    ward.admit(ward.row(9_000_000, **dict.fromkeys(names, markup)))
    expect(figure(tab, "Admissions")).to_have_text("301", timeout=SLOW)
    for drawn in (tab.locator(".js-plotly-plot").nth(0), tab.locator(".js-plotly-plot").nth(2)):
        expect(drawn.get_by_text("<img src=x").first).to_be_visible(timeout=SLOW)
    assert tab.locator("#bad").count() == 0
    assert tab.title() == "Vitalstream"


def test_the_table_is_downloaded_without_identity_at_first(tab: Page) -> None:
    """One click gives a CSV without names; with identity only when that was switched on."""
    with tab.expect_download(timeout=SLOW) as plain:
        tab.get_by_test_id("stDownloadButton").get_by_role("button").click()
    content = Path(plain.value.path()).read_text("utf-8-sig")
    assert len(content.splitlines()) == 101
    assert "Name " not in content
    assert "patient_id" not in content
    tab.get_by_text("Download with identity").click()
    expect(tab.get_by_role("button", name="Download CSV", exact=True)).to_be_visible(timeout=SLOW)
    with tab.expect_download(timeout=SLOW) as identified:
        tab.get_by_test_id("stDownloadButton").get_by_role("button").click()
    assert "Name " in Path(identified.value.path()).read_text("utf-8-sig")


def test_open_tabs_are_counted(browser: Browser, start: Any, database: Database) -> None:
    """The metric is as many as are open, and none once they are closed."""
    program = start(DATABASE_URL=database.url("viewer"))
    program.wait_for("/readyz", 200)
    tabs = [browser.new_page() for _ in range(2)]
    for tab in tabs:
        tab.goto(f"http://127.0.0.1:{program.page_port}")
    program.wait_until_said("vitalstream_dashboard_sessions 2.0")
    for tab in tabs:
        tab.close()
    program.wait_until_said("vitalstream_dashboard_sessions 0.0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_looks(browser: Browser, address: str, ward: Any, scheme: Any) -> None:
    """Nothing is wider than the screen, and a wall's screen shows all but the table of records.

    Pictures of each size are left to be looked at.
    """
    ward.run("UPDATE patient_records SET timestamp = timestamp + (now() - %s)", ward.now)
    for size, (width, height) in SIZES.items():
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.goto(address)
        expect(page.get_by_test_id("stDataFrame").last).to_be_visible(timeout=SLOW)
        expect(page.locator(".js-plotly-plot")).to_have_count(4, timeout=SLOW)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for card in page.get_by_test_id("stMetric").all():
            box = card.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
        if size == "wall":
            charts = page.locator(".st-key-charts").bounding_box()
            assert charts is not None
            assert charts["y"] + charts["height"] <= height
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(1_000)  # the table draws on a canvas, which no locator sees
        page.screenshot(path=PICTURES / f"overview-{size}-{scheme}.png", full_page=True)
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(browser: Browser, address: str, ward: Any, scheme: Any) -> None:
    """On every page each text has WCAG AA's contrast with what lies behind it."""
    ward.stand(last_append_at=ward.now, last_commit_at=ward.now)
    ward.run(
        'INSERT INTO dead_letters (topic_id, partition, "offset", topic, reason, error)'
        " SELECT topic_id, 0, 1, topic, 'not_json', 'no JSON' FROM stream_offsets"
    )
    ((link,),) = ward.run("SELECT link FROM newest_admissions ORDER BY patient_id LIMIT 1")
    page = browser.new_page(viewport={"width": 1280, "height": 2_400}, color_scheme=scheme)
    pages = {
        "": page.get_by_text("Recent records"),
        f"patient?p={link}": page.get_by_role("heading", name="Admissions"),
        "trends": page.get_by_text("Nothing was observed"),
        "operations": page.get_by_text("Once the cause is mended"),
    }
    for where, last in pages.items():
        page.goto(f"{address}/{where}")
        expect(last).to_be_visible(timeout=SLOW)
        page.wait_for_timeout(1_000)  # until the styles are there
        assert page.evaluate(CONTRAST) == [], where
    page.close()
