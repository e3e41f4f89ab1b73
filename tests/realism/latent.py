"""Makes `LATENT` of the producer's profiles: where the latent state's own quantiles are."""

from unittest import mock

import numpy as np

from tests.realism.measure import HOURS, Floats
from vitalstream_producer.hospital import physiology, profiles
from vitalstream_producer.hospital.population import intensive_care


def latent_quantiles(patients: int, seed: int) -> Floats:
    """(vital signs, levels): of the state with its noise, before it becomes vital signs."""
    states: list[Floats] = []
    original = profiles.measured

    def keep(latent: Floats, *others: object) -> Floats:
        states.append(latent)
        return original(latent, *others)  # type: ignore[arg-type]

    with mock.patch.object(physiology, "measured", keep):
        intensive_care(patients, HOURS, seed, 0.0)
    found = np.quantile(np.concatenate(states), profiles.LEVELS, axis=0)
    return np.round(found.T, 3)
