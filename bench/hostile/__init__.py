"""`hostile`: requests made to hurt a hub, by families; the benchmark and the tests send the same."""

from bench.hostile.attack import Attack, Credentials
from bench.hostile.corpus import corpus

__all__ = ["Attack", "Credentials", "corpus"]
