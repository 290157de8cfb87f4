import asyncpg
import redis.asyncio

from nova.app.engines.embedded import Engines


async def test_a_rooms_role_works_in_its_own_schema(engines: Engines) -> None:
    connection = await asyncpg.connect(engines.room_dsn("user"))
    try:
        assert await connection.fetchval("select current_user || '.' || current_schema()") == "nova_user.user"
    finally:
        await connection.close()


async def test_valkey_answers(redis_url: str) -> None:
    client = redis.asyncio.Redis.from_url(redis_url)
    try:
        assert await client.set("engines:smoke", "1", ex=5)
    finally:
        await client.aclose()
