"""Who is at the other end of a connection, as certificates say.

Every part of the platform (a room, the gateway) has one name. Its certificate carries that name twice: as a SPIFFE
id, by which a server knows its caller, and as a host name, by which a caller knows the room that it reached, at
whatever address. (SPIFFE: https://spiffe.io/docs/latest/spiffe-about/spiffe-concepts/, "SPIFFE ID", "X.509-SVID".)
"""

from collections.abc import Iterable, Mapping
from typing import Final

_ID: Final = "spiffe://nova/room/"
_HOST: Final = ".nova.internal"
# gRPC sets it where the certificate holds exactly one URI and that is a SPIFFE id.
_PEER_ID: Final = "peer_spiffe_id"


def id_of(part: str) -> str:
    """Return the SPIFFE id of a part: `spiffe://nova/room/content`."""
    return f"{_ID}{part}"


def host_of(part: str) -> str:
    """Return the host name in the certificate of a part: `content.nova.internal`. No address is looked up by it."""
    return f"{part}{_HOST}"


def part_of(spiffe_id: str) -> str | None:
    """Return the part whose SPIFFE id this is, None where it is nobody's here."""
    name = spiffe_id.removeprefix(_ID)
    return name if name and name != spiffe_id and "/" not in name else None


def caller_of(auth_context: Mapping[str, Iterable[bytes]]) -> str | None:
    """Return the part that the verified certificate of a connection names, from gRPC's facts about its peer."""
    ids = list(auth_context.get(_PEER_ID, ()))
    return part_of(ids[0].decode(errors="replace")) if len(ids) == 1 else None
