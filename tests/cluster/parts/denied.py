"""Connections that NetworkPolicies deny, each beside the same one from where it is allowed."""

import pytest

from tests.cluster import probes


@pytest.mark.long
@pytest.mark.parametrize("probe", probes.DENIED, ids=lambda probe: probe.name)
def test_a_denied_connection_is_denied(probe: probes.Probe) -> None:
    """And the same connection is allowed from where it should be."""
    told = (probe.host, probe.port)
    assert probes.connects(probe.allowed_from, *told, wanted=True) == "yes", "the positive twin"
    assert probes.connects(probe.denied_from, *told, wanted=False) == "no"
