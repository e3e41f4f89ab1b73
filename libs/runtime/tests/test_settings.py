"""Settings: what is read from where, and what a person is told about a bad value."""

import os
from pathlib import Path
from typing import Annotated, Literal

import pytest
import trustme
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from vitalstream_runtime.settings import (
    KafkaSettings,
    ServiceSettings,
    Settings,
    SettingsError,
    load,
    unknown_variables,
)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts from an environment without any of our variables."""
    for name in list(os.environ):
        if name.startswith(("KAFKA_", "OPS_", "LOG_", "SECRETS_DIR")):
            monkeypatch.delenv(name)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a CA's certificate."""
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    return path


def refusal(cls: type[Settings]) -> str:
    """The line that refuses the environment's settings."""
    with pytest.raises(SettingsError) as caught:
        load(cls)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_defaults_are_the_contract() -> None:
    """Without a variable a service finds the seed's topic and group on this machine."""
    kafka, service = load(KafkaSettings), load(ServiceSettings)
    assert kafka.bootstrap_servers == "localhost:9092"
    assert kafka.topic == "patient_records"
    assert kafka.group_id == "patient-records-consumer-group"
    assert (kafka.topic_partitions, kafka.security_protocol) == (3, "PLAINTEXT")
    assert (service.ops_port, service.log_format) == (8080, "auto")


@pytest.mark.parametrize(
    ("cls", "variable", "value", "says"),
    [
        (ServiceSettings, "OPS_PORT", "http", "whole number"),
        (ServiceSettings, "OPS_PORT", "65536", "0 to 65535"),
        (ServiceSettings, "OPS_PORT", "-1", "0 to 65535"),
        (ServiceSettings, "LOG_LEVEL", "LOUD", "DEBUG or INFO or WARNING or ERROR"),
        (ServiceSettings, "LOG_FORMAT", "xml", "auto or json or console"),
        (KafkaSettings, "KAFKA_BOOTSTRAP_SERVERS", "kafka", "host:port"),
        (KafkaSettings, "KAFKA_BOOTSTRAP_SERVERS", "a:1,,b:2", "host:port"),
        (KafkaSettings, "KAFKA_BOOTSTRAP_SERVERS", "http://a:1", "host:port"),
        (KafkaSettings, "KAFKA_TOPIC", "patient records", "letters, digits"),
        (KafkaSettings, "KAFKA_TOPIC", "..", "letters, digits"),
        (KafkaSettings, "KAFKA_TOPIC_CREATE", "perhaps", "true or false"),
        (KafkaSettings, "KAFKA_TOPIC_PARTITIONS", "0", "1 to 10000"),
        (KafkaSettings, "KAFKA_TOPIC_REPLICATION_FACTOR", "0", "-1 or at least 1"),
        (KafkaSettings, "KAFKA_GROUP_PROTOCOL", "eager", "consumer or classic"),
        (KafkaSettings, "KAFKA_SECURITY_PROTOCOL", "TLS", "SASL_SSL"),
        (KafkaSettings, "KAFKA_SASL_MECHANISM", "GSSAPI", "SCRAM-SHA-512"),
        (KafkaSettings, "KAFKA_SSL_CA_LOCATION", "/does/not/exist.pem", "not point to a file"),
    ],
)
def test_bad_value_is_named(
    monkeypatch: pytest.MonkeyPatch, cls: type[Settings], variable: str, value: str, says: str
) -> None:
    """One line names the variable, shows its value and says what is allowed."""
    monkeypatch.setenv(variable, value)
    line = refusal(cls)
    assert line.startswith(f"{variable}=")
    assert value in line
    assert says in line


