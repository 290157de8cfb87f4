"""`nova certs dev`, and what `nova serve` asks of certificates before it starts."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509

from nova.app.authority import PARTS, Authority, files_of, variables_of
from nova.app.engines.passwords import replace_privately
from nova.app.processes import platform_of_processes
from nova.app.progress import progress
from nova.app.serve import certificates_of
from nova.platform.config import Config, Environment, Server
from nova.platform.knobs import BadConfig
from tests.unit.app.commands import Commands

PRODUCTION = Config(server=Server(environment=Environment.PRODUCTION))


def serial_of(file: Path) -> int:
    return x509.load_pem_x509_certificate(file.read_bytes()).serial_number


async def test_it_makes_an_authority_once_and_renews_certificates_each_time(nowhere: Commands) -> None:
    folder = nowhere.data / "certificates"
    first = await nowhere("certs", "dev")
    assert (first.code, first.err) == (0, "")
    assert "nova serve content" in first.out
    authority, serials = serial_of(folder / "ca.crt"), {}
    for part in PARTS:
        files = files_of(folder, part)
        serials[part] = serial_of(files.certificate)
        assert files.key.stat().st_mode & 0o777 == 0o600
        # OpenSSL itself takes what belongs together, and nothing else.
        ssl.create_default_context(cafile=str(files.authority)).load_cert_chain(files.certificate, files.key)
    assert (await nowhere("certs", "dev", "--hours", "1")).code == 0
    assert serial_of(folder / "ca.crt") == authority
    assert not set(serials.values()) & {serial_of(files_of(folder, part).certificate) for part in PARTS}


async def test_it_says_what_to_do_with_a_broken_authority(nowhere: Commands, tmp_path: Path) -> None:
    replace_privately(tmp_path / "ca.key", "no key")
    refused = await nowhere("certs", "dev", "--dir", str(tmp_path))
    assert refused.code == 1
    assert refused.err.startswith("nova: ")
    assert "begin anew" in refused.err


@pytest.mark.parametrize("part", ["content", "gateway"])
def test_c3_production_starts_nothing_without_certificates(part: str) -> None:
    with pytest.raises(BadConfig) as refused:
        certificates_of(PRODUCTION, part)
    assert refused.value.variable == "NOVA_TLS_CERTIFICATE"


async def test_c3_production_has_no_authority_in_a_folder() -> None:
    with pytest.raises(BadConfig, match="nova serve"):
        async with platform_of_processes(PRODUCTION, told=progress(quiet=True)):
            pass


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("0.0.0.0", "127.0.0.1:{port}"),
        ("10.0.0.7", "127.0.0.1:{port}"),
        ("127.0.0.1", "nova-{room}:{port}"),
        ("127.0.0.1", "dns:///content.example.org:{port}"),
        ("127.0.0.1", "ipv4:127.0.0.1:{port},10.0.0.7:{port}"),
    ],
)
def test_c3_plain_calls_stay_on_the_loopback(host: str, target: str) -> None:
    with pytest.raises(BadConfig, match="stay on the loopback"):
        certificates_of(Config(server=Server(grpc_host=host, grpc_target=target)), "content")


@pytest.mark.parametrize(
    "target",
    ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "ipv4:127.0.0.1:{port},127.0.0.1:{spare}"],
)
def test_plain_calls_on_the_loopback_are_a_developers(target: str) -> None:
    assert certificates_of(Config(server=Server(grpc_target=target)), "content") is None


async def test_c3_a_refusal_is_a_sentence(nowhere: Commands) -> None:
    refused = await nowhere("serve", "content", NOVA_GRPC_HOST="0.0.0.0")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("nova: NOVA_GRPC_HOST is '0.0.0.0'")


async def test_r1_a_room_does_not_start_as_another(nowhere: Commands, tmp_path: Path) -> None:
    shown = variables_of(Authority.of(tmp_path / "own").issue("feed"))
    refused = await nowhere("serve", "content", **shown)
    assert refused.code == 1
    assert "is not content's" in refused.err


async def test_c4_config_shows_where_the_key_lies_and_not_the_key(nowhere: Commands, tmp_path: Path) -> None:
    files = Authority.of(tmp_path / "own").issue("feed")
    shown = await nowhere("config", **variables_of(files))
    assert shown.code == 0
    assert f"NOVA_TLS_KEY = {files.key}" in shown.out
    assert "PRIVATE" not in shown.out
