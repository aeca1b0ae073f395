"""The standard: record types, code lists, canonical form and validation.

Imports nothing but the standard library; everything else imports this. The standard has its own
version, apart from the software's: a new optional item or code raises the minor number, anything
that makes a conforming record stop conforming raises the major number.
"""

STANDARD_VERSION = "1.0.0"
