"""A certificate authority for development: a key in a folder, and one short-lived certificate for each part.

    FOLDER/ca.crt, ca.key         the authority: itself first, then those before it that are still good
    FOLDER/content/tls.crt, tls.key, ca.crt    what content is started with: the files of a Kubernetes TLS secret

In production an authority that guards its key does this (cert-manager, SPIRE); the names in a certificate and the
files are the same.
"""

import ipaddress
import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

import click
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nova.app import rooms
from nova.app.callers import GATEWAY
from nova.app.engines.passwords import replace_privately
from nova.platform.config import Config
from nova.platform.errors import FailedPrecondition
from nova.platform.rpc.peers import host_of, id_of
from nova.platform.rpc.tls import CertificateFiles

SUPERVISOR: Final = "supervisor"
"""Who asks the rooms for their health. No room lists it: it may call nothing else."""

PARTS: Final = (*rooms.ROOMS, GATEWAY, SUPERVISOR)
LIFE: Final = timedelta(hours=24)

_AUTHORITY_LIFE: Final = timedelta(days=365)
_AUTHORITY_RENEWED_BEFORE: Final = timedelta(days=30)
# Clocks of different machines may differ by that much.
_BACKDATED: Final = timedelta(minutes=5)


class AuthorityUnusable(FailedPrecondition):
    """The authority in a folder cannot be used."""


class Authority:
    """The development authority of a folder."""

    def __init__(
        self, folder: Path, key: ec.EllipticCurvePrivateKey, chain: Sequence[x509.Certificate]
    ) -> None:
        self._folder = folder
        self._key = key
        self._chain = tuple(chain)

    @classmethod
    def of(cls, folder: Path, *, now: datetime | None = None) -> Self:
        """Return the authority of `folder`, made there if there is none, renewed if its time is near.

        After a renewal the one before stays trusted until it expires, so that nobody is cut off in between.
        Raises `AuthorityUnusable`.
        """
        now = now or datetime.now(UTC)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_file, chain_file = folder / "ca.key", folder / "ca.crt"
        before: list[x509.Certificate] = []
        if key_file.exists():
            try:
                key = load_pem_private_key(key_file.read_bytes(), None)
                before = x509.load_pem_x509_certificates(chain_file.read_bytes())
            except (OSError, ValueError, TypeError) as error:
                raise AuthorityUnusable(
                    f"The authority in {folder} cannot be read ({error}): remove the folder, and begin anew."
                ) from error
            if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != before[0].public_key():
                raise AuthorityUnusable(f"{key_file} is not the key of {chain_file}: remove the folder.")
            if before[0].not_valid_after_utc - now > _AUTHORITY_RENEWED_BEFORE:
                return cls(folder, key, before)
        key = ec.generate_private_key(ec.SECP256R1())
        chain = [_own(key, now), *(one for one in before if one.not_valid_after_utc > now)]
        replace_privately(key_file, _pem_of(key))
        replace_privately(chain_file, _pem(chain))
        return cls(folder, key, chain)

    def issue(self, part: str, *, life: timedelta = LIFE, now: datetime | None = None) -> CertificateFiles:
        """Give a part a new key and a certificate; those that it had are replaced. Return where they lie."""
        now = now or datetime.now(UTC)
        folder = self._folder / part
        folder.mkdir(exist_ok=True, mode=0o700)
        files = files_of(self._folder, part)
        key = ec.generate_private_key(ec.SECP256R1())
        replace_privately(files.authority, _pem(self._chain))
        replace_privately(files.key, _pem_of(key))
        replace_privately(files.certificate, _pem([self._signed(part, key, now, life)]))
        return files

    def _signed(
        self, part: str, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
    ) -> x509.Certificate:
        names = [
            x509.UniformResourceIdentifier(id_of(part)),
            x509.DNSName(host_of(part)),
            x509.DNSName("localhost"),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")),
        ]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        issuer = self._chain[0]
        until = min(now + life, issuer.not_valid_after_utc)
        return (
            _builder(part, key, now, until)
            .issuer_name(issuer.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, SHA256())
        )


def files_of(folder: Path, part: str) -> CertificateFiles:
    """Return where the files of a part lie in the folder of an authority."""
    own = folder / part
    return CertificateFiles(certificate=own / "tls.crt", key=own / "tls.key", authority=own / "ca.crt")


def variables_of(files: CertificateFiles) -> dict[str, str]:
    """Return the environment with which a part is started."""
    return {
        "NOVA_TLS_CERTIFICATE": str(files.certificate),
        "NOVA_TLS_KEY": str(files.key),
        "NOVA_TLS_CA": str(files.authority),
    }


def issue_all(folder: Path, *, life: timedelta = LIFE, parts: Iterable[str] = PARTS) -> None:
    """Give every part a new certificate of the authority in `folder`. Raises `AuthorityUnusable`."""
    authority = Authority.of(folder)
    for part in parts:
        authority.issue(part, life=life)


def make_certificates(config: Config, folder: Path | None, hours: int) -> None:
    """Carry out `nova certs dev`: issue all, and say how to use them."""
    folder = (folder or config.server.data / "certificates").absolute()
    issue_all(folder, life=timedelta(hours=hours))
    shown = variables_of(files_of(folder, "content"))
    click.echo(f"{folder} holds certificates for {', '.join(PARTS)}.")
    click.echo(
        f"They are good for {hours} hours; the same command renews them, and nothing needs a restart.\n"
    )
    click.echo(
        " ".join(f"{name}={shlex.quote(value)}" for name, value in shown.items()) + " nova serve content"
    )


def _own(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    """Return the certificate that an authority signs for itself."""
    name = f"Nova development authority {now:%Y-%m-%d}"
    return (
        _builder(name, key, now, now + _AUTHORITY_LIFE)
        .issuer_name(_name(name))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )


def _builder(
    name: str, key: ec.EllipticCurvePrivateKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(until)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(chain: Sequence[x509.Certificate]) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in chain)


def _pem_of(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
