"""`mutations`: pushing, correcting and withdrawing records: each is a push (`hub.intake.push`).

- A mutation is a signed request with an idempotency key in its header; the input may repeat the
  key.
- Refused rows are not GraphQL errors: each row has an outcome, a refused batch has `userErrors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.types import Info

from hub.access.gate import Signed
from hub.access.resource import Caller
from hub.errors import ErrorCode, RefusedError
from hub.graphql.enums import RowOutcomeCode
from hub.graphql.hooks import RequestContext
from hub.graphql.scalars import DateTime, Row
from hub.intake.batch import Outcomes, RowHome, RowOutcome
from hub.intake.limits import MUTATION_ROWS_MAX
from hub.intake.push import Push, PushScopeError, batch_of
from hub.query.plan.errors import QueryError, ScopeMissingError
from schema.errors import Problem


@strawberry.type(name="RowProblem", description="一行的一个问题。One thing wrong with a row.")
class RowProblemType:
    """One thing wrong with a row."""

    path: str = strawberry.field(description="数据项。Item.")
    code: str = strawberry.field(description="稳定代码。Stable code.")
    message: str = strawberry.field(
        description="说明，随 Accept-Language。In the caller's language."
    )


@strawberry.type(
    name="RowHome",
    description="记录归属的另一枢纽及其答复。The hub at which a row is stated, and what it said.",
)
class RowHomeType:
    """The hub at which a row is stated, where that is another one."""

    hub: str = strawberry.field(description="其地址。Its address.")
    institution: str = strawberry.field(description="归属单位。Whose home it is.")
    origin: str | None = strawberry.field(description="其日志名称。Name of its log.")
    entry_id: strawberry.ID | None = strawberry.field(
        description="该日志中的条目。Entry in that log, not in this hub's."
    )
    receipt_state: str | None = strawberry.field(
        description="该条目回执的状态。State of the entry's receipt there."
    )
    receipt: str | None = strawberry.field(
        description="已核验的回执 tlog-proof@v1。Its receipt, judged by the pinned log."
    )
    record: str | None = strawberry.field(
        description="回执所证明的规范字节。Canonical bytes that the receipt proves."
    )


@strawberry.type(description="一行的处理结果。What became of a row.")
class RowResult:
    """The outcome of a row."""

    row: int = strawberry.field(description="行号，从 1 起。Number of the row, from 1.")
    outcome: RowOutcomeCode = strawberry.field(description="结果。Outcome.")
    record_type: str | None = strawberry.field(description="记录类型。Record type.")
    key: str | None = strawberry.field(description="自然键。Natural key.")
    id: strawberry.ID | None = strawberry.field(description="平台标识。Identity.")
    entry_id: strawberry.ID | None = strawberry.field(description="台账条目。Entry.")
    revision: int | None = strawberry.field(description="第几次修订。Number of the revision.")
    revision_id: str | None = strawberry.field(description="内容标识。Content address.")
    problems: list[RowProblemType] = strawberry.field(description="全部问题。All that is wrong.")
    warnings: list[RowProblemType] = strawberry.field(
        description="可疑之处，该行照常接收。What is doubted; the row went in all the same."
    )
    home: RowHomeType | None = strawberry.field(
        description="另一枢纽的记录：在何处、有何答复。Where it is stated, if not here."
    )


@strawberry.type(description="整个输入被拒的原因。Why an input was refused as a whole.")
class UserError:
    """Why an input was refused as a whole."""

    path: list[str] = strawberry.field(description="输入项。Member of the input.")
    code: str = strawberry.field(description="稳定代码。Stable code.")
    message: str = strawberry.field(description="说明。In the caller's language.")


@strawberry.type(description="提交的结果。What became of what was sent.")
class PushPayload:
    """The outcomes of a push."""

    rows: list[RowResult] = strawberry.field(description="逐行结果。Outcome of each row.")
    accepted: int = strawberry.field(description="已接收行数。Rows accepted.")
    proven: int = strawberry.field(
        description="内容未变、证明更强的行数。Rows that were there, now better vouched for."
    )
    duplicate: int = strawberry.field(description="重复行数。Rows that were there already.")
    withdrawn: int = strawberry.field(description="已撤回行数。Rows withdrawn.")
    quarantined: int = strawberry.field(description="已隔离行数。Rows held back.")
    unsettled: int = strawberry.field(
        description="归属枢纽尚未答复的行数。Rows of which their home hub has not said."
    )
    dry_run: bool = strawberry.field(description="仅校验，未写入。Nothing was written.")
    replayed: bool = strawberry.field(description="同一请求的先前应答。An earlier answer.")
    user_errors: list[UserError] = strawberry.field(
        description="整批被拒的原因。Why the batch was refused as a whole."
    )


_SOURCE = "来源标识。Source id."
_KEY = "幂等键，须与请求头一致。Same as the Idempotency-Key header."
_DRY = "仅校验。Check only, write nothing."
_AS_OF = "来源所述时刻，缺省此刻。When the source knew it; now."


@strawberry.input(description="提交若干行。Rows to push.")
class PushRecordsInput:
    """Rows to push."""

    source: str = strawberry.field(description=_SOURCE)
    rows: list[Row] = strawberry.field(
        description=f"至多 {MUTATION_ROWS_MAX} 行。At most {MUTATION_ROWS_MAX} rows."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)
    dry_run: bool = strawberry.field(default=False, description=_DRY)
    as_of: DateTime | None = strawberry.field(default=None, description=_AS_OF)


@strawberry.input(description="更正一条记录：整条重报。One record, sent again in full.")
class CorrectRecordInput:
    """One record, sent again in full."""

    source: str = strawberry.field(description=_SOURCE)
    type: str = strawberry.field(description="记录类型。Record type.")
    record: Row = strawberry.field(description="整条记录。The whole record.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)
    dry_run: bool = strawberry.field(default=False, description=_DRY)


@strawberry.input(description="撤回一条记录。One record to withdraw.")
class WithdrawRecordInput:
    """One record to withdraw."""

    source: str = strawberry.field(description=_SOURCE)
    type: str = strawberry.field(description="记录类型。Record type.")
    key: str = strawberry.field(description="自然键。Natural key.")
    reason: str = strawberry.field(description="原因。Why.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)
    dry_run: bool = strawberry.field(default=False, description=_DRY)


async def _submit(info: Info, push: Push, input_key: str | None) -> PushPayload:
    context: RequestContext = info.context
    if context.submit is None:
        raise QueryError(ErrorCode.FORBIDDEN, "此接口不接收数据", "this endpoint takes no records")
    signed = signature_of(context)
    try:
        check_input_key(input_key, signed)
        _check_bounds(push)
        batch = batch_of(context.caller, signed, push, context.now)
        outcomes = await context.submit(batch)
    except PushScopeError as error:
        raise ScopeMissingError(error.scope, info.field_name) from error
    except RefusedError as error:
        return _refused(error, context.language, dry_run=push.dry_run)
    return _payload(outcomes, context.language)


def signature_of(context: RequestContext) -> Signed:
    """Return what a mutation was signed with, or refuse it."""
    if context.signed is None:
        raise QueryError(
            ErrorCode.UNAUTHENTICATED,
            "请求须签名：hub-sig-1（RFC 9421）",
            "sign the request: profile hub-sig-1, RFC 9421",
        )
    return context.signed


def check_input_key(input_key: str | None, signed: Signed) -> None:
    """Refuse an input whose idempotency key differs from that of the header."""
    if input_key is not None and input_key != signed.idempotency_key:
        raise RefusedError(
            ErrorCode.IDEMPOTENCY_CONFLICT,
            hint="The key of the input and of the header differ: send the same one in both.",
            hint_zh="输入中的键与请求头的键不同，请用同一个。",
        )


def check_own(caller: Caller) -> None:
    """Refuse a hub that asks for somebody else, where that is not provided for."""
    if caller.requester is not None:
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint="A hub does this for its own institution only, not for whom it asks.",
            hint_zh="枢纽只能为本单位办理，不能代他人办理。",
        )


def _check_bounds(push: Push) -> None:
    """Refuse more rows than a mutation takes."""
    if len(push.rows) > MUTATION_ROWS_MAX:
        raise RefusedError(
            ErrorCode.BATCH_TOO_LARGE,
            hint=f"At most {MUTATION_ROWS_MAX} rows; POST /batches takes more.",
            hint_zh=f"至多 {MUTATION_ROWS_MAX} 行；更多请用 POST /batches。",
        )


def _refused(error: RefusedError, language: str, *, dry_run: bool) -> PushPayload:
    return PushPayload(
        rows=[],
        accepted=0,
        proven=0,
        duplicate=0,
        withdrawn=0,
        quarantined=0,
        unsettled=0,
        dry_run=dry_run,
        replayed=False,
        user_errors=[user_error(error, language)],
    )


def user_error(error: RefusedError, language: str) -> UserError:
    """Return why an input was refused, in the caller's language."""
    english = language == "en"
    message, advice = error.message(english=english), error.advice(english=english)
    gap = ". " if english else "。"
    text = f"{message}{gap}{advice}" if advice else message
    return UserError(path=["input"], code=error.code.name, message=text)


