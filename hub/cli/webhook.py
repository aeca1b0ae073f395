"""`deltahub webhook`: addresses to which changes are delivered, for the operator."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.context import Act, open_database, run
from hub.clock import system_clock
from hub.errors import ErrorCode, RefusedError
from hub.store.webhooks import (
    MessageState,
    Webhook,
    WebhookMessage,
    WebhookState,
    activate,
    find_webhook,
    list_webhooks,
    messages_of,
    replay_messages,
)

app = typer.Typer(help="Webhooks: what is delivered to addresses of clients.")
WebhookId = Annotated[str, typer.Argument(help="id of the webhook")]


@app.command("list")
def list_all() -> None:
    """List every webhook: its state, its client, when it was last called, what went wrong."""
    listed = run(_list())
    for each in listed:
        tried = "never" if each.tried_at is None else f"{each.tried_at:%Y-%m-%d %H:%M}Z"
        typer.echo(f"{each.webhook_id}  {each.state.value}  {each.client_id}  {tried}  {each.url}")
        if each.fault:
            typer.echo(f"    {each.fault}")
    typer.echo(f"{len(listed)} webhooks")


async def _list() -> list[Webhook]:
    async with open_database() as database:
        return await list_webhooks(database)


@app.command()
def dead(webhook: WebhookId) -> None:
    """List the messages of a webhook that could not be delivered within three days."""
    messages = run(_dead(webhook))
    for each in messages:
        typer.echo(
            f"{each.message_id}  {each.made_at:%Y-%m-%d %H:%M}Z  {each.attempts} attempts  "
            f"{each.fault or ''}".rstrip()
        )
    typer.echo(f"{len(messages)} dead messages")


async def _dead(name: str) -> list[WebhookMessage]:
    async with open_database() as database:
        return await messages_of(database, name, (MessageState.DEAD,))


@app.command()
def replay(
    webhook: WebhookId,
    message: Annotated[str | None, typer.Option(help="this message only, dead or not")] = None,
) -> None:
    """Send dead messages again under their old ids; a webhook that was stopped goes on."""
    typer.echo(f"{run(_replay(webhook, message))} messages are sent again")


async def _replay(name: str, message: str | None) -> int:
    async with open_database(act=Act("webhook replay", {"webhook": name})) as database:
        found = await find_webhook(database, name)
        if found is None:
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                hint="`deltahub webhook list` shows all of them.",
                hint_zh="请用 `deltahub webhook list` 查看。",
            )
        count = await replay_messages(database, name, message, system_clock())
        if found.state is WebhookState.STOPPED:
            await activate(database, name)
        return count
