"""Where the certificate of a process lies: knobs, and the files that they name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from nova.platform.knobs import Knob


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """Where certificate (with its chain), private key and trusted authorities lie, in PEM."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Mutual TLS of the calls between rooms: all three, or none. The files are read again when they change."""

    certificate: Annotated[
        Path | None,
        Knob(
            "NOVA_TLS_CERTIFICATE", "The certificate of this process and its chain (PEM); unset: plain calls."
        ),
    ] = None
    key: Annotated[
        Path | None, Knob("NOVA_TLS_KEY", "Its private key (PEM), a file that other users cannot read.")
    ] = None
    authority: Annotated[
        Path | None, Knob("NOVA_TLS_CA", "The authorities whose certificates are trusted (PEM).")
    ] = None

    @property
    def files(self) -> CertificateFiles | None:
        """Return the files, None where there are none."""
        if self.certificate is None or self.key is None or self.authority is None:
            return None
        return CertificateFiles(certificate=self.certificate, key=self.key, authority=self.authority)
