"""Knobs of the calls between rooms: TLS whole or not at all, ports by the number of the room."""

from pathlib import Path

import pytest

from nova.platform.configure import load
from nova.platform.knobs import BadConfig

WHOLE = {"NOVA_TLS_CERTIFICATE": "/c", "NOVA_TLS_KEY": "/k", "NOVA_TLS_CA": "/a"}


def test_all_three_files_are_mutual_tls_and_none_is_plain() -> None:
    files = load(WHOLE).tls.files
    assert files is not None
    assert (files.certificate, files.key, files.authority) == (Path("/c"), Path("/k"), Path("/a"))
    assert load({}).tls.files is None


@pytest.mark.parametrize("missing", WHOLE)
def test_c3_half_of_tls_names_what_is_missing(missing: str) -> None:
    with pytest.raises(BadConfig) as refused:
        load({name: value for name, value in WHOLE.items() if name != missing})
    assert refused.value.variable == missing


def test_a_replacement_listens_beside_the_room_and_callers_know_both() -> None:
    target = "ipv4:127.0.0.1:{port},127.0.0.1:{spare}"
    own = load({"NOVA_GRPC_TARGET": target}).server
    spare = load({"NOVA_GRPC_SPARE": "on"}).server
    assert own.grpc_listens_at("content") == "127.0.0.1:7005"
    assert spare.grpc_listens_at("content") == "127.0.0.1:7020"
    assert own.grpc_address("content") == "ipv4:127.0.0.1:7005,127.0.0.1:7020"
