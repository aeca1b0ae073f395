"""`signals`: what tells a serving hub to stop: SIGINT, SIGTERM, SIGHUP, or the death of its parent.

- The first of them stops it in order: open requests are answered, then everything is left behind
  clean. Until the process ends more of them change nothing, but a second Ctrl-C, which ends it at
  once; the guards of the embedded servers clean up then.
- A SIGHUP that was ignored at the start (`nohup`) stays ignored.
- A leash is the end of a pipe whose other end the parent holds and nobody else: it reads as closed
  when the parent is gone, whatever it died of.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable


def stop_when_told(stop: Callable[[], None]) -> None:
    """From now on call `stop` when a signal tells this process to stop."""
    loop = asyncio.get_running_loop()

    def told() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        stop()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, told)


def stop_when_orphaned(stop: Callable[[], None], leash: int) -> None:
    """From now on call `stop` when the parent that holds the other end of `leash` is gone."""
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(leash)
        stop()

    loop.add_reader(leash, gone)
