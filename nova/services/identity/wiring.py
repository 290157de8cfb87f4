"""How identity is put together."""

from datetime import timedelta

from nova.api.identity.v1.identity_pb2_grpc import add_IdentityServiceServicer_to_server
from nova.platform.clock import Clock
from nova.platform.config import Config
from nova.platform.db.idempotency import Once
from nova.platform.mail.configured import mailer, site
from nova.platform.platform import Platform
from nova.platform.room import Lifecycle, Room
from nova.platform.rpc.binding import ServiceBinding
from nova.platform.upkeep import Upkeep
from nova.services.identity.announcer import RedisAnnouncer
from nova.services.identity.kek import Kek, kept_in
from nova.services.identity.keys import CLOCK_SLACK, SigningKeys
from nova.services.identity.links import LinkTokens
from nova.services.identity.passwords import Passwords, spare_cores
from nova.services.identity.postman import Postman
from nova.services.identity.server import SYSTEM_METHODS, IdentityServer
from nova.services.identity.service.accounts import Accounts
from nova.services.identity.service.guessing import Guessing
from nova.services.identity.service.mailing import Mailing
from nova.services.identity.service.opening import Opening
from nova.services.identity.service.recovery import Recovery
from nova.services.identity.service.revoking import Revoking
from nova.services.identity.service.roles import Roles
from nova.services.identity.service.sessions import Sessions
from nova.services.identity.service.suspending import Suspensions
from nova.services.identity.service.tickets import Tickets
from nova.services.identity.service.verification import Verification
from nova.services.identity.store.reading import IdentityStore
from nova.services.identity.tokens import AccessTokens, RefreshTokens
from nova.services.identity.upkeep import HashingPool, Sweeper

TEND_EVERY_S = 60.0
SWEEP_EVERY_S = 600.0


def build(platform: Platform) -> Room:
    """Return the identity room on the house's floor."""
    clock, knobs = platform.clock, platform.config.tokens
    kek = kek_of(platform.config)
    store = IdentityStore(platform.database("identity"))
    passwords = Passwords(workers=spare_cores())
    keys = signing_keys(platform.config, store, kek, clock)
    tickets = Tickets(
        access=AccessTokens(
            keys=keys,
            clock=clock,
            issuer=knobs.issuer,
            audience=knobs.audience,
            life=timedelta(seconds=knobs.access_s),
        ),
        refresh=RefreshTokens(kek.derived("refresh-tokens")),
        clock=clock,
        refresh_life=timedelta(seconds=knobs.refresh_s),
    )
    revoking = Revoking(announcer=RedisAnnouncer(platform.redis), clock=clock)
    links = LinkTokens(kek.derived("links"))
    postman = Postman(
        store=store,
        mailer=mailer(platform.config, clock=clock),
        links=links,
        site=site(platform.config),
        clock=clock,
        tasks=platform.tasks,
    )
    mailing = Mailing(clock=clock, wake=postman.wake)
    opening = Opening(store=store, tokens=links, clock=clock)
    server = IdentityServer(
        accounts=Accounts(
            store=store,
            passwords=passwords,
            guessing=Guessing(store=store, passwords=passwords),
            tickets=tickets,
            revoking=revoking,
            mailing=mailing,
            clock=clock,
        ),
        recovery=Recovery(
            store=store,
            passwords=passwords,
            opening=opening,
            mailing=mailing,
            revoking=revoking,
            clock=clock,
        ),
        verification=Verification(store=store, opening=opening, mailing=mailing, clock=clock),
        sessions=Sessions(store=store, tickets=tickets, revoking=revoking, clock=clock),
        roles=Roles(store=store, revoking=revoking),
        suspensions=Suspensions(store=store, revoking=revoking, clock=clock),
        keys=keys,
        once=Once(platform.database("identity")),
    )
    sweeper = Sweeper(store, revocations_matter=_token_life(platform.config) + CLOCK_SLACK)
    startables: list[Lifecycle] = [
        HashingPool(passwords),
        postman,
        Upkeep("identity-keys", keys.tend, every_s=TEND_EVERY_S, tasks=platform.tasks, first=True),
        Upkeep("identity-sweeper", sweeper.sweep, every_s=SWEEP_EVERY_S, tasks=platform.tasks),
    ]
    binding = ServiceBinding(
        add_to_server=add_IdentityServiceServicer_to_server, servicer=server, system_methods=SYSTEM_METHODS
    )
    return Room(name="identity", bindings=[binding], startables=startables)


def kek_of(config: Config) -> Kek:
    """Return the key-encryption key: the configured one, else that of the data folder."""
    secret, before = config.secrets.identity_kek, config.secrets.identity_kek_before
    if secret is None:
        return kept_in(config.server.data)
    return Kek(secret.reveal(), None if before is None else before.reveal())


def signing_keys(config: Config, store: IdentityStore, kek: Kek, clock: Clock) -> SigningKeys:
    """Return the keys that sign tokens, as this process will know them."""
    return SigningKeys(store=store, kek=kek, clock=clock, token_life=_token_life(config))


def _token_life(config: Config) -> timedelta:
    return timedelta(seconds=config.tokens.access_s + config.tokens.leeway_s)
