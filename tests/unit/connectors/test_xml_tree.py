"""`read_xml` against messages that authorities send, and against those that attackers do."""

from __future__ import annotations

import socket

import pytest

from connectors.limits import XML_BYTES_MAX, XML_DEPTH_MAX, XML_ELEMENTS_MAX
from connectors.xml_tree import XmlError, read_xml

LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol">
 <!ENTITY lol1 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
 <!ENTITY lol2 "&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;">]>
<m>&lol2;</m>"""


def test_elements_lose_their_namespace_and_keep_their_order():
    root = read_xml('<a:m xmlns:a="urn:x"><a:n>一</a:n><b> 2 </b><n>3</n></a:m>'.encode())
    assert (root.name, [(each.name, each.text) for each in root.children]) == (
        "m",
        [("n", "一"), ("b", "2"), ("n", "3")],
    )
    assert [each.text for each in root.all("n")] == ["一", "3"]


def test_text_that_comes_in_parts_is_one_text():
    assert read_xml(b"<m>a<![CDATA[<b>]]>&amp;<!-- no -->c</m>").text == "a<b>&c"


def test_of_an_element_with_others_in_it_all_text_is_told_unless_the_caller_reads_it():
    root = read_xml(b"<m><a>1</a><b>x<c>2</c><d><e>3</e></d></b></m>")
    assert root.leaves() == {"a": "1", "b": "x 2 3"}
    assert root.leaves("b") == {"a": "1"}


def test_what_is_said_twice_in_one_element_is_refused():
    with pytest.raises(XmlError, match="more than once"):
        read_xml(b"<m><n>1</n><n>2</n></m>").leaves()


@pytest.mark.parametrize("name", ["GBK", "gb2312", "GB18030"])
def test_a_message_in_a_chinese_encoding_is_read(name):
    message = f'<?xml version="1.0" encoding="{name}"?><m>杭州海关</m>'
    assert read_xml(message.encode("gb18030")).text == "杭州海关"


def test_a_message_in_utf_16_is_read():
    assert read_xml("<m>海关</m>".encode("utf-16")).text == "海关"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   ",
        b"not xml",
        b"<m>",
        b"<m></n>",
        b"<m/><m/>",
        b"<m>\xff\xfe</m>",
        '<?xml version="1.0"?><m>海关</m>'.encode("gbk"),
        '<?xml version="1.0" encoding="UTF-8"?><m>海关</m>'.encode("gbk"),
        b'<?xml version="1.0" encoding="GBK"?><m>\xff\xff</m>',
        b'<?xml version="1.0" encoding="no-such"?><m/>',
        b'<?xml version="1.0" encoding="utf-7"?><m>+ADw-</m>',
        b"<m>\x00</m>",
        b"<m>&nbsp;</m>",
        b"<a:m/>",
        b'{"m": 1}',
    ],
)
def test_what_is_no_message_is_refused_with_a_reason(content):
    with pytest.raises(XmlError) as caught:
        read_xml(content)
    assert str(caught.value)


def test_an_xml_bomb_is_refused_before_it_grows():
    with pytest.raises(XmlError, match="document type"):
        read_xml(LAUGHS)


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE m [<!ENTITY e PUBLIC "x" "{address}">]>',
        '<!DOCTYPE m SYSTEM "{address}">',
        '<!DOCTYPE m [<!ENTITY % p SYSTEM "{address}"> %p;]>',
    ],
)
def test_external_entities_are_refused_and_nothing_is_asked_for(declared):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.05)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/x.dtd"
        message = f"<?xml version='1.0'?>{declared.replace('{address}', address)}<m>&e;</m>"
        with pytest.raises(XmlError, match="document type"):
            read_xml(message.encode())
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_utf_16_document_hides_no_entity():
    with pytest.raises(XmlError, match="document type"):
        read_xml(LAUGHS.decode().encode("utf-16"))


@pytest.mark.parametrize(
    ("content", "bound"),
    [
        (b"<m>" * (XML_DEPTH_MAX + 1) + b"</m>" * (XML_DEPTH_MAX + 1), "deep"),
        (b"<m>" + b"<n/>" * XML_ELEMENTS_MAX + b"</m>", "elements"),
        (b"<m>" + b" " * XML_BYTES_MAX + b"</m>", "bytes"),
    ],
    ids=["deep", "wide", "long"],
)
def test_a_message_over_a_bound_is_refused_whole(content, bound):
    with pytest.raises(XmlError, match=bound):
        read_xml(content)
