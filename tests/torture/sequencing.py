"""A process that does nothing but sequence, eagerly, and kills itself in the middle of a turn.

    python -m tests.torture.sequencing DATABASE_URL DATA_FOLDER ORIGIN SEED

When its turn comes depends on who dies around it; at which of its steps it dies depends on the
seed: that is how SIGKILL strikes between any two writes of a turn and not only while it waits.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from random import Random

from hub.clock import system_clock
from hub.ledger.leader import Step
from hub.ledger.log_files import log_signer
from hub.ledger.sequencer import Sequencer, SequencerLimits

STEPS = (1, 16)
EAGER = SequencerLimits(poll_s=0.05, checkpoint_s=0.3, standby_s=0.05)


async def main(url: str, folder: Path, origin: str, seed: str) -> None:
    left = Random(seed).randint(*STEPS)

    def count(_: Step) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    signer = log_signer(origin, folder / "keys")
    await Sequencer(url, signer, system_clock, folder / "log", EAGER, count).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]))
