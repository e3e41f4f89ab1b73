"""Prints the intensive-care profile's figures beside their targets, and draws them.

python -m tests.realism --svg docs/images/realism.svg
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.realism import courses
from tests.realism.drawing import draw
from tests.realism.hospital import adults, compare_wards, in_intensive_care, on_wards
from tests.realism.latent import latent_quantiles
from tests.realism.measure import Figure, compare, generate


def main() -> int:
    """Measure, print, draw; returns 1 if a figure is too far from its target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--patients", type=int, default=4000, help="as many as set A has")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--svg", type=Path, default=Path("build/realism.svg"))
    parser.add_argument("--courses", type=Path, default=Path("build/courses.svg"))
    parser.add_argument("--latent", action="store_true", help="print LATENT for profiles.py only")
    given = parser.parse_args()
    if given.latent:
        print(np.array2string(latent_quantiles(given.patients, given.seed), separator=", "))
        return 0
    values = generate(given.patients, given.seed)
    figures = list(compare(values))
    _table(f"intensive care: the profile, {given.patients:,} patients for 48 hours", figures)
    stays = adults(given.seed)
    running = list(compare(in_intensive_care(stays)))
    _table("intensive care as the hospital runs it, hour by hour", running)
    wards = list(compare_wards(on_wards(stays)))
    _table("wards as the hospital runs them, hour by hour", wards)
    for path in (given.svg, given.courses):
        path.parent.mkdir(parents=True, exist_ok=True)
    given.svg.write_text(draw(values, figures))
    given.courses.write_text(courses.draw(courses.courses(given.seed)))
    everything = [*figures, *running, *wards]
    bad = sum(not each.holds for each in everything)
    print(f"{len(everything)} figures, {bad} too far from their target")
    print(f"drawn in {given.svg} and {given.courses}")
    return 1 if bad else 0


def _table(title: str, figures: Sequence[Figure]) -> None:
    print(f"\n{title:46}{'measured':>9}{'generated':>10}{'may differ':>11}")
    for each in figures:
        print(
            f"{each.of:34}{each.what:12}{each.target:9.2f}{each.found:10.2f}{each.within:11.2f}"
            f"{'' if each.holds else '   TOO FAR'}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
