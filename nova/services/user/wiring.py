"""How user is put together."""

from nova.api.user.v1.user_pb2 import ListMutedWordsResponse, Profile
from nova.api.user.v1.user_pb2_grpc import add_UserServiceServicer_to_server
from nova.platform.cache.codec import ProtoCodec
from nova.platform.consumer import Consumer
from nova.platform.db.idempotency import Once
from nova.platform.platform import Platform
from nova.platform.room import Room
from nova.platform.rpc.binding import ServiceBinding
from nova.policy.caches import MUTED_WORDS, PROFILES
from nova.services.user.arrivals import Arrivals
from nova.services.user.consumers import Accounts
from nova.services.user.copies import CachedCards, CachedWords
from nova.services.user.events import USER_CREATED
from nova.services.user.server import SYSTEM_METHODS, UserServer
from nova.services.user.service.muted_words import OwnMutedWords
from nova.services.user.service.profiles import Profiles
from nova.services.user.service.restrictions import Restrictions
from nova.services.user.service.settings import OwnSettings
from nova.services.user.store.muted_words import MutedWordStore
from nova.services.user.store.profiles import ProfileStore
from nova.services.user.store.restrictions import RestrictionStore
from nova.services.user.store.tx import UserTx, UserWriter


def build(platform: Platform) -> Room:
    """Return the user room on the house's floor."""
    database = platform.database("user")
    writer, store, restrictions = UserWriter(database), ProfileStore(database), RestrictionStore(database)
    profiles = Profiles(
        writer=writer,
        store=store,
        restrictions=restrictions,
        arrivals=Arrivals(store.newest),
        # Opened to tell of changes, not to be read: the gateway reads it.
        cards=CachedCards(platform.caches.open(PROFILES, ProtoCodec(Profile), entries=1)),
        clock=platform.clock,
    )
    server = UserServer(
        profiles=profiles,
        settings=OwnSettings(writer=writer, store=store, profiles=profiles, clock=platform.clock),
        restrictions=Restrictions(
            writer=writer, store=restrictions, profile_store=store, profiles=profiles, clock=platform.clock
        ),
        muted_words=OwnMutedWords(
            writer=writer,
            store=MutedWordStore(database),
            profiles=profiles,
            # As above: feed reads it.
            kept=CachedWords(
                platform.caches.open(MUTED_WORDS, ProtoCodec(ListMutedWordsResponse), entries=1)
            ),
            clock=platform.clock,
        ),
        once=Once(database),
    )
    return Room(
        name="user",
        bindings=[
            ServiceBinding(
                add_to_server=add_UserServiceServicer_to_server,
                servicer=server,
                system_methods=SYSTEM_METHODS,
            )
        ],
        consumers=[
            Consumer(
                group="user",
                database=database,
                tx_type=UserTx,
                log=platform.log,
                handlers={USER_CREATED: Accounts(profiles).opened},
                clock=platform.clock,
                tracing=platform.tracing,
            )
        ],
    )
