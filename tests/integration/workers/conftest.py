from tests.redis_server import redis_program, redis_server, redis_url

__all__ = ["redis_program", "redis_server", "redis_url"]
