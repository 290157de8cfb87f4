"""How Nova's clients prove to Kafka who they are, and Kafka to them: TLS and SASL, in Kafka's own terms."""

import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from nova.platform.knobs import BadConfig, Knob, Secret

_CA: Final = "NOVA_KAFKA_TLS_CA"
_CERTIFICATE: Final = "NOVA_KAFKA_TLS_CERTIFICATE"
_KEY: Final = "NOVA_KAFKA_TLS_KEY"


class Protocol(StrEnum):
    """`security.protocol`, as librdkafka spells it."""

    PLAINTEXT = "plaintext"
    SSL = "ssl"
    SASL_PLAINTEXT = "sasl_plaintext"
    SASL_SSL = "sasl_ssl"

    @property
    def encrypts(self) -> bool:
        """Whether what is said is encrypted."""
        return self in {Protocol.SSL, Protocol.SASL_SSL}

    @property
    def names_user(self) -> bool:
        """Whether a user signs in."""
        return self in {Protocol.SASL_PLAINTEXT, Protocol.SASL_SSL}


class Mechanism(StrEnum):
    """How a user signs in (RFC 4616, RFC 5802 and 7677): SCRAM never sends the password."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSecurity:
    """The knobs of it. The files are read at each new client, so that one that was renewed is used."""

    protocol: Annotated[
        Protocol,
        Knob(
            "NOVA_KAFKA_SECURITY_PROTOCOL",
            "How brokers are spoken to: plaintext, ssl, sasl_plaintext or sasl_ssl.",
        ),
    ] = Protocol.PLAINTEXT
    authority: Annotated[
        Path | None,
        Knob(_CA, "The authorities that brokers' certificates are checked by (PEM); unset: the system's."),
    ] = None
    certificate: Annotated[
        Path | None,
        Knob(_CERTIFICATE, "The certificate that is shown to brokers and its chain (PEM); unset: none."),
    ] = None
    key: Annotated[Path | None, Knob(_KEY, "Its private key (PEM), a file that other users cannot read.")] = (
        None
    )
    mechanism: Annotated[
        Mechanism | None,
        Knob(
            "NOVA_KAFKA_SASL_MECHANISM",
            "How the user signs in: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; unset with a user: SCRAM-SHA-512.",
        ),
    ] = None
    user: Annotated[str | None, Knob("NOVA_KAFKA_SASL_USER", "The user as whom Nova signs in to Kafka.")] = (
        None
    )
    password: Annotated[Secret | None, Knob("NOVA_KAFKA_SASL_PASSWORD", "His password.")] = None

    def options(self) -> dict[str, Any]:
        """Return what every client of aiokafka takes of it. Raises `BadConfig` for files that cannot be used."""
        found: dict[str, Any] = {"security_protocol": self.protocol.name}
        if self.protocol.encrypts:
            found["ssl_context"] = self._context()
        if self.protocol.names_user and self.user is not None and self.password is not None:
            found["sasl_mechanism"] = (self.mechanism or Mechanism.SCRAM_SHA_512).value
            found["sasl_plain_username"] = self.user
            found["sasl_plain_password"] = self.password.reveal()
        return found

    def _context(self) -> ssl.SSLContext:
        """Return a context that checks a broker's chain and host name, and shows our certificate if there is one."""
        try:
            context = ssl.create_default_context(cafile=self.authority)
        except OSError as error:  # ssl.SSLError is one too
            raise BadConfig(_CA, str(self.authority), f"the file cannot be used ({error}).") from error
        if self.certificate is not None:
            try:
                context.load_cert_chain(self.certificate, self.key)
            except OSError as error:
                fix = f"it cannot be used with {self.key} ({error})."
                raise BadConfig(_CERTIFICATE, str(self.certificate), fix) from error
        return context


def refuse_contradictions(security: KafkaSecurity, *, has_kafka: bool) -> None:
    """Raise `BadConfig` for what could only be an oversight: a password, say, that would never be used."""
    protocol = security.protocol
    files = {_CA: security.authority, _CERTIFICATE: security.certificate, _KEY: security.key}
    sign_in = {"NOVA_KAFKA_SASL_USER": security.user, "NOVA_KAFKA_SASL_PASSWORD": security.password}
    if not has_kafka and security != KafkaSecurity():
        raise BadConfig(
            "NOVA_KAFKA_BOOTSTRAP", None, "the other NOVA_KAFKA_* are about a Kafka: name its brokers."
        )
    for variable, file in files.items():
        if file is not None and not protocol.encrypts:
            raise _unused(variable, str(file), protocol, "ssl or sasl_ssl")
    if (security.certificate is None) is not (security.key is None):
        missing = _CERTIFICATE if security.certificate is None else _KEY
        raise BadConfig(missing, None, "a certificate and its key go together: set both, or neither.")
    for variable, value in {**sign_in, "NOVA_KAFKA_SASL_MECHANISM": security.mechanism}.items():
        if value is not None and not protocol.names_user:
            raise _unused(variable, str(value), protocol, "sasl_ssl")
    for variable, value in sign_in.items():
        if value is None and protocol.names_user:
            raise BadConfig(variable, None, f"{protocol} signs a user in: give his name and password.")


def refuse_bare_password(security: KafkaSecurity) -> None:
    """Raise `BadConfig` for a password that travels in plain text: no production does that."""
    if security.protocol is Protocol.SASL_PLAINTEXT and security.mechanism is Mechanism.PLAIN:
        raise BadConfig(
            "NOVA_KAFKA_SECURITY_PROTOCOL",
            security.protocol,
            "PLAIN shows the password on the wire: use sasl_ssl.",
        )


def _unused(variable: str, value: str, protocol: Protocol, instead: str) -> BadConfig:
    fix = f"it means nothing to {protocol}: set NOVA_KAFKA_SECURITY_PROTOCOL to {instead}, or unset it."
    return BadConfig(variable, value, fix)