def _payload(outcomes: Outcomes, language: str) -> PushPayload:
    counts = {outcome.value.lower(): count for outcome, count in outcomes.counts.items()}
    return PushPayload(
        rows=[_result(each, language) for each in outcomes.rows],
        dry_run=outcomes.dry_run,
        replayed=outcomes.replayed,
        user_errors=[],
        **counts,
    )


def _result(row: RowOutcome, language: str) -> RowResult:
    return RowResult(
        row=row.row,
        outcome=row.outcome.value,
        record_type=row.record_type,
        key=row.key,
        id=None if row.item_id is None else strawberry.ID(row.item_id),
        entry_id=None if row.entry_id is None else strawberry.ID(str(row.entry_id)),
        revision=row.revision,
        revision_id=row.revision_id,
        problems=_told(row.problems, language),
        warnings=_told(row.warnings, language),
        home=None if row.home is None else _home(row.home),
    )


def _home(home: RowHome) -> RowHomeType:
    receipt = home.receipt or {}
    return RowHomeType(
        hub=home.hub,
        institution=home.institution,
        origin=home.origin,
        entry_id=None if home.entry_id is None else strawberry.ID(str(home.entry_id)),
        receipt_state=receipt.get("state"),
        receipt=receipt.get("proof"),
        record=receipt.get("record"),
    )


