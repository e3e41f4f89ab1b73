"""values.schema.json, from values.yaml: every key, its type, and nothing beside.

What the defaults cannot tell (alternatives, bounds, free-form parts) stands in SPECIAL.
"""

import fnmatch
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tests.chart import surface
from vitalstream_consumer.metrics import AGE_SECONDS

CHART: Final = Path(__file__).parents[2] / "charts" / "vitalstream"
FILE: Final = CHART / "values.schema.json"

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_NAME: Final[Schema] = {
    "type": "string",
    "maxLength": 253,
    "pattern": "^$|^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
}
_TEXTS: Final[Schema] = {"type": "array", "items": {"type": "string", "minLength": 1}}
_NAMES: Final[Schema] = {"type": "array", "items": {**_NAME, "minLength": 1}}
_STRINGS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}
_SCALARS: Final[Schema] = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}
_ANYTHING: Final[Schema] = {"type": "object"}
_OBJECTS: Final[Schema] = {"type": "array", "items": {"type": "object"}}
_PORT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 65535}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 1}
_REPLICAS: Final[Schema] = {"type": ["integer", "null"], "minimum": 0}
_SECONDS: Final[Schema] = {"type": "integer", "minimum": 1}
_QUANTITY: Final[Schema] = {
    "type": ["string", "number"],
    "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$",
}
_AMOUNTS: Final[Schema] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "cpu": _QUANTITY,
        "memory": _QUANTITY,
        "ephemeral-storage": _QUANTITY,
    },
}
_RESOURCES: Final[Schema] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"requests": _AMOUNTS, "limits": _AMOUNTS},
}
_CRON: Final[Schema] = {"type": "string", "pattern": r"^(@\w+|\S+( \S+){4})$"}


def _one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


