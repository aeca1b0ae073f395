"""`parameters`: the query part of an address, each parameter known and stated once."""

from __future__ import annotations

from collections.abc import Mapping, Set
from urllib.parse import parse_qs

from hub.errors import ErrorCode, RefusedError


def read_parameters(target: str, known: Set[str]) -> dict[str, str]:
    """Return the parameters of an address; RefusedError BAD_USER_INPUT for any other."""
    try:
        parameters = parse_qs(
            target.partition("?")[2], keep_blank_values=True, max_num_fields=len(known)
        )
    except ValueError:  # more of them
        parameters = {"": []}
    if set(parameters) - known or any(len(each) != 1 for each in parameters.values()):
        names = ", ".join(sorted(known))
        raise bad_parameter(f"参数只有 {names}，各一次", f"parameters are {names}, each once")
    return {name: values[0] for name, values in parameters.items()}


def read_flag(parameters: Mapping[str, str], name: str) -> bool:
    """Return a parameter that is true or false, and false where it is absent."""
    stated = parameters.get(name, "false")
    if stated not in ("true", "false"):
        raise bad_parameter(f"{name} 写 true 或 false", f"{name} is true or false")
    return stated == "true"


def required_source(parameters: Mapping[str, str]) -> str:
    """Return whose records are meant."""
    if not parameters.get("source"):
        raise bad_parameter(
            "请说明代表哪个来源：?source=<来源标识>",
            "say whose records these are: ?source=<source id>",
        )
    return parameters["source"]


def bad_parameter(zh: str, en: str) -> RefusedError:
    """Return the refusal of an address."""
    return RefusedError(ErrorCode.BAD_USER_INPUT, hint=en, hint_zh=zh)
