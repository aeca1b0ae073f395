"""`watching`: begins log and spans of a process that serves, before anything else runs in it."""

from __future__ import annotations

from hub.app import VERSION
from hub.cli.context import begin_log
from hub.settings import Settings
from hub.watching import logs, tracing


def begin_watching(deployment: Settings) -> None:
    """Set up the log; send spans where a collector is named."""
    logs.configure(deployment.log_level, deployment.log_format)
    begin_log(deployment)
    if deployment.traces_url is not None and deployment.workers == 1:
        tracing.export_to(deployment.traces_url, VERSION)
