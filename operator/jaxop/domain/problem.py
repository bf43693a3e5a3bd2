"""What is wrong with a manifest, in the form every message of the operator has."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`field` is a path as in `spec.accelerator.topology`; `remedy` says what would be right."""

    field: str
    fault: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field}: {self.fault}; {self.remedy}"


def sentence(problems: tuple[Problem, ...]) -> str:
    """All problems as one line, the first in full even where many follow."""
    return " | ".join(str(problem) for problem in problems)
