"""Where objects lie: a folder of this machine, or a bucket of S3 and of what speaks like it.

The library's own retries are off: how long, how often and whether at all is for `CallPolicy` to say. What the
environment says of AWS is set aside, for it could send our keys elsewhere, or nothing signed at all.
"""

import ssl
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from obstore.store import LocalStore, ObjectStore, S3Store

from nova.platform.engine_knobs import BucketUrl, Engines
from nova.platform.knobs import BadConfig, Secret

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Credential  # obstore has them for the type checker alone

_FOLDER_THREADS: Final = 4
_BUCKET_THREADS: Final = 16
"""Who asks over a network mostly waits."""
_CONNECT_S: Final = 2.0
READ_S: Final = 5.0
WRITE_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where objects lie, as it is read and as it is written: in a bucket each has its own time.

    `keeps_types`: an object has its media type there too, for those who read it past Nova. `threads` read, and as
    many write; a read may take `read_s`, a write `write_s`.
    """

    reads: ObjectStore
    writes: ObjectStore
    keeps_types: bool
    threads: int
    read_s: float = READ_S
    write_s: float = WRITE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket, and the keys of who may read, write and list in it; `authority` is a file, read once."""

    url: BucketUrl
    access_key: Secret
    secret_key: Secret
    region: str
    authority: Path | None = None


def bucket_of(engines: Engines) -> Bucket | None:
    """Return the bucket that the configuration names; None without."""
    if engines.s3_url is None or engines.s3_access_key is None or engines.s3_secret_key is None:
        return None
    return Bucket(
        url=engines.s3_url,
        access_key=engines.s3_access_key,
        secret_key=engines.s3_secret_key,
        region=engines.s3_region,
        authority=engines.s3_authority,
    )


def in_folder(folder: Path, *, read_s: float = READ_S) -> Store:
    """Return the store in `folder`, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    store = LocalStore(folder)
    return Store(reads=store, writes=store, keeps_types=False, threads=_FOLDER_THREADS, read_s=read_s)


def in_bucket(bucket: Bucket, *, read_s: float = READ_S, write_s: float = WRITE_S) -> Store:
    """Return the store in `bucket`. A request that takes longer is given up, and its thread is free again.

    Raises `BadConfig` for a file of authorities that cannot be used.
    """
    return Store(
        reads=_client(bucket, read_s),
        writes=_client(bucket, write_s),
        keeps_types=True,
        threads=_BUCKET_THREADS,
        read_s=read_s,
        write_s=write_s,
    )


def _client(bucket: Bucket, request_s: float) -> S3Store:
    endpoint = bucket.url.endpoint

    def keys() -> "S3Credential":
        access_key, secret_key = bucket.access_key.reveal(), bucket.secret_key.reveal()
        return {
            "access_key_id": access_key,
            "secret_access_key": secret_key,
            "token": None,
            "expires_at": None,
        }

    options: ClientConfig = {
        "allow_http": endpoint.startswith("http:"),
        "connect_timeout": timedelta(seconds=_CONNECT_S),
        "timeout": timedelta(seconds=request_s),
    }
    if bucket.authority is not None:
        options["root_certificate"] = _authorities(bucket.authority)
    return S3Store(
        bucket.url.bucket,
        endpoint=endpoint,
        aws_endpoint_url_s3=endpoint,
        region=bucket.region,
        virtual_hosted_style_request=False,
        skip_signature=False,
        # Not all that speak like S3 know it, and the keys go one by one in any case.
        disable_bulk_delete=True,
        credential_provider=keys,
        client_options=options,
        retry_config={"max_retries": 0},
    )


def _authorities(file: Path) -> bytes:
    """Return what the file says, once it has been read as certificates."""
    try:
        ssl.create_default_context(cafile=file)
        return file.read_bytes()
    except OSError as error:  # ssl.SSLError is one too
        raise BadConfig("NOVA_S3_TLS_CA", str(file), f"the file cannot be used ({error}).") from error
