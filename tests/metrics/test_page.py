"""docs/metrics.md and the declarations say the same."""

import pytest

from tests.metrics import document
from tests.metrics.declared import SERVICES, declared


def test_page_is_what_the_code_says() -> None:
    """The page is generated: `make docs` writes it, nobody else."""
    written = document.DOCUMENT.read_text(encoding="utf-8")
    assert written == document.text(), "docs/metrics.md is out of date: run `make docs`"


@pytest.mark.parametrize("service", SERVICES)
def test_names_follow_the_pattern(service: str) -> None:
    """vitalstream_SERVICE_WHAT_UNIT, or vitalstream_WHAT for what every service has."""
    shared = {"vitalstream_build_info", "vitalstream_ready"}
    names = {each.name for each in declared(service)}
    assert shared < names
    assert all(name.startswith(f"vitalstream_{service}_") for name in names - shared)


@pytest.mark.parametrize("service", SERVICES)
def test_every_metric_has_a_meaning(service: str) -> None:
    """A help text is a sentence."""
    assert not [each.name for each in declared(service) if not each.meaning.endswith(".")]
