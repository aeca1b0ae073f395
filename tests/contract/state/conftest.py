"""The Redis server that the contract is checked against."""

from tests.redis_server import redis_url

__all__ = ["redis_url"]
