"""A CEL validation rule, and where in a schema it sits."""

from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired"]


@dataclass(frozen=True, slots=True)
class Rule:
    """An `x-kubernetes-validations` entry.

    `message` names the fault and the remedy; the API server prints the field before it.
    `says` is a CEL expression for a message that quotes what was found, and then `message` is what
    is shown should that expression fail. `field` is where the fault is, relative to the schema.
    """

    holds: str
    message: str
    says: str = ""
    field: str = ""
    reason: Reason = "FieldValueInvalid"

    def to_schema(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"rule": self.holds, "message": self.message}
        if self.says:
            entry["messageExpression"] = self.says
        entry["reason"] = self.reason
        if self.field:
            entry["fieldPath"] = self.field
        return entry


def validations(*rules: Rule) -> dict[str, Any]:
    """The rules as a part of a schema."""
    return {"x-kubernetes-validations": [rule.to_schema() for rule in rules]}