def test_all_bad_values_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a service is told of every wrong variable in the first attempt."""
    monkeypatch.setenv("OPS_PORT", "x")
    monkeypatch.setenv("LOG_LEVEL", "y")
    line = refusal(ServiceSettings)
    assert "OPS_PORT" in line
    assert "LOG_LEVEL" in line


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"SECURITY_PROTOCOL": "SASL_SSL"}, "KAFKA_SASL_MECHANISM"),
        ({"SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "KAFKA_SASL_MECHANISM"),
        (
            {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "PLAIN", "SASL_PASSWORD": "p"},
            "KAFKA_SASL_USERNAME",
        ),
        (
            {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "PLAIN", "SASL_USERNAME": "u"},
            "KAFKA_SASL_PASSWORD",
        ),
        (
            {"SASL_MECHANISM": "PLAIN", "SASL_USERNAME": "u", "SASL_PASSWORD": "p"},
            "KAFKA_SECURITY_PROTOCOL",
        ),
        (
            {"SECURITY_PROTOCOL": "SSL", "SASL_USERNAME": "u", "SASL_PASSWORD": "p"},
            "KAFKA_SASL_MECHANISM",
        ),
    ],
)
def test_login_must_be_complete(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], missing: str
) -> None:
    """A login that would be half used or not used at all is refused, naming what is missing."""
    for name, value in given.items():
        monkeypatch.setenv(f"KAFKA_{name}", value)
    assert missing in refusal(KafkaSettings)


def test_complete_login_is_accepted(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    """SCRAM over TLS loads, whatever the case of its keywords, and the password stays masked."""
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "sasl_ssl")
    monkeypatch.setenv("KAFKA_SASL_MECHANISM", "scram-sha-512")
    monkeypatch.setenv("KAFKA_SASL_USERNAME", "producer")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "open-sesame")
    monkeypatch.setenv("KAFKA_SSL_CA_LOCATION", str(certificate))
    settings = load(KafkaSettings)
    assert (settings.security_protocol, settings.sasl_mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
    assert "open-sesame" not in repr(settings)


def test_certificate_file_must_hold_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A CA file with something else in it is found at the start, not at the first handshake."""
    path = tmp_path / "ca.pem"
    path.write_text("not a certificate")
    monkeypatch.setenv("KAFKA_SSL_CA_LOCATION", str(path))
    line = refusal(KafkaSettings)
    assert line.startswith("KAFKA_SSL_CA_LOCATION=")
    assert "no PEM certificate" in line


def test_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused secret is named without its value."""
    monkeypatch.setenv("LOG_ID_KEY", "hunter2")
    line = refusal(ServiceSettings)
    assert line.startswith("LOG_ID_KEY:")
    assert "at least 16" in line
    assert "hunter2" not in line


def test_plain_field_that_sounds_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL can carry a password even where a class does not declare it a secret."""

    class Other(Settings):
        model_config = SettingsConfigDict(env_prefix="OTHER_")
        callback_url: int = 1

    monkeypatch.setenv("OTHER_CALLBACK_URL", "https://u:hunter2@host")
    line = refusal(Other)
    assert line.startswith("OTHER_CALLBACK_URL:")
    assert "hunter2" not in line


def test_address_with_a_login_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A login that was put into an address by mistake is not repeated."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "sasl://user:hunter2@broker:9092")
    line = refusal(KafkaSettings)
    assert line.startswith("KAFKA_BOOTSTRAP_SERVERS:")
    assert "hunter2" not in line


def test_long_value_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of any length leaves the line readable, and a newline cannot break it."""
    monkeypatch.setenv("OPS_PORT", "x\n" * 10_000)
    assert len(refusal(ServiceSettings)) < 300


def test_variable_of_several_kinds_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a number or a word is allowed, both are said in one sentence."""

    class Other(Settings):
        model_config = SettingsConfigDict(env_prefix="OTHER_")
        rate: Annotated[float, Field(gt=0, le=9)] | Literal["max"] = 1

    monkeypatch.setenv("OTHER_RATE", "fast")
    line = refusal(Other)
    assert line.count("OTHER_RATE") == 1
    assert line.endswith("(number or max, above 0, at most 9)")


