"""`wsdl`: the description of a SOAP 1.1 service whose operations take and return simple values.

Written the way Apache CXF writes it for such a service: document/literal wrapped, parameters
without namespace, a result named `return`, and no SOAPAction.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

__all__ = ["wsdl"]

Parameters = Mapping[str, str]
"""Types of XML Schema by name."""


def wsdl(
    namespace: str,
    operations: Mapping[str, Parameters],
    address: str,
    results: tuple[str, ...] = ("return",),
) -> str:
    """Return the WSDL 1.1 text of a service at an address; every operation returns these texts."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions name="Service" targetNamespace={quoteattr(namespace)}
    xmlns:tns={quoteattr(namespace)} xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <wsdl:types>
    <xs:schema targetNamespace={quoteattr(namespace)} elementFormDefault="unqualified">
{"".join(_elements(name, members, results) for name, members in operations.items())}\
    </xs:schema>
  </wsdl:types>
{"".join(_messages(name) for name in operations)}\
  <wsdl:portType name="ServicePort">
{"".join(_operation(name) for name in operations)}\
  </wsdl:portType>
  <wsdl:binding name="ServiceBinding" type="tns:ServicePort">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
{"".join(_bound(name) for name in operations)}\
  </wsdl:binding>
  <wsdl:service name="Service">
    <wsdl:port name="ServicePort" binding="tns:ServiceBinding">
      <soap:address location={quoteattr(address)}/>
    </wsdl:port>
  </wsdl:service>
</wsdl:definitions>
"""


def _elements(name: str, members: Parameters, results: tuple[str, ...]) -> str:
    taken = "".join(
        f'        <xs:element name="{each}" type="xs:{kind}" minOccurs="0"/>\n'
        for each, kind in members.items()
    )
    given = "".join(
        f'        <xs:element name="{each}" type="xs:string" minOccurs="0"/>\n' for each in results
    )
    return f"""\
      <xs:element name="{name}"><xs:complexType><xs:sequence>
{taken}      </xs:sequence></xs:complexType></xs:element>
      <xs:element name="{name}Response"><xs:complexType><xs:sequence>
{given}      </xs:sequence></xs:complexType></xs:element>
"""


def _messages(name: str) -> str:
    return "".join(
        f'  <wsdl:message name="{each}">'
        f'<wsdl:part name="parameters" element="tns:{each}"/></wsdl:message>\n'
        for each in (name, f"{name}Response")
    )


def _operation(name: str) -> str:
    return f"""\
    <wsdl:operation name="{name}">
      <wsdl:input message="tns:{name}"/><wsdl:output message="tns:{name}Response"/>
    </wsdl:operation>
"""


def _bound(name: str) -> str:
    return f"""\
    <wsdl:operation name="{name}"><soap:operation soapAction="" style="document"/>
      <wsdl:input><soap:body use="literal"/></wsdl:input>
      <wsdl:output><soap:body use="literal"/></wsdl:output>
    </wsdl:operation>
"""
