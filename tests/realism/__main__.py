"""Prints the intensive-care profile's figures beside their targets, and draws them.

python -m tests.realism --svg docs/images/realism.svg
"""

import argparse
from pathlib import Path

import numpy as np

from tests.realism.drawing import draw
from tests.realism.latent import latent_quantiles
from tests.realism.measure import compare, generate


def main() -> int:
    """Measure, print, draw; returns 1 if a figure is too far from its target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--patients", type=int, default=4000, help="as many as set A has")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--svg", type=Path, default=Path("build/realism.svg"))
    parser.add_argument("--latent", action="store_true", help="print LATENT for profiles.py only")
    given = parser.parse_args()
    if given.latent:
        print(np.array2string(latent_quantiles(given.patients, given.seed), separator=", "))
        return 0
    values = generate(given.patients, given.seed)
    figures = list(compare(values))
    print(f"{'':34}{'':12}{'measured':>9}{'generated':>10}{'may differ':>11}")
    for each in figures:
        print(
            f"{each.of:34}{each.what:12}{each.target:9.2f}{each.found:10.2f}{each.within:11.2f}"
            f"{'' if each.holds else '   TOO FAR'}"
        )
    given.svg.parent.mkdir(parents=True, exist_ok=True)
    given.svg.write_text(draw(values, figures))
    bad = sum(not each.holds for each in figures)
    print(f"{len(figures)} figures, {bad} too far from their target; drawn in {given.svg}")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
