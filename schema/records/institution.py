"""Institution and Centre: who manages instruments."""

from __future__ import annotations

from schema.checks import check_division
from schema.codes import CentreKind, InstitutionKind, Sector
from schema.identifiers import check_institution_key
from schema.item import item, record
from schema.parties import party_in
from schema.traits import Findable, Linkable, Listable, Located, Reported
from schema.values import KEY_PATTERN, Identifier, Name, OriginalText


@record(
    "管理单位",
    key=("institution_key",),
    prefix="inst",
    owner=party_in("institution_key"),
    golden=True,
    traits=(
        Listable(),
        Findable(("id", "key", "identifier")),
        Located(division="division_code"),
        Linkable(identifiers="identifiers"),
    ),
)
class Institution:
    """A legal person that manages instruments, uses them, or oversees those who do."""

    institution_key: str = item(
        "单位标识",
        "Unified social credit code as uscc:…; ror:… or moe:… where a source knows no other",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    name: Name = item("单位名称", "Name", search=True, sortable=True)
    kind: InstitutionKind = item("单位类型", "Kind of institution", filterable=True)
    division_code: str | None = item(
        "行政区划",
        "Division of the seat",
        scheme="GB/T 2260",
        pattern="[0-9]{6}",
        check=check_division,
        filterable=True,
        default=None,
    )
    department_name: str | None = item(
        "主管部门", "Competent department", length_max=100, default=None
    )
    department_key: str | None = item(
        "主管部门标识",
        "Key of the competent department",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        default=None,
    )
    sectors: tuple[Sector, ...] = item(
        "行业领域", "Sectors it belongs to, by which departments oversee it", default=()
    )
    identifiers: tuple[Identifier, ...] = item(
        "其他标识",
        "Other identifiers: MOE school code, NRII insCode, ROR",
        search=True,
        default=(),
    )
    short_names: tuple[str, ...] = item(
        "简称", "Short names in use", length_max=100, search=True, default=()
    )
    former_names: tuple[str, ...] = item(
        "曾用名", "Former names", length_max=200, search=True, default=()
    )
    homepage_url: str | None = item("网址", "Home page", pattern=r"https?://\S+", default=None)
    originals: tuple[OriginalText, ...] = item(
        "原始文本", "Source texts that were converted", default=()
    )


@record(
    "集约化平台",
    key=("institution_key", "code"),
    prefix="ctr",
    owner=party_in("institution_key"),
    traits=(Listable(), Reported()),
)
class Centre:
    """A centre that runs instruments for many users (科研仪器中心, 分析测试中心)."""

    institution_key: str = item(
        "管理单位",
        "Managing institution",
        ref="Institution",
        inverse="centres",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        filterable=True,
    )
    code: str = item("平台编号", "Code within the institution", length_max=60)
    name: Name = item("平台名称", "Name", search=True, sortable=True)
    kind: CentreKind = item("平台类型", "Kind of centre", filterable=True)
    operator_key: str | None = item(
        "运营单位",
        "Operating institution, where it is another one",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        default=None,
    )
    posts_count: int | None = item(
        "技术岗位数", "Posts for technical staff", unit="posts", minimum=0, default=None
    )
    posts_filled_count: int | None = item(
        "在岗人数", "Posts that are filled", unit="posts", minimum=0, default=None
    )
    homepage_url: str | None = item("网址", "Home page", pattern=r"https?://\S+", default=None)
