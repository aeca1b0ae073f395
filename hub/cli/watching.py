"""`watching`: begins log and spans of a process that serves, before anything else runs in it."""

from __future__ import annotations

from hub.app import VERSION
from hub.settings import Settings
from hub.watching import logs, tracing
from hub.watching.scrub import SCRUBBER


def begin_watching(deployment: Settings) -> None:
    """Set up the log; send spans where a collector is named."""
    for url in (
        deployment.database_url,
        deployment.database_read_url,
        deployment.database_owner_url,
        deployment.redis_url,
        deployment.traces_url,
    ):
        SCRUBBER.hide_address(url)
    logs.configure(deployment.log_level, deployment.log_format)
    if deployment.traces_url is not None and deployment.workers == 1:
        tracing.export_to(deployment.traces_url, VERSION)
