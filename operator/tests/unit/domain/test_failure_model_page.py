"""docs/failure-model.md says what the code does: causes, default actions, budgets, rules."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from jaxop.api.v1alpha1.cause import Cause
from jaxop.api.v1alpha1.jaxjob import JaxJobSpec, Preflight
from jaxop.api.v1alpha1.jaxjob_status import RestartLedger
from jaxop.api.v1alpha1.restart_policy import RestartPolicy
from jaxop.domain import contract
from jaxop.domain.jaxjob.failures.restart_policy import Judgement, Reason, judge

PAGE = Path(__file__).parents[4] / "docs" / "failure-model.md"
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
DAYS = {"Mon": 0, "Tue": 1}

ENDS_NOTHING = "Shown while it lasts; ends nothing"
SHOWN: tuple[Cause, ...] = ("ImagePull", "Unschedulable")
"""Of pods that have not started: no attempt ends with them."""

OF_PODS: tuple[Cause, ...] = ("PeerLost", "Preempted", "NodeLost")
"""A pod may be lost with them."""


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    section = PAGE.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = re.findall(r"^\|(.+)\|$", section.split("\n### ", 1)[0], re.MULTILINE)
    cells = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    return [row for row in cells[2:] if len(row) == len(cells[0])]


def alike(cause: Cause, times: int, policy: RestartPolicy | None = None) -> list[Judgement]:
    """Verdicts on the same failure at the same step, a minute apart."""
    ledger, verdicts = RestartLedger(), []
    for count in range(times):
        at = MONDAY + timedelta(minutes=count)
        verdicts.append(judge(policy or RestartPolicy(), ledger, cause, 1, 7, at))
        ledger = verdicts[-1].ledger
    return verdicts


def by_default(cause: Cause) -> str:
    """As the page words it."""
    if cause in SHOWN:
        return ENDS_NOTHING
    first, second, third = alike(cause, 3)
    assert first.action == "RestartInPlace"
    how = "In place, or a new pod for the lost one" if cause in OF_PODS else "In place"
    counts = "counts" if first.ledger.charges else "exempt"
    if (second.action, third.reason) == ("Restart", "SameFailure"):
        again = "new pods, then Failed"
    else:
        assert (second.action, third.action) == ("RestartInPlace", "RestartInPlace")
        assert second.delay_seconds > 0
        again = "the same, after a wait"
    return f"{how}; {counts}. Alike again: {again}"


class TestCauses:
    def test_all_of_them(self) -> None:
        causes = [row[0].strip("`") for row in rows("Causes")]
        assert sorted(causes) == sorted(get_args(Cause))

    @pytest.mark.parametrize("cause", get_args(Cause))
    def test_the_default_action_is_what_the_policy_says(self, cause: Cause) -> None:
        found = {row[0].strip("`"): row[2] for row in rows("Causes")}
        assert found[cause] == by_default(cause)

    def test_each_has_evidence_and_a_remedy(self) -> None:
        for cause, evidence, _, remedy in rows("Causes"):
            assert re.match(r"(Launcher|Operator|Pod|Node): ", evidence), cause
            assert len(remedy) > 10, cause


def test_the_exit_codes_of_pods_that_get_a_successor() -> None:
    section = PAGE.read_text().split("\n### Exit codes\n", 1)[1].split("\n## ", 1)[0]
    codes = {int(code) for code in re.findall(r"\b(\d+)\b", "".join(section.split("| 0 |", 1)[1]))}
    assert set(contract.POD_LEFT_EXIT_CODES) <= codes


def test_the_reasons_to_end_a_job() -> None:
    rules = PAGE.read_text().split("```")[1]
    assert set(re.findall(r"the job ends: (\w+)", rules)) == set(get_args(Reason)) - {""}


def test_the_worked_example() -> None:
    """Row by row, as the policy would judge these failures."""
    policy, ledger = RestartPolicy(), RestartLedger()
    found = rows("Budget and window")
    example = found[: next(i for i, row in enumerate(found) if "Failed" in row[4]) + 1]
    assert len(example) == 7
    for when, cause, step, used, what in example:
        day, clock = when.split()
        hours, minutes = map(int, clock.split(":"))
        at = MONDAY + timedelta(days=DAYS[day], hours=hours, minutes=minutes)
        assert cause in get_args(Cause)
        verdict = judge(policy, ledger, cause, 1, int(step), at)  # type: ignore[arg-type]
        if verdict.action == "Fail":
            assert what == f"Failed: {verdict.reason}"
        else:
            assert what == ("a new pod" if cause in OF_PODS else "in place")
        ledger = verdict.ledger
        oldest = int(at.timestamp() * 1000) - policy.window_seconds * 1000
        counted = [charge for charge in ledger.charges if charge > oldest]
        assert used == f"{len(counted)} of {policy.max_restarts}", when


def test_failing_alike() -> None:
    section = PAGE.read_text().split("| in a row |", 1)[1].split("\n\n", 1)[0]
    said = re.findall(r"^\| (?:first|second|third) \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    for number, (programs, others) in enumerate(said):
        program, other = alike("ProgramError", 3)[number], alike("PeerLost", 3)[number]
        wait = f"after {other.delay_seconds:.0f} s" if other.delay_seconds else "at once"
        assert others.endswith(wait)
        how = {"RestartInPlace": "In place", "Restart": "New pods"}.get(program.action)
        ends = programs == f"Failed: {program.reason}"
        assert ends or programs == f"{how}, {wait}"
    assert len(said) == 3


class TestExamples:
    def blocks(self) -> list[dict[str, Any]]:
        return [yaml.safe_load(b) for b in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.S)]

    def test_are_valid(self) -> None:
        known = {name.lower().replace("_", "") for name in JaxJobSpec.model_fields}
        for block in self.blocks():
            assert {name.lower() for name in block} <= known
            for name, model in (("restartPolicy", RestartPolicy), ("preflight", Preflight)):
                given = block.get(name, {})
                understood = model.model_validate(given).to_manifest()
                assert set(given) <= set(understood)

    def test_do_what_the_comments_say(self) -> None:
        policy = RestartPolicy.model_validate(self.blocks()[0]["restartPolicy"])

        def action(cause: Cause, exit_code: int) -> tuple[str, bool]:
            verdict = judge(policy, RestartLedger(), cause, exit_code, 1, MONDAY)
            return verdict.action, bool(verdict.ledger.charges)

        assert action("ProgramError", 64) == ("Fail", False)
        assert action("NumericalError", 1) == ("Fail", False)
        assert action("HostOutOfMemory", 137) == ("Restart", True)
        assert action("ProgramError", 42) == ("RestartInPlace", False)
        assert action("ProgramError", 1) == ("RestartInPlace", True)
