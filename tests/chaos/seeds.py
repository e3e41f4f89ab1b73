"""A run's seed: what breaks when, and how to have it again."""

import random
import secrets
from collections.abc import Mapping

VARIABLE = "CHAOS_SEED"


def choose(environment: Mapping[str, str]) -> int:
    """The one that CHAOS_SEED gives, else any."""
    return int(environment.get(VARIABLE) or secrets.randbelow(2**32))


def told(seed: int, scenario: str) -> str:
    """What a person has to know to have a scenario again."""
    return f"{VARIABLE}={seed} reproduces {scenario}"


def share(seed: int, scenario: str) -> random.Random:
    """One scenario's decisions, the same whatever else runs."""
    return random.Random(f"{seed} {scenario}")
