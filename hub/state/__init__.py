"""`state`: what the workers of one hub share: used nonces, token buckets, short-lived answers.

- One small asynchronous protocol (`protocol.State`), several implementations, one contract suite.
- A state that cannot promise a nonce is new says so by an error, never by `True`: it fails closed.
"""

from hub.state.memory import MemoryState
from hub.state.protocol import Allowance, State, StateUnavailableError

__all__ = ["Allowance", "MemoryState", "State", "StateUnavailableError"]
