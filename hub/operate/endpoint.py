"""`endpoint`: `/livez`, `/readyz`, `/healthz`, and `/metrics` for the operator's own listener.

- `/livez`: the process answers; nothing is looked at.
- `/readyz`: 200 if this hub may get traffic, else 503; every part with a code and words. A log that
  stands still is told and does not take the hub out of traffic: records are taken without it.
- `/healthz`: the codes alone; 503 if any part is not well. For people and for alarms.
- `/metrics` is on no route of the hub's public address: `hub.cli.metrics` serves it elsewhere.
"""

from __future__ import annotations

import logging

import psycopg
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from hub.errors import HubError
from hub.operate.exposition import figures_of, health_of, pools_of
from hub.operate.figures import Figures
from hub.operate.health import OK, HubHealth, is_ready
from hub.problem import prefers_english
from hub.store.database import Database
from hub.watching.metrics import METRICS

_LOG = logging.getLogger(__name__)
_UNKEPT = {"Cache-Control": "no-store"}


def health_routes(health: HubHealth) -> list[Route]:
    """Return the routes that say how the hub is; they ask for no token and show no records."""

    async def live(_: Request) -> Response:
        return PlainTextResponse("ok", headers=_UNKEPT)

    async def codes(_: Request) -> Response:
        told = await health.codes()
        well = all(code == OK for code in told.values())
        return JSONResponse(told, status_code=200 if well else 503, headers=_UNKEPT)

    async def ready(request: Request) -> Response:
        parts = await health.look()
        english = prefers_english(request.headers.get("accept-language", ""))
        told = {
            name: {"code": part.code, "message": part.en if english else part.zh}
            for name, part in parts.items()
        }
        may = is_ready(parts)
        return JSONResponse(
            {"ready": may, "parts": told}, status_code=200 if may else 503, headers=_UNKEPT
        )

    return [
        Route("/livez", live),
        Route("/readyz", ready),
        Route("/healthz", codes),
    ]


def metrics_routes(database: Database, figures: Figures, health: HubHealth) -> list[Route]:
    """Return the routes of the operator's own listener."""

    async def metrics(_: Request) -> Response:
        more = [*health_of(await health.look()), *pools_of(database)]
        try:
            more += figures_of(await figures.look())
        except (HubError, psycopg.Error, TimeoutError) as error:
            _LOG.warning("figures of the database: %s", type(error).__name__)
        return Response(METRICS.exposition(more), media_type=CONTENT_TYPE_LATEST, headers=_UNKEPT)

    return [Route("/metrics", metrics), *health_routes(health)]