def _told(problems: Sequence[Problem], language: str) -> list[RowProblemType]:
    return [
        RowProblemType(path=p.path, code=p.code, message=p.en if language == "en" else p.zh)
        for p in problems
    ]


@strawberry.type(name="Pushes", description="提交。Pushes.")
class RecordMutations:
    """Pushing, correcting and withdrawing records."""

    @strawberry.mutation(description="提交记录。Push records of a source.")
    async def push_records(
        self,
        info: Info,
        input: Annotated[PushRecordsInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> PushPayload:
        """Take rows in, each with its own outcome."""
        push = Push(
            source=input.source,
            rows=list(input.rows),
            dry_run=input.dry_run,
            as_of=None if input.as_of is None else datetime.fromisoformat(input.as_of),
        )
        return await _submit(info, push, input.idempotency_key)

    @strawberry.mutation(description="更正一条记录。Correct one record by sending it in full.")
    async def correct_record(
        self,
        info: Info,
        input: Annotated[CorrectRecordInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> PushPayload:
        """Take one record in as its next revision."""
        row = {"type": input.type, "record": input.record}
        push = Push(source=input.source, rows=[row], dry_run=input.dry_run)
        return await _submit(info, push, input.idempotency_key)

    @strawberry.mutation(description="撤回一条记录。Withdraw one record.")
    async def withdraw_record(
        self,
        info: Info,
        input: Annotated[WithdrawRecordInput, strawberry.argument(description="内容。What.")],  # noqa: A002 - the wire name
    ) -> PushPayload:
        """Withdraw one record with a reason."""
        row = {"type": input.type, "withdraw": {"key": input.key, "reason": input.reason}}
        push = Push(source=input.source, rows=[row], dry_run=input.dry_run)
        return await _submit(info, push, input.idempotency_key)
