"""The dashboard's page as a viewer has it: a browser, through a port-forward to the Service."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Page, expect, sync_playwright

from tests.cluster.kubernetes import NAME, NAMESPACE
from tests.screenshots.__main__ import FLAGS

_PATIENCE: Final = 120_000
_FORWARDED: Final = re.compile(r"127\.0\.0\.1:(\d+)")


class Overview:
    """The first page."""

    def __init__(self, tab: Page) -> None:
        self._tab = tab
        card = tab.get_by_test_id("stMetric").filter(has_text="Admissions").first
        self._figure = card.get_by_test_id("stMetricValue")

    def shows_records(self) -> None:
        """Wait for the first one."""
        expect(self._figure).to_have_text(re.compile("[1-9]"), timeout=_PATIENCE)

    def admissions(self) -> int:
        """The number on the card."""
        return int(re.sub(r"\D", "", self._figure.inner_text()))

    def shows_more_than(self, number: int) -> None:
        """Wait for the number on the card to grow past one, without a reload."""
        self._tab.wait_for_function(
            "([card, least]) => Number(card.innerText.replace(/\\D/g, '')) > least",
            arg=[self._figure.element_handle(), number],
            timeout=_PATIENCE,
        )

    def says_live(self) -> None:
        """Wait for the words that tell how fresh the data is."""
        expect(self._tab.get_by_text(re.compile("Live, .* behind")).first).to_be_visible(
            timeout=_PATIENCE
        )


@contextmanager
def opened() -> Iterator[Overview]:
    """Open the page in a headless Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "no chromium on the PATH: apt-get install chromium"
    with _forwarded() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        tab = browser.new_page()
        tab.set_default_timeout(_PATIENCE)
        tab.goto(address)
        yield Overview(tab)
        browser.close()


@contextmanager
def _forwarded() -> Iterator[str]:
    command = ["kubectl", "--namespace", NAMESPACE, "port-forward", f"service/{NAME}-dashboard"]
    with subprocess.Popen([*command, ":80"], stdout=subprocess.PIPE, text=True) as forward:
        assert forward.stdout is not None, "a pipe was asked for"
        try:
            found = _FORWARDED.search(forward.stdout.readline())
            assert found, "kubectl port-forward did not say where"
            yield f"http://127.0.0.1:{found.group(1)}"
        finally:
            forward.kill()
