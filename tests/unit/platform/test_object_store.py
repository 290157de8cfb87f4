"""A bucket at a server that does what servers seldom do: how often it is asked, by whose keys, for how long."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from nova.app.authority import Authority
from nova.app.ports import free_port
from nova.platform.blobs import Blobs, BlobsRefused
from nova.platform.engine_knobs import BucketUrl
from nova.platform.errors import Timeout, Unavailable
from nova.platform.knobs import BadConfig, Secret
from nova.platform.object_store import Bucket, in_bucket
from tests.listening import listening

SLOW_DOWN = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CONFLICT = b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CUT_SHORT = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\nETag: \"1\"\r\n"
    b"Last-Modified: Mon, 30 Nov 2026 06:00:00 GMT\r\n\r\nbut these"
)  # fmt: skip


class Says:
    """Answers every request alike, and keeps what it was asked; without an answer it hangs."""

    def __init__(self, answer: bytes | None, *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[str] = []
        self.port = 0
        self._answer = answer
        self._tls = tls

    @asynccontextmanager
    async def standing(self) -> AsyncIterator["Says"]:
        """Listen within the block."""
        async with listening(self._serve, tls=self._tls) as self.port:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        if self._answer is None:
            await reader.read()
        else:
            writer.write(self._answer)
            await writer.drain()
        writer.close()


def bucket_at(port: int) -> Bucket:
    url = BucketUrl(f"http://127.0.0.1:{port}/pictures")
    return Bucket(url=url, access_key=Secret("ours"), secret_key=Secret("hush"), region="eu-central-1")


@asynccontextmanager
async def asked(answer: bytes | None, *, within_s: float = 60.0) -> AsyncIterator[tuple[Says, Blobs]]:
    """Yield a server, and the store of its bucket."""
    async with Says(answer).standing() as server:
        store = in_bucket(bucket_at(server.port), read_s=within_s, write_s=within_s)
        async with aclosing(Blobs(store)) as blobs:
            yield server, blobs


async def test_the_library_tries_nothing_again_by_itself() -> None:
    """By `CallPolicy` a write is tried once, and of ten reads one may be tried again."""
    async with asked(SLOW_DOWN) as (server, blobs):
        for replace in (True, False):
            with pytest.raises(Unavailable):
                await blobs.put("a/1.jpg", b"1", replace=replace)
        with pytest.raises(Unavailable):
            await blobs.delete("a/1.jpg")
        assert len(server.requests) == 3
        for _ in range(9):
            with pytest.raises(Unavailable):
                await blobs.get("a/1.jpg")
        assert len(server.requests) == 3 + 9


async def test_what_the_environment_says_of_aws_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = f"http://127.0.0.1:{free_port()}"
    for name, value in {
        "ACCESS_KEY_ID": "theirs", "SECRET_ACCESS_KEY": "theirs", "SESSION_TOKEN": "theirs", "REGION": "us-west-2",
        "ENDPOINT": elsewhere, "ENDPOINT_URL": elsewhere, "ENDPOINT_URL_S3": elsewhere, "BUCKET": "theirs",
        "SKIP_SIGNATURE": "true", "VIRTUAL_HOSTED_STYLE_REQUEST": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"AWS_{name}", value)
    async with asked(SLOW_DOWN) as (server, blobs):
        with pytest.raises(Unavailable):
            await blobs.put("a/1.jpg", b"1", replace=False)
        (request,) = server.requests
    assert request.startswith("put /pictures/a/1.jpg ")
    assert "\r\nif-none-match: *\r\n" in request
    assert "\r\ncontent-type: image/jpeg\r\n" in request
    assert "credential=ours/" in request
    assert "/eu-central-1/s3/" in request
    assert "theirs" not in request
    assert "x-amz-security-token" not in request


async def test_fault_a_request_without_an_answer_is_given_up_and_its_thread_is_free() -> None:
    async with asked(None, within_s=0.5) as (server, blobs):
        outcomes = await asyncio.gather(
            blobs.put("a/1.jpg", b"1"), blobs.get("a/1.jpg"), blobs.delete("a/1.jpg"), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [Timeout] * 3
        async with asyncio.timeout(20):
            await blobs.aclose()
        assert len(server.requests) == 3


async def test_fault_an_answer_that_is_cut_short_is_no_object() -> None:
    async with asked(CUT_SHORT) as (_, blobs):
        with pytest.raises(Unavailable):
            await blobs.get("a/1.jpg")


async def test_fault_two_who_make_one_object_at_once_may_be_told_to_try_again() -> None:
    """S3 says so while it does not know yet which of them wins: that there is an object would be too much."""
    async with asked(CONFLICT) as (_, blobs):
        with pytest.raises(Unavailable):
            await blobs.put("a/1.jpg", b"1", replace=False)


async def test_who_is_refused_without_a_word_is_told_by_which_knob() -> None:
    async with asked(FORBIDDEN) as (_, blobs):
        for asking in (blobs.head("a/1.jpg"), blobs.list("a"), blobs.reach()):
            with pytest.raises(BlobsRefused, match="NOVA_S3_ACCESS_KEY"):
                await asking


async def test_fault_where_nobody_listens_the_store_is_unavailable() -> None:
    async with aclosing(Blobs.s3(bucket_at(free_port()))) as blobs:
        for asking in (blobs.put("a/1.jpg", b"1"), blobs.get("a/1.jpg"), blobs.list("a")):
            with pytest.raises(Unavailable):
                await asking


async def test_a_server_is_believed_by_the_authorities_that_are_named(tmp_path: Path) -> None:
    files = Authority.of(tmp_path).issue("s3", life=timedelta(hours=1), addresses=["127.0.0.1"])
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.certificate, files.key)
    async with Says(FORBIDDEN, tls=tls).standing() as server:
        secure = BucketUrl(f"https://127.0.0.1:{server.port}/pictures")
        bucket = replace(bucket_at(server.port), url=secure)
        async with aclosing(Blobs.s3(bucket)) as blobs:
            with pytest.raises(Unavailable) as refused:
                await blobs.reach()
            assert type(refused.value) is Unavailable
            assert server.requests == []
        async with aclosing(Blobs.s3(replace(bucket, authority=files.authority))) as blobs:
            with pytest.raises(BlobsRefused):
                await blobs.reach()


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_c3_a_file_of_no_authorities_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "ca.crt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadConfig, match="NOVA_S3_TLS_CA"):
        in_bucket(replace(bucket_at(1), authority=file))
