"""A Redis server that a test may kill and start again."""

from tests.redis_server import redis_program, redis_server

__all__ = ["redis_program", "redis_server"]
