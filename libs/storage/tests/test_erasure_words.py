"""How a record that could not be stored is known to be a patient's."""

import pytest

from vitalstream_storage.erasure import mentions


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (b'{"patient_id": "p1"}', True),
        (b'{"patient_id": "\\u0070\\u0031"}', True),
        (b'{"patient_id": "p10"}', False),
        (b'{"patient_id": "x", "patient_id": "p1", "patient_id": "y"}', True),
        (b'[{"a": {"b": [["p1"]]}}]', True),
        (b'{"p1": null}', True),
        (b'{"note": "seen with p1, p2"}', True),
        (b'{"note": "p1-2, xp1, p_p1, p1x"}', False),
        (b'{"admission_id": "72"}', True),
        (b'{"admission_id": 72}', True),
        (b'{"heart_rate": 72}', False),
        (b"72;p1;x", True),
        (b"p10;p1_;-p1", False),
        (b"\xff\xfe p1 \xff", True),
        (b"[" * 100_000, False),
        (b"", False),
        (None, False),
    ],
)
def test_a_bad_record_is_known_by_the_ids_in_it(payload: bytes | None, found: bool) -> None:  # noqa: FBT001 - the expected value
    """Whole words of any form of document, whatever its escapes; no longer ids, no measures."""
    assert mentions(["p1", "72"], payload) is found


def test_a_bad_record_is_known_by_its_headers() -> None:
    """A client may have put the id there."""
    assert mentions(["p1"], b"{}", [None, b"\xff", b"patient=p1"])
    assert not mentions(["p1"], b"{}", [b"p11"])
