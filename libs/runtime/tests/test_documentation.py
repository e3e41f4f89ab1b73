"""The tables of docs/configuration.md."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, PositiveInt, SecretStr
from pydantic_settings import SettingsConfigDict

from vitalstream_runtime.settings import KafkaSettings, Settings, documented, markdown


class _Mode(StrEnum):
    FAST = "fast"
    SAFE = "safe"


class _Example(Settings):
    """One field of each kind."""

    model_config = SettingsConfigDict(env_prefix="EXAMPLE_")

    needed: Path = Field(description="A file.")
    count: PositiveInt = Field(3, description="How many.")
    port: int = Field(80, ge=1, le=99, description="Which.")
    code: str = Field("ab", min_length=1, max_length=3, description="Short.")
    flag: bool = Field(default=False, description="On | off.")
    mode: _Mode = Field(_Mode.FAST, description="How.")
    rate: Annotated[float, Field(gt=0, le=5)] | Literal["max"] | None = Field(
        None, description="How fast,\n    on two lines."
    )
    token: SecretStr = Field(SecretStr("default-token"), description="Hidden.")
    address: str = Field(
        "", validation_alias=AliasChoices("OTHER_ADDRESS", "OTHER_HOST"), description="Where."
    )


def test_each_field_is_a_row() -> None:
    """Each variable has its name, what it may be, its default and its meaning, in order."""
    assert markdown({"Example": _Example}).splitlines() == [
        "## Example",
        "",
        "| variable | may be | default | meaning |",
        "|---|---|---|---|",
        "| `EXAMPLE_NEEDED` | path of a file | required | A file. |",
        "| `EXAMPLE_COUNT` | whole number, above 0 | `3` | How many. |",
        "| `EXAMPLE_PORT` | whole number, 1 to 99 | `80` | Which. |",
        "| `EXAMPLE_CODE` | text, 1 to 3 characters | `ab` | Short. |",
        "| `EXAMPLE_FLAG` | true or false | `false` | On \\| off. |",
        "| `EXAMPLE_MODE` | fast or safe | `fast` | How. |",
        "| `EXAMPLE_RATE` | number or max, above 0, at most 5 | unset | How fast, on two lines. |",
        "| `EXAMPLE_TOKEN` | secret | not shown | Hidden. |",
        "| `OTHER_ADDRESS` or `OTHER_HOST` | text | empty | Where. |",
    ]


def test_default_of_a_secret_is_not_shown() -> None:
    """Not even a default password is written down."""
    assert "default-token" not in markdown({"Example": _Example})


def test_sections_join_several_classes() -> None:
    """A heading may list more than one class; headings keep their order."""
    text = markdown({"Both": [_Example, KafkaSettings], "Kafka": KafkaSettings})
    assert text.index("EXAMPLE_NEEDED") < text.index("KAFKA_BOOTSTRAP_SERVERS")
    assert [line for line in text.splitlines() if line.startswith("#")] == ["## Both", "## Kafka"]


def test_every_kafka_variable_has_a_meaning() -> None:
    """No variable of ours is left unexplained."""
    assert all(variable.meaning for variable in documented(KafkaSettings))
    assert {variable.name for variable in documented(KafkaSettings)} >= {
        "KAFKA_BOOTSTRAP_SERVERS",
        "KAFKA_TOPIC",
        "KAFKA_GROUP_ID",
        "KAFKA_SECURITY_PROTOCOL",
        "KAFKA_SASL_MECHANISM",
        "KAFKA_SASL_USERNAME",
        "KAFKA_SASL_PASSWORD",
        "KAFKA_SSL_CA_LOCATION",
    }
