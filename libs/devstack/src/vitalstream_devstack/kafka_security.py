"""TLS and SCRAM for the embedded broker, so that secured clients are tested for real."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization


@dataclass(frozen=True)
class KafkaSecurity:
    """SASL_SSL with SCRAM-SHA-512 on the client listener, its certificate by a throw-away CA.

    Attributes:
        users: Login name to password; the names may not hold `,`, `]` or quotes.
        authorize: Turn the ACL authorizer on; without an ACL only `super_users` may do anything.
        super_users: Names that need no ACL. The broker's own user is always one.
    """

    users: Mapping[str, str]
    authorize: bool = False
    super_users: Sequence[str] = ()
    authority: trustme.CA = field(default_factory=trustme.CA, repr=False, compare=False)

    def write_ca(self, path: Path) -> Path:
        """Write the certificate that clients give as KAFKA_SSL_CA_LOCATION."""
        self.authority.cert_pem.write_to_path(path)
        return path

    def broker_config(self, data_dir: Path) -> dict[str, str]:
        """The broker settings that turn all this on; writes the key into data_dir."""
        key_store = data_dir / "broker.pem"
        key_store.touch(mode=0o600)
        key_store.write_bytes(self._key_and_certificate())
        trust_store = self.write_ca(data_dir / "ca.pem")
        own_name, own_password = next(iter(self.users.items()))
        jaas = (
            "org.apache.kafka.common.security.scram.ScramLoginModule required"
            f' username="{own_name}" password="{own_password}";'
        )
        settings = {
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": jaas,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": key_store.name,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": trust_store.name,
        }
        if self.authorize:
            # ANONYMOUS is the controller's loopback listener, which has no logins.
            trusted = ["ANONYMOUS", own_name, *self.super_users]
            settings["authorizer.class.name"] = (
                "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
            )
            settings["super.users"] = ";".join(f"User:{name}" for name in trusted)
        return settings

    def format_arguments(self) -> list[str]:
        """Arguments of the storage format tool that create the users before the first start."""
        arguments: list[str] = []
        for name, password in self.users.items():
            arguments += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
        return arguments

    def _key_and_certificate(self) -> bytes:
        """A new certificate for the loopback, its key in PKCS #8: Java reads no other form."""
        certificate = self.authority.issue_cert("127.0.0.1", "localhost")
        key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
        return b"".join(
            [
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ),
                *(link.bytes() for link in certificate.cert_chain_pems),
            ]
        )
