"""What to say instead of a regular expression when a string is not of the form it should be."""

from collections.abc import Mapping
from typing import Any

from .rule import Rule, validations

TOPOLOGY = r"^[1-9][0-9]*(x[1-9][0-9]*){1,2}$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
PATH = r"^/[^:]*[^:/]$"
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
DECIMAL = r"^[0-9]+(\.[0-9]+)?$"
CURRENCY = "^[A-Z]{3}$"
DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

REMEDIES: Mapping[str, str] = {
    TOPOLOGY: "write the chips along each axis with x between them, such as 4x4 or 2x2x4",
    DNS_SUBDOMAIN: "the name of an object has only a-z, 0-9, - and dots between them",
    PATH: "write an absolute path without : and without / at its end, such as /checkpoints",
    QUANTITY: "write a quantity, such as 16Gi",
    DECIMAL: 'write a decimal number in quotes, such as "1.20"',
    CURRENCY: "write the ISO 4217 code, such as USD",
    DATE: "write the date as year-month-day, such as 2026-11-01",
}


def explained(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its pattern, if it is one of these, as a rule that says what to write."""
    remedy = REMEDIES.get(schema.get("pattern", ""))
    if remedy is None:
        return schema
    return {k: v for k, v in schema.items() if k != "pattern"} | validations(
        Rule(
            f"self.matches(r'{schema['pattern']}')",
            remedy,
        )
    )
