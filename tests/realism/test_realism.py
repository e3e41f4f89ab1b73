"""The intensive-care profile stays as near to what was measured as it was made to be."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tests.realism import courses
from tests.realism.drawing import draw
from tests.realism.hospital import adults, compare_wards, in_intensive_care, on_wards
from tests.realism.latent import latent_quantiles
from tests.realism.measure import Floats, compare, generate
from tests.realism.targets import CORRELATIONS, LEVELS, TARGETS, WARD_RANGES
from vitalstream_producer.hospital.profiles import LATENT


@pytest.fixture(scope="module")
def values() -> Floats:
    """Enough patients for the figures to be steady."""
    return generate(patients=2000, seed=7)


def test_every_figure_is_near_its_target(values: Floats) -> None:
    """Means 5 %, SDs and quantiles 10 % or a rounding, correlations 0.1."""
    figures = list(compare(values))
    lags = sum(each.lag is not None for each in TARGETS)
    assert len(figures) == len(TARGETS) * (2 + len(LEVELS)) + lags + len(CORRELATIONS)
    assert [each for each in figures if not each.holds] == []


def test_the_hospital_as_it_runs_is_as_near() -> None:
    """Its intensive care has the same figures, and its wards the normal range of their source."""
    stays = adults(seed=7)
    running = list(compare(in_intensive_care(stays)))
    assert [each for each in running if not each.holds] == []
    wards = list(compare_wards(on_wards(stays)))
    assert len(wards) == 2 * len(WARD_RANGES) - 1
    assert [each for each in wards if not each.holds] == []


def test_a_change_of_the_process_is_noticed(values: Floats) -> None:
    """Without memory, with more spread or shifted, some figure is too far away."""
    rng = np.random.default_rng(1)
    shuffled = np.stack([rng.permutation(hour) for hour in values])
    assert {e.what for e in compare(shuffled) if not e.holds} == {"lag 1 h"}
    alone = np.stack([rng.permuted(values[:, :, n], axis=1) for n in range(6)], axis=2)
    assert "correlation" in {each.what for each in compare(alone) if not each.holds}
    middle = values.mean(axis=(0, 1))
    wider = (values - middle) * 1.2 + middle
    assert "SD" in {each.what for each in compare(wider) if not each.holds}
    assert "mean" in {each.what for each in compare(values * 1.06) if not each.holds}


def test_the_latent_quantiles_are_those_of_the_process() -> None:
    """LATENT in profiles.py is what the process gives now; `make realism ARGS=--latent` tells."""
    found = latent_quantiles(patients=1500, seed=5)
    assert np.abs(found - LATENT)[:, 2:-2].max() < 0.1


def test_the_picture_is_an_image_with_every_vital_sign(values: Floats) -> None:
    """It parses, names each, and stays small enough for a page."""
    picture = draw(values, list(compare(values)))
    text = "".join(ET.fromstring(picture).itertext())  # noqa: S314 - our own
    assert all(target.name in text for target in TARGETS)
    assert len(picture) < 100_000


def test_the_courses_are_drawn_with_the_truth_behind_them() -> None:
    """Two who were in intensive care and two who fell ill on a ward, each with an episode."""
    chosen = courses.courses(seed=1)
    assert len(chosen) == 4
    picture = ET.fromstring(courses.draw(chosen))  # noqa: S314 - our own
    names = [part.tag.rpartition("}")[2] for part in picture]
    assert names.count("polyline") == 4 * len(chosen)
    assert names.count("polygon") == sum(len(each.episodes) for each in chosen) >= 4
    words = "".join(picture.itertext())
    assert words.count("ICU") == 2
    assert len(ET.tostring(picture)) < 100_000