def test_required_variable_is_asked_for() -> None:
    """A variable without default is named when it is unset."""

    class Other(Settings):
        model_config = SettingsConfigDict(env_prefix="OTHER_")
        needed: Annotated[int, Field(ge=1)]

    assert refusal(Other) == "OTHER_NEEDED is required (whole number, at least 1)"


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts and compose files pass empty strings for what nobody set."""
    monkeypatch.setenv("KAFKA_SASL_MECHANISM", "")
    monkeypatch.setenv("OPS_PORT", "")
    assert load(KafkaSettings).sasl_mechanism is None
    assert load(ServiceSettings).ops_port == 8080


def test_bootstrap_servers_may_be_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, IPv4 and bracketed IPv6 addresses, with spaces between them or not."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka-0.kafka:9092, 127.0.0.1:9093,[::1]:9094")
    assert load(KafkaSettings).bootstrap_servers == "kafka-0.kafka:9092,127.0.0.1:9093,[::1]:9094"


def test_secret_from_mounted_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file of SECRETS_DIR gives the variable it is named like, its last newline aside."""
    data = tmp_path / "..2026"  # as Kubernetes lays out a mounted Secret
    data.mkdir()
    (data / "LOG_ID_KEY").write_text("0123456789abcdef\n")
    (tmp_path / "..data").symlink_to(data.name)
    (tmp_path / "LOG_ID_KEY").symlink_to("..data/LOG_ID_KEY")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    assert load(ServiceSettings).log_id_key == SecretStr("0123456789abcdef")


def test_environment_wins_over_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A variable set by hand is stronger than the mounted file."""
    (tmp_path / "LOG_LEVEL").write_text("ERROR")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    assert load(ServiceSettings).log_level == "ERROR"
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    assert load(ServiceSettings).log_level == "DEBUG"


def test_secrets_dir_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A chosen folder that is not there is an error: its secrets would silently be missing."""
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "nowhere"))
    assert refusal(ServiceSettings).startswith("SECRETS_DIR=")


def test_unreadable_secret_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A mounted file with something else than text is an error without its content."""
    (tmp_path / "LOG_ID_KEY").write_bytes(b"\xff\xfe hunter2")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    assert refusal(ServiceSettings) == "LOG_ID_KEY: its file in SECRETS_DIR is not UTF-8 text"


def test_broken_list_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that holds a list is named where it is no JSON."""

    class Other(Settings):
        model_config = SettingsConfigDict(env_prefix="OTHER_")
        ports: list[int]

    monkeypatch.setenv("OTHER_PORTS", "1,2")
    assert refusal(Other).startswith("OTHER_PORTS: not the JSON")


def test_settings_do_not_change() -> None:
    """Nobody alters what was checked."""
    with pytest.raises(ValueError, match="frozen"):
        load(ServiceSettings).ops_port = 1


def test_misspelled_variable_is_found() -> None:
    """A near miss is reported with the variable that may be meant."""
    found = unknown_variables({"KAFKA_BOOTSTRAP_SERVER": "a:1", "OPS_PROT": "1", "HOME": "/"})
    assert found == {"KAFKA_BOOTSTRAP_SERVER": "KAFKA_BOOTSTRAP_SERVERS"}


def test_unknown_variable_of_a_service_is_found() -> None:
    """A service's own prefix is nobody else's: what it does not know is reported."""

    class ProducerLike(Settings):
        model_config = SettingsConfigDict(env_prefix="PRODUCER_")
        rate: int = 1

    found = unknown_variables({"PRODUCER_RATEE": "1", "PRODUCER_XYZZY": "1", "PRODUCER_RATE": "1"})
    assert found == {"PRODUCER_RATEE": "PRODUCER_RATE", "PRODUCER_XYZZY": None}
    assert load(ProducerLike).rate == 1


def test_variables_of_others_are_let_be() -> None:
    """Kubernetes's service links and Kafka's own tools use our prefix, rightly."""
    assert not unknown_variables(
        {
            "KAFKA_HEAP_OPTS": "-Xmx1g",
            "KAFKA_SERVICE_HOST": "10.0.0.1",
            "KAFKA_PORT_9092_TCP_ADDR": "10.0.0.1",
            "PRODUCER_SERVICE_PORT": "8080",
            "CONSUMER_PORT": "tcp://10.0.0.1:80",
            "KAFKA_TOPIC": "t",
            "kafka_topic": "t",
        }
    )