# The first pattern that fits a dotted path decides.
SPECIAL: Final[dict[str, Schema]] = {
    "global.imagePullSecrets": _NAMES,
    "images.pullSecrets": _NAMES,
    "images.pullPolicy": _one_of("Always", "IfNotPresent", "Never"),
    "images.*.repository": {"type": "string", "minLength": 1},
    "images.*.digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    "pods.topologySpread.whenUnsatisfiable": _one_of("ScheduleAnyway", "DoNotSchedule"),
    "pods.topologySpread.topologyKeys": _TEXTS,
    "pods.securityContext": _ANYTHING,
    "pods.containerSecurityContext": _ANYTHING,
    "logs.level": _one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    "logs.format": _one_of("json", "console"),
    "kafka.mode": _one_of("strimzi", "external"),
    "kafka.topic.name": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,249}$"},
    "kafka.topic.replicas": {"type": "integer", "minimum": -1},
    "kafka.topic.partitions": _COUNT,
    "kafka.topic.config": _SCALARS,
    "kafka.consumerGroup.id": {"type": "string", "minLength": 1, "maxLength": 249},
    "kafka.consumerGroup.protocol": _one_of("consumer", "classic"),
    "kafka.external.bootstrapServers": {
        "type": "string",
        "pattern": r"^(|[^\s,:]+:[0-9]{1,5}(,[^\s,:]+:[0-9]{1,5})*)$",
    },
    "kafka.external.securityProtocol": _one_of("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    "kafka.external.saslMechanism": _one_of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
    "kafka.external.ports": {"type": "array", "items": _PORT},
    "kafka.strimzi.config": _SCALARS,
    "kafka.strimzi.replicas": _COUNT,
    "kafka.strimzi.minInSyncReplicas": _COUNT,
    "database.mode": _one_of("cnpg", "external"),
    "database.name": {"type": "string", "pattern": "^[a-z_][a-z0-9_]{0,62}$"},
    "database.logins.*.username": {"type": "string", "pattern": "^([a-z_][a-z0-9_-]{0,62})?$"},
    "database.external.sslMode": _one_of(
        "disable", "allow", "prefer", "require", "verify-ca", "verify-full"
    ),
    "database.external.port": _PORT,
    "database.cnpg.instances": _COUNT,
    "database.cnpg.parameters": _STRINGS,
    "database.cnpg.synchronous": {
        "type": "object",
        "additionalProperties": False,
        "dependencies": {"method": ["number"], "number": ["method"]},
        "properties": {
            "method": _one_of("any", "first"),
            "number": _COUNT,
            "dataDurability": _one_of("required", "preferred"),
        },
    },
    "database.cnpg.backup.schedule": {"type": "string", "pattern": r"^(@\w+|\S+( \S+){5})$"},
    "database.cnpg.backup.method": _one_of("plugin", "volumeSnapshot"),
    "database.cnpg.recovery": _ANYTHING,
    "database.cnpg.externalClusters": _OBJECTS,
    "migrations.backoffLimit": {"type": "integer", "minimum": 0},
    "maintenance.schedule": _CRON,
    "replay.arguments": _TEXTS,
    "consumer.autoscaling.kind": _one_of("none", "keda", "hpa"),
    "consumer.autoscaling.targetCPU": {"type": "integer", "minimum": 1, "maximum": 1000},
    "consumer.autoscaling.*": _COUNT,
    "*.podDisruptionBudget.maxUnavailable": {"type": ["integer", "string"]},
    "*.service.type": _one_of("ClusterIP", "NodePort", "LoadBalancer"),
    "*.service.sessionAffinity": _one_of("ClientIP", "None"),
    "*.service.port": _PORT,
    "*.service.nodePort": {"type": ["integer", "null"], "minimum": 1, "maximum": 65535},
    "dashboard.*.hosts": _TEXTS,
    "dashboard.*.hostnames": _TEXTS,
    "tracing.endpoint": {"type": "string", "pattern": r"^(https?://[^/@\s]+(/[^@\s]*)?)?$"},
    "networkPolicy.dnsPorts": {"type": "array", "items": _PORT},
    "monitoring.*.interval": {"type": "string", "pattern": "^[0-9]+(ms|s|m)$"},
    "consumer.autoscaling.kedaNamespace": _NAME,
    "*.existingSecret": _NAME,
    "*.tlsSecret": _NAME,
    "*.operatorNamespace": _NAME,
    "*.objectStore": _NAME,
    "*.size": _QUANTITY,
    "*.replicas": _REPLICAS,
    "*Seconds": _SECONDS,
    "*.resources": _RESOURCES,
    "*.operatorResources": _RESOURCES,
    "*abels": _STRINGS,
    "*nnotations": _STRINGS,
    "*odeSelector": _STRINGS,
    "*ffinity": _ANYTHING,
}
# These come before the pattern that would take them otherwise.
_FIRST: Final[dict[str, Schema]] = {
    "monitoring.rules.recordAgeSeconds": {
        "enum": [int(each) if each == int(each) else each for each in AGE_SECONDS]
    },
    "monitoring.rules.freshnessObjective": {"type": "number", "minimum": 0.5, "maximum": 0.9999},
    "monitoring.rules.volumeFreeRatio": {"type": "number", "minimum": 0.01, "maximum": 0.9},
    "monitoring.rules.noRecordsMinutes": {"type": "integer", "minimum": 6},
    "monitoring.rules.silentPatients": {"type": ["integer", "null"], "minimum": 0},
    "monitoring.rules.runbooks": {"type": "string", "pattern": "[^/]$"},
    "consumer.autoscaling.kedaNamespace": _NAME,
    "dashboard.service.sessionAffinity": _one_of("ClientIP", "None"),
    "consumer.autoscaling.kind": SPECIAL["consumer.autoscaling.kind"],
}


def schema() -> Schema:
    """The whole document."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    found = _object(values, "")
    # A parent chart may bring globals of its own.
    found["properties"]["global"]["additionalProperties"] = True
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values", **found}


def text() -> str:
    """As it is written to the file."""
    return json.dumps(schema(), indent=2) + "\n"


def _object(values: Mapping[str, Any], path: str) -> Schema:
    properties = {key: _of(value, f"{path}.{key}".lstrip(".")) for key, value in values.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _of(value: Any, path: str) -> Schema:
    part, _, key = path.rpartition(".")
    if key == "settings":
        return _settings(part)
    if key == "secretSettings":
        return _secret_settings(part)
    for pattern, special in {**_FIRST, **SPECIAL}.items():
        if fnmatch.fnmatchcase(path, pattern):
            return special
    return _by_type(value, path)


def _by_type(value: Any, path: str) -> Schema:
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case str():
            return _TEXT
        case list():
            return _OBJECTS
        case dict():
            return _object(value, path)
    raise ValueError(f"{path}: say in SPECIAL what it may be")


def _settings(part: str) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            variable.name: {
                "type": ["string", "number", "boolean"],
                "description": f"{variable.meaning} ({variable.allowed})",
            }
            for variable in surface.free(part, secret=False)
        },
    }


def _secret_settings(part: str) -> Schema:
    one = {
        "type": "object",
        "additionalProperties": False,
        "required": ["secret", "key"],
        "properties": {"secret": {**_NAME, "minLength": 1}, "key": {**_TEXT, "minLength": 1}},
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            variable.name: {**one, "description": variable.meaning}
            for variable in surface.free(part, secret=True)
        },
    }
