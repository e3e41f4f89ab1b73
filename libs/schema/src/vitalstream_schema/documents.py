"""What machines read of the event: JSON Schema and an AsyncAPI document of the topic.

Both are generated from the record, so that they cannot say anything else than the code does.
"""

from typing import Any, Final

import msgspec

from vitalstream_schema.codec import SCHEMA_VERSION, VERSION_HEADER
from vitalstream_schema.record import Record

TOPIC: Final = "patient_records"
PARTITIONS: Final = 3
DESCRIPTION: Final = (
    "One observation of one patient during one admission. Timestamps are ISO 8601 dates with a "
    "time, UTC where they have no offset, accepted from the year 2000 to five minutes ahead of "
    "the consumer's clock. Unknown fields are ignored; of duplicate keys the last counts; nesting "
    "ends at 64 levels. What does not keep to this becomes a dead letter that names the field."
)
Json = dict[str, Any]


def json_schema() -> Json:
    """Describe the record in JSON Schema (draft 2020-12, in words that draft-07 has too)."""
    (definition,) = msgspec.json.schema(Record)["$defs"].values()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **definition,
        "title": "Patient record",
        "description": DESCRIPTION,
    }


def asyncapi() -> Json:
    """Describe the topic in AsyncAPI 3.0: address, key, header, payload, who sends and receives."""
    payload = {name: value for name, value in json_schema().items() if name != "$schema"}
    channel = {"$ref": "#/channels/patientRecords"}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Vitalstream",
            "version": f"{SCHEMA_VERSION}.0.0",
            "description": "Patient records on their way from the bedside to the tables.",
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": "application/json",
        "channels": {
            "patientRecords": {
                "address": TOPIC,
                "description": "Keyed by patient, so that a patient's records stay in order.",
                "messages": {"patientRecord": {"$ref": "#/components/messages/patientRecord"}},
                "bindings": {"kafka": {"partitions": PARTITIONS, "bindingVersion": "0.5.0"}},
            }
        },
        "operations": {
            "sendPatientRecord": {"action": "send", "channel": channel},
            "receivePatientRecord": {"action": "receive", "channel": channel},
        },
        "components": {
            "messages": {
                "patientRecord": {
                    "name": "patientRecord",
                    "title": "Patient record",
                    "contentType": "application/json",
                    "headers": _headers(),
                    "payload": payload,
                    "bindings": {"kafka": {"key": _key(payload), "bindingVersion": "0.5.0"}},
                }
            }
        },
    }


def _headers() -> Json:
    return {
        "type": "object",
        "properties": {
            VERSION_HEADER: {
                "type": "string",
                "const": str(SCHEMA_VERSION),
                "description": "May be left out; any other version is refused.",
            },
            "traceparent": {
                "type": "string",
                "description": "The trace that the record belongs to, as W3C's Trace Context has "
                "it. May be left out; what is malformed is left alone.",
            },
        },
    }


def _key(payload: Json) -> Json:
    return {
        "type": "string",
        "maxLength": payload["properties"]["patient_id"]["maxLength"],
        "description": "patient_id, UTF-8. Recommended: a record without a key is accepted.",
    }
