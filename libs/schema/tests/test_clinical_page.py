"""The clinical page's cases, computed."""

from pathlib import Path

import pytest

from vitalstream_schema import news2, risk

PAGE = Path(__file__).parents[3] / "docs" / "clinical.md"
CASES = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in PAGE.read_text().split("## NEWS2 as implemented")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| case")
]


def test_the_page_has_cases_where_the_scores_differ() -> None:
    """Both ways: one alarmed and the other not."""
    verdicts = {(case[8].split()[1], case[9].split()[1]) for case in CASES}
    assert {
        ("Low", "low-medium"),
        ("Low", "medium"),
        ("High", "low"),
        ("Medium", "low"),
    } <= verdicts


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_a_case_is_what_the_page_says(case: list[str]) -> None:
    """Both scores with their names, from the vital signs in the row."""
    heart, systolic, saturation, breaths = (int(case[n]) for n in (1, 2, 4, 5))
    temperature, oxygen, scale = float(case[3]), case[6] == "yes", 1
    if "scale 2" in case[0] or "scale 2" in case[10]:
        scale = 2
    points = risk.score(heart, systolic, temperature, saturation, breaths)
    assert case[8] == f"{points} {risk.level(points)}"
    score = news2.score(
        breaths, saturation, systolic, heart, temperature, oxygen, case[7], spo2_scale=scale
    )
    assert case[9] == f"{score.total} {score.risk}"
