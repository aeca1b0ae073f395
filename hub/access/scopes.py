"""`scopes`: what a client may be allowed to do, with the meaning in Chinese and English.

- The list is closed; a registration names scopes of this list only, and of those only what the hub
  serves: a scope that lets nothing yet is reserved and neither offered nor granted.
- Which field needs which scope is declared in the records of the standard, not here.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, unique


@unique
class Scope(Enum):
    """A scope: its wire name and what it lets."""

    def __new__(cls, wire: str, zh: str, en: str) -> Scope:
        """Keep the wire name as value and both meanings as attributes."""
        member = object.__new__(cls)
        member._value_ = wire
        member.zh = zh
        member.en = en
        return member

    zh: str
    en: str

    CATALOGUE_READ = (
        "catalogue:read",
        "一级公开数据：单位、仪器、服务、覆盖范围、空闲时段",
        "L1: institutions, instruments, offers, coverage, availability",
    )
    ASSET_READ = (
        "asset:read",
        "二级共享数据：原值、经费来源、日期、机时、考核输入（按约定）",
        "L2: values, funding, dates, hours, evaluation inputs (by agreement)",
    )
    SERVICE_READ = (
        "service:read",
        "三级受限数据：服务记录（按约定与行规则）",
        "L3: service records (by agreement and row rule)",
    )
    CUSTOMS_READ = (
        "customs:read",
        "三级受限数据：海关监管记录（按约定与行规则）",
        "L3: customs records (by agreement and row rule)",
    )
    VOUCHER_READ = (
        "voucher:read",
        "三级受限数据：创新券（按约定与行规则）",
        "L3: vouchers (by agreement and row rule)",
    )
    PERSON_READ = ("person:read", "四级个人信息：逐案授权", "L4: personal data, by case")
    RECORDS_PUSH = ("records:push", "提交本来源的记录", "push a source's own records")
    RECORDS_WITHDRAW = ("records:withdraw", "撤回本来源的记录", "withdraw a source's own records")
    ORDERS_WRITE = ("orders:write", "预约及其各步骤", "bookings and their steps")
    VOUCHER_VERIFY = ("voucher:verify", "核验创新券服务凭证", "attestation of a service")
    VOUCHER_CLAIM = ("voucher:claim", "占用、结算、释放创新券", "claim, settle, release vouchers")
    RECEIPT_READ = ("receipt:read", "读取回执与证明", "receipts and proofs")
    CHANGES_READ = ("changes:read", "读取可见数据的变更流", "the change feed of what is readable")
    EXPORT_READ = ("export:read", "导出可见数据", "exports of what is readable")
    GRAPHQL_ADHOC = ("graphql:adhoc", "执行未登记的查询", "documents that are not registered")
    OPERATOR_SOURCES = ("operator:sources", "管理来源", "manage sources")
    OPERATOR_QUARANTINE = ("operator:quarantine", "处理隔离数据", "work on the quarantine")
    OPERATOR_CLIENTS = ("operator:clients", "管理接入方", "manage clients")
    OPERATOR_KEYS = ("operator:keys", "管理密钥", "manage keys")
    OPERATOR_POLICY = ("operator:policy", "管理规则参数", "manage policy parameters")
    OPERATOR_BREAK_GLASS = (
        "operator:break-glass",
        "应急读取：逐案授权，说明理由，全程审计",
        "read past agreements: by case, with a reason, always audited",
    )


SCOPE_NAMES: frozenset[str] = frozenset(scope.value for scope in Scope)
RESERVED_NAMES: frozenset[str] = frozenset(
    scope.value
    for scope in (
        Scope.OPERATOR_SOURCES,
        Scope.OPERATOR_QUARANTINE,
        Scope.OPERATOR_POLICY,
    )
)
"""Scopes that let nothing in this version."""
SERVED_NAMES: frozenset[str] = SCOPE_NAMES - RESERVED_NAMES
ANONYMOUS_SCOPES: frozenset[str] = frozenset({Scope.CATALOGUE_READ.value})
OPERATOR_WILDCARD = "operator:*"
NEVER_MEANT = frozenset({Scope.OPERATOR_BREAK_GLASS.value})
"""What the wildcard does not stand for: it is named or not granted."""


def expand(names: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes named, sorted and once each, with `operator:*` written out.

    Raises ValueError that names every unknown scope.
    """
    wanted: set[str] = set()
    for name in names:
        if name == OPERATOR_WILDCARD:
            wanted |= {
                scope for scope in SCOPE_NAMES if scope.startswith("operator:")
            } - NEVER_MEANT
        else:
            wanted.add(name)
    unknown = sorted(wanted - SCOPE_NAMES)
    if unknown:
        raise ValueError(
            f"no such scope: {', '.join(unknown)}; there are: {', '.join(sorted(SERVED_NAMES))}"
        )
    return tuple(sorted(wanted))
