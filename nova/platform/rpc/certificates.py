"""The certificate of this process and whom it trusts, read again when their files change.

Every connection shows the newest: a server asks for it at each handshake, a channel connects anew. So a renewal
needs no restart, and none of the calls in flight is cut. A renewal that is not whole (a key without its
certificate yet, an empty file) is not taken: what was held goes on until the files fit together.
"""

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

import grpc
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtensionOID
from prometheus_client import Gauge

from nova.platform.errors import FailedPrecondition
from nova.platform.rpc.peers import host_of, id_of
from nova.platform.rpc.tls import CertificateFiles

LOOK_EVERY_S: Final = 1.0
"""How often the files are looked at, at most."""

EXPIRES = Gauge(
    "tls_certificate_expiry_timestamp_seconds", "When the certificate of this process expires (Unix time)."
)
# What cryptography raises of text and extensions that are not as they should be (its x509 errors have no common base).
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_log = structlog.get_logger(__name__)
_Stamps = tuple[tuple[int, int, int], ...]


class BadCertificate(FailedPrecondition):
    """The certificate of this process cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """One whole set of what the files hold."""

    key: bytes = field(repr=False)
    chain: bytes = field(repr=False)
    authority: bytes = field(repr=False)
    expires_at: datetime

    def for_server(self) -> "grpc.ServerCertificateConfiguration":
        """Return what a server shows, and whom it trusts."""
        return grpc.ssl_server_certificate_configuration([(self.key, self.chain)], self.authority)

    def for_channel(self) -> grpc.ChannelCredentials:
        """Return what a caller shows, and whom it trusts."""
        return grpc.ssl_channel_credentials(self.authority, self.key, self.chain)


class Certificates:
    """The certificate of the part `part` of the platform. Raises `BadCertificate` where it is not one to start with."""

    def __init__(
        self, files: CertificateFiles, part: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._files = files
        self._part = part
        self._monotonic = monotonic
        self._stamps = _stamps(files)
        self._held = read(files, part)
        self._complaint = ""
        self._look_at = monotonic() + LOOK_EVERY_S
        EXPIRES.set(self._held.expires_at.timestamp())

    @property
    def held(self) -> Credentials:
        """The newest that is whole. It is another object once, and only if, it was renewed."""
        if self._monotonic() >= self._look_at:
            self._look_at = self._monotonic() + LOOK_EVERY_S
            self._look()
        return self._held

    def server_credentials(self) -> grpc.ServerCredentials:
        """Return credentials of a server that shows the newest, and takes callers with a certificate only."""
        shown = self.held

        def renewed() -> "grpc.ServerCertificateConfiguration | None":
            nonlocal shown
            if self.held is shown:
                return None
            shown = self.held
            return shown.for_server()

        # The stubs do not know that the answer may be None: nothing changed.
        asked = cast("Callable[[], grpc.ServerCertificateConfiguration]", renewed)
        return grpc.dynamic_ssl_server_credentials(
            shown.for_server(), asked, require_client_authentication=True
        )

    def _look(self) -> None:
        """Read the files if they changed. Server handshakes ask from a thread of gRPC's, so nothing is raised.

        Files that could not be taken are read again at the next look, as it may be this process that failed; what is
        wrong with them is said once.
        """
        try:
            stamps = _stamps(self._files)
            if stamps == self._stamps:
                return
            self._held = read(self._files, self._part)
        except BadCertificate as error:
            if error.message != self._complaint:
                self._complaint = error.message
                _log.warning("certificate_not_renewed", part=self._part, error=error.message)
        else:
            self._stamps, self._complaint = stamps, ""
            EXPIRES.set(self._held.expires_at.timestamp())
            _log.info("certificate_renewed", part=self._part, expires_at=self._held.expires_at.isoformat())


def read(files: CertificateFiles, part: str) -> Credentials:
    """Return what the files hold. Raises `BadCertificate` unless it is whole, good now, and the part's own."""
    key, chain, authority = _bytes(files.key, secret=True), _bytes(files.certificate), _bytes(files.authority)
    try:
        certificate = x509.load_pem_x509_certificate(chain)
        x509.load_pem_x509_certificates(authority)
        fits = load_pem_private_key(key, None).public_key() == certificate.public_key()
        is_named = _names(certificate, part)
    except _UNREADABLE as error:
        raise BadCertificate(
            f"{files.certificate}, {files.key} and {files.authority} must be PEM, the key without a password ({error})."
        ) from error
    if not fits:
        raise BadCertificate(f"{files.key} is not the key of {files.certificate}.")
    if not is_named:
        raise BadCertificate(
            f"{files.certificate} is not {part}'s: it must name {id_of(part)} as its only URI, and {host_of(part)}."
        )
    _require_good(files.certificate, certificate, datetime.now(UTC))
    return Credentials(key=key, chain=chain, authority=authority, expires_at=certificate.not_valid_after_utc)


def _require_good(file: Path, certificate: x509.Certificate, now: datetime) -> None:
    if certificate.not_valid_after_utc <= now:
        raise BadCertificate(
            f"{file} expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC: renew it."
        )
    if now < certificate.not_valid_before_utc:
        raise BadCertificate(
            f"{file} is good from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on: look at the clocks."
        )


def _names(certificate: x509.Certificate, part: str) -> bool:
    """Return whether a certificate carries both names of a part."""
    try:
        names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return False
    if not isinstance(names, x509.SubjectAlternativeName):
        return False
    ids = names.get_values_for_type(x509.UniformResourceIdentifier)
    return ids == [id_of(part)] and host_of(part) in names.get_values_for_type(x509.DNSName)


def _stamps(files: CertificateFiles) -> _Stamps:
    """Return what changes with a file, also where a link is pointed elsewhere. Raises `BadCertificate`."""
    stamps = []
    for file in (files.certificate, files.key, files.authority):
        try:
            found = os.stat(file)  # noqa: PTH116 - asked once a second
        except OSError as error:
            raise BadCertificate(f"{file} cannot be read ({error.strerror}).") from error
        stamps.append((found.st_ino, found.st_mtime_ns, found.st_size))
    return tuple(stamps)


def _bytes(file: Path, *, secret: bool = False) -> bytes:
    """Return what a file holds; a secret one must be closed to other users."""
    try:
        with file.open("rb") as opened:
            if secret and os.fstat(opened.fileno()).st_mode & stat.S_IRWXO:
                raise BadCertificate(f"{file} can be read by every user: `chmod 600 {file}`.")
            return opened.read()
    except OSError as error:
        raise BadCertificate(f"{file} cannot be read ({error.strerror}).") from error
