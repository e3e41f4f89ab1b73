"""Nothing that tells who a patient is leaves the consumer but into the tables."""

import json
from collections.abc import Callable

from consumer.tests.support import Replica, Stream, eventually
from tests.oracle.traffic import Hospital, Message

MARKS = ("Zzyzx", "Qwrtdiagnosis", "patmark", "admmark", "keymark")


def test_logs_and_metrics_name_nobody(stream: Stream, replicas: Callable[..., Replica]) -> None:
    """Good and bad records, conflicts and a failing write, all of marked people: no mark shows."""
    (sample,) = Hospital(seed=51, mix=None).messages(1)
    fields = json.loads(sample.payload or b"{}") | {
        "patient_id": "patmark",
        "admission_id": "admmark",
        "patient_name": "Zzyzx",
        "primary_diagnosis": "Qwrtdiagnosis",
    }
    payloads = [
        fields,
        fields | {"heart_rate": fields["heart_rate"] + 1},
        fields | {"patient_id": "patmark-2"},
        fields | {"age": "Zzyzx"},
        fields | {"Zzyzx": "Qwrtdiagnosis", "gender": "Zzyzx" * 9},
    ]
    stream.send(Message(b"keymark", json.dumps(each).encode()) for each in payloads)
    stream.send([Message(b"keymark", b"Zzyzx{"), Message(b"keymark", None)])
    stream.query("ALTER TABLE observations ADD CONSTRAINT nobody CHECK (heart_rate < 0) NOT VALID")
    replica = replicas().start()
    stream.wait_until_stored()
    stream.query("ALTER TABLE observations DROP CONSTRAINT nobody")
    stream.query("UPDATE stream_offsets SET owner_token = gen_random_uuid()")
    stream.send([Message(b"keymark", json.dumps(fields).encode())])
    stream.wait_until_stored()
    eventually(lambda: replica.metric("fenced_total"), "fenced")
    metrics = replica.get("/metrics")[1]
    assert replica.stop() == 0
    for mark in MARKS:
        assert mark not in replica.output
        assert mark not in metrics
    reasons = {row[0] for row in stream.query("SELECT reason FROM dead_letters")}
    assert {"not_json", "tombstone", "wrong_type", "rejected_by_database"} <= reasons
