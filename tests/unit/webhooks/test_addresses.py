"""To which addresses a webhook may lead."""

from __future__ import annotations

import socket

import pytest

from hub.errors import RefusedError
from hub.exchange.webhooks.addresses import is_own, is_public, target_of

LISTED = frozenset({"http://127.0.0.1:9000", "https://hooks.lab.example:8443", "http://[::1]"})


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.9.10", "169.254.169.254"),
        *("172.16.0.1", "172.31.255.255", "192.0.0.1", "192.168.0.1", "198.18.0.1", "203.0.113.9"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
        # IPv4 in other clothes
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1"),
        *("2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
        *("", "localhost", "127.1", "0x7f000001"),
    ],
)
def test_what_is_not_of_the_public_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["202.120.224.81", "2001:da8:8001::1", "::ffff:202.120.224.81"])
def test_what_is_public_is(address: str) -> None:
    assert is_public(address)


def test_this_machine_knows_its_own_addresses() -> None:
    assert is_own("127.0.0.1")
    assert is_own("127.0.0.9")
    assert not is_own("202.120.224.81")
    assert not is_own("no address")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent; it only chooses an address
        assert is_own(probe.getsockname()[0])


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://hooks.example.edu.cn/a?b=1", ("hooks.example.edu.cn", 443, "/a?b=1", False)),
        ("https://hooks.example.edu.cn", ("hooks.example.edu.cn", 443, "/", False)),
        ("https://hooks.example.edu.cn:443/", ("hooks.example.edu.cn", 443, "/", False)),
        ("http://127.0.0.1:9000/x", ("127.0.0.1", 9000, "/x", True)),
        ("https://hooks.lab.example:8443/x", ("hooks.lab.example", 8443, "/x", True)),
        ("http://[::1]/x", ("::1", 80, "/x", True)),
    ],
)
def test_where_a_url_leads(url: str, told: tuple[str, int, str, bool]) -> None:
    target = target_of(url, LISTED)
    assert (target.host, target.port, target.path, target.is_listed) == told


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "ftp://a.example/", "https://", "https:///x", "//a.example/", "https://a b/"),
        "http://hooks.example.edu.cn/",
        "https://hooks.example.edu.cn:8443/",
        "https://hooks.example.edu.cn:0/",
        "https://hooks.example.edu.cn:99999/",
        "https://user@hooks.example.edu.cn/",
        "https://user:word@hooks.example.edu.cn/",
        "https://hooks.example.edu.cn/#part",
        "https://HOOKS.example.edu.cn/",
        "https://hooks.例.cn/",
        "https://hooks.example.edu.cn\\@127.0.0.1/",
        "https://hooks.example.edu.cn/\r\nX: y",
        "https://" + "a" * 600 + ".example/",
        # names that nobody can look up
        *("https://hooks..example/", "https://hooks.example./", "https://a.-b.example/"),
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 127 + "b/",
        # addresses, and what a resolver takes for one
        *("https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest/meta-data/"),
        *(
            "https://2130706433/",
            "https://0x7f000001/",
            "https://127.1/",
            "https://[::ffff:7f00:1]/",
        ),
        # near the listed ones
        *("http://127.0.0.1:9001/", "https://127.0.0.1:9000/", "http://127.0.0.1/"),
        *("https://hooks.lab.example:8444/", "http://hooks.lab.example:8443/"),
    ],
)
def test_what_is_never_called(url: str) -> None:
    with pytest.raises(RefusedError, match="BAD_USER_INPUT"):
        target_of(url, LISTED)
