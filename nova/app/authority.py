"""A certificate authority for development: a key in a folder, and one short-lived certificate for each part.

    FOLDER/ca.key, ca.crt         the authority's key; its certificate and those before it that are still good
    FOLDER/content/tls.crt, tls.key, ca.crt    what content is started with: the files of a Kubernetes TLS secret

In production an authority that guards its key does this (cert-manager, SPIRE); the names in a certificate and the
files are the same.
"""

import ipaddress
import shlex
import stat
import time
from collections.abc import Callable, Iterable, Sequence
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
from nova.platform.rpc.certificates import LOOK_EVERY_S
from nova.platform.rpc.peers import host_of, id_of
from nova.platform.rpc.tls import CertificateFiles

SUPERVISOR: Final = "supervisor"
"""Who asks the rooms for their health. No room lists it: it may call nothing else."""

PARTS: Final = (*rooms.ROOMS, GATEWAY, SUPERVISOR)
LIFE: Final = timedelta(hours=24)

INTRODUCED_S: Final = 2 * LOOK_EVERY_S
"""How long it takes at most until a part trusts whom its files say, in seconds."""

_AUTHORITY_LIFE: Final = timedelta(days=365)
_AUTHORITY_RENEWED_BEFORE: Final = timedelta(days=30)
# Clocks of different machines may differ by that much.
_BACKDATED: Final = timedelta(minutes=5)


class AuthorityUnusable(FailedPrecondition):
    """The authority in a folder cannot be used."""


class Authority:
    """The development authority of a folder: its key and certificate, and whom parts are to trust."""

    def __init__(
        self,
        folder: Path,
        key: ec.EllipticCurvePrivateKey,
        own: x509.Certificate,
        trusted: Sequence[x509.Certificate],
    ) -> None:
        self._folder = folder
        self._key = key
        self._own = own
        self._trusted = _pem(trusted)

    @classmethod
    def of(cls, folder: Path, *, now: datetime | None = None) -> Self:
        """Return the authority of `folder`, made there if there is none, renewed if its time is near.

        After a renewal the one before stays trusted until it expires, so that nobody is cut off in between.
        Raises `AuthorityUnusable`.
        """
        now = now or datetime.now(UTC)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_file, trusted_file = folder / "ca.key", folder / "ca.crt"
        trusted: list[x509.Certificate] = []
        if key_file.exists():
            key, own, trusted = _kept(key_file, trusted_file)
            if own.not_valid_after_utc - now > _AUTHORITY_RENEWED_BEFORE:
                return cls(folder, key, own, trusted)
        key = ec.generate_private_key(ec.SECP256R1())
        own = _self_signed(key, now)
        trusted = [own, *(one for one in trusted if one.not_valid_after_utc > now)]
        # The key comes last: if this is cut off before it, what is there is as it was, but for a trust in nobody.
        replace_privately(trusted_file, _pem(trusted))
        replace_privately(key_file, _pem_of(key))
        return cls(folder, key, own, trusted)

    def introduce(self, part: str) -> bool:
        """Tell a part whom to trust; return whether it trusted others before."""
        file = files_of(self._folder, part).authority
        file.parent.mkdir(exist_ok=True, mode=0o700)
        before = file.read_text() if file.exists() else None
        if before != self._trusted:
            replace_privately(file, self._trusted)
        return before not in {None, self._trusted}

    def issue(
        self,
        part: str,
        *,
        life: timedelta = LIFE,
        now: datetime | None = None,
        addresses: Sequence[str] = (),
    ) -> CertificateFiles:
        """Give a part a new key and a certificate; those that it had are replaced. Return where they lie.

        `addresses` are for a server whose clients know it by its IP address, which no room is: behind one address any
        part would pass for any room.
        """
        now = now or datetime.now(UTC)
        self.introduce(part)
        files = files_of(self._folder, part)
        key = ec.generate_private_key(ec.SECP256R1())
        replace_privately(files.key, _pem_of(key))
        replace_privately(files.certificate, _pem([self._signed(part, key, now, life, addresses)]))
        return files

    def _signed(
        self,
        part: str,
        key: ec.EllipticCurvePrivateKey,
        now: datetime,
        life: timedelta,
        addresses: Sequence[str],
    ) -> x509.Certificate:
        names = [
            x509.UniformResourceIdentifier(id_of(part)),
            x509.DNSName(host_of(part)),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
        ]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        until = min(now + life, self._own.not_valid_after_utc)
        return (
            _builder(part, key, now, until)
            .issuer_name(self._own.subject)
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


def issue_all(
    folder: Path,
    *,
    life: timedelta = LIFE,
    parts: Iterable[str] = PARTS,
    pause: Callable[[float], object] = time.sleep,
) -> None:
    """Give every part a new certificate of the authority in `folder`. Raises `AuthorityUnusable`, and OSError.

    Where parts trusted others until now, nobody shows a certificate of the new authority before all have looked
    whom to trust: that takes `INTRODUCED_S`.
    """
    authority, parts = Authority.of(folder), tuple(parts)
    trusted_others = [authority.introduce(part) for part in parts]
    if any(trusted_others):
        pause(INTRODUCED_S)
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


def _kept(
    key_file: Path, trusted_file: Path
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate, list[x509.Certificate]]:
    """Return the key of an authority, its certificate, and all that are trusted. Raises `AuthorityUnusable`."""
    try:
        if key_file.stat().st_mode & stat.S_IRWXO:
            raise AuthorityUnusable(f"{key_file} can be read by every user: `chmod 600 {key_file}`.")
        key = load_pem_private_key(key_file.read_bytes(), None)
        trusted = x509.load_pem_x509_certificates(trusted_file.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise AuthorityUnusable(
            f"The authority in {key_file.parent} cannot be read ({error}): remove the folder, and begin anew."
        ) from error
    own = next((one for one in trusted if one.public_key() == key.public_key()), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or own is None:
        raise AuthorityUnusable(f"{key_file} is not the key of {trusted_file}: remove the folder.")
    return key, own, trusted


def _self_signed(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
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
