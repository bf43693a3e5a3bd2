import dataclasses
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.serving.capacity import capacity
from bench.serving.cores import Cores, pinned, split
from bench.serving.load import Latency, Load, counted
from bench.serving.measured import OURS, Level, Served, goals, report
from bench.serving.texts import MOST_WORDS, texts

IN_TIME = Load(100.0, 10.0, Latency(1000, 20.0, 150.0, 180.0, 300.0), Latency(0), 0, 0)
OVERLOAD = Load(
    300.0, 10.0, Latency(950, 90.0, 190.0, 199.0), Latency(2050, 1.0, 3.0, 9.0, 20.0), 0, 0
)
SERVED = Served(OURS, 5.0, 9.0, 100.0, [Level(0.9, IN_TIME, 12.0)], 600.0, 0, OVERLOAD)
BY_HAND = dataclasses.replace(SERVED, server="fastapi", capacity=45.0, overload=None)
PEER = dataclasses.replace(SERVED, server="bentoml", capacity=40.0, compilations=3, overload=None)


def met(*served: Served) -> dict[str, bool]:
    return {goal.what: goal.met for goal in goals(served)}


class TestLoad:
    def test_keeps_its_promise_when_all_are_answered_in_time(self) -> None:
        assert IN_TIME.keeps(200.0)

    @pytest.mark.parametrize(
        "broken",
        [
            {"answered": Latency(1000, 20.0, 201.0, 210.0)},
            {"answered": Latency(0)},
            {"refused": Latency(2, 1.0, 1.0, 1.0)},
            {"failed": 2},
            {"unsent": 2},
        ],
    )
    def test_does_not_where(self, broken: dict[str, object]) -> None:
        assert not dataclasses.replace(IN_TIME, **broken).keeps(200.0)  # type: ignore[arg-type]

    def test_one_in_a_thousand_may_go_wrong(self) -> None:
        assert dataclasses.replace(IN_TIME, failed=1).keeps(200.0)

    def test_counts_as_goodput_what_was_answered(self) -> None:
        assert OVERLOAD.goodput == 95.0

    def test_does_not_count_what_was_answered_late(self) -> None:
        assert dataclasses.replace(OVERLOAD, late=50).goodput == 90.0

    def test_is_counted_from_what_vegeta_says(self) -> None:
        said = [(200, 10), (200, 20), (200, 30), (429, 1), (503, 2), (504, 9), (500, 9), (0, 9)]
        results = [{"code": code, "latency": ms * 1_000_000} for code, ms in said]
        load = counted(5.0, 2.0, results, timeout_ms=25.0)
        assert load.answered == Latency(3, 20.0, 29.0, 29.8, 30.0)
        assert (load.refused.count, load.refused.longest) == (2, 2.0)
        assert (load.failed, load.unsent, load.lost) == (3, 2, 5)
        assert (load.late, load.expired) == (1, 1)


class TestCapacity:
    @given(limit=st.floats(1.0, 5000.0), start=st.floats(1.0, 500.0))
    def test_is_found_within_its_precision(self, limit: float, start: float) -> None:
        found = capacity(lambda rate: rate <= limit, start, precision=0.05)
        assert limit / 1.05 - 0.001 <= found <= limit

    def test_is_none_where_not_even_the_lowest_rate_is_kept(self) -> None:
        assert capacity(lambda rate: False, 40.0) == 0.0

    def test_needs_few_runs(self) -> None:
        tried: list[float] = []

        def kept(rate: float) -> bool:
            tried.append(rate)
            return rate <= 180.0

        capacity(kept, 40.0)
        assert len(tried) <= 10


class TestGoals:
    def test_are_met(self) -> None:
        assert all(met(SERVED, PEER, BY_HAND).values())
        assert len(met(SERVED, PEER, BY_HAND)) == 5

    @pytest.mark.parametrize(
        ("ours", "what"),
        [
            ({"capacity": 89.0}, "padded by hand"),
            ({"compilations": 1}, "no compilation"),
            ({"overload": dataclasses.replace(OVERLOAD, answered=Latency(890))}, "goodput"),
            ({"overload": dataclasses.replace(OVERLOAD, late=60)}, "goodput"),
            (
                {"overload": dataclasses.replace(OVERLOAD, refused=Latency(9, 1, 2, 3, 51))},
                "refusal",
            ),
        ],
    )
    def test_are_not_met(self, ours: dict[str, object], what: str) -> None:
        served = dataclasses.replace(SERVED, **ours)  # type: ignore[arg-type]
        missed = [goal for goal, is_met in met(served, PEER, BY_HAND).items() if not is_met]
        assert len(missed) == 1
        assert what in missed[0]

    def test_the_peer_padded_by_hand_is_judged_apart(self) -> None:
        found = met(SERVED, PEER, dataclasses.replace(BY_HAND, capacity=60.0))
        assert [goal for goal, is_met in found.items() if not is_met] == [
            "at least 2x FastAPI's, padded by hand, requests a second"
        ]

    def test_the_report_names_all_servers_and_goals(self) -> None:
        text = report([SERVED, PEER])
        assert "| bentoml | 40 | 0.40 |" in text
        assert text.count("goal met") == 4
        assert "120.0" not in text
        assert "| 12.0 |" in text


class TestTexts:
    def test_are_the_same_in_every_run(self) -> None:
        assert texts(50) == texts(50)

    def test_are_of_mixed_length(self) -> None:
        lengths = sorted(len(text.split()) for text in texts())
        assert lengths[0] < 5
        assert 15 <= lengths[len(lengths) // 2] <= 21
        assert lengths[-1] == MOST_WORDS


class TestCores:
    def test_the_load_generator_has_one_of_its_own(self) -> None:
        assert split({0, 1, 2, 5}) == Cores(server=(0, 1, 2), load=(5,))

    def test_both_share_the_only_one(self) -> None:
        assert split({3}) == Cores(server=(3,), load=(3,))

    def test_a_pinned_command_has_those_and_no_others(self) -> None:
        one = min(os.sched_getaffinity(0))
        script = "import os; print(sorted(os.sched_getaffinity(0)))"
        argv = [*pinned([one]), sys.executable, "-c", script]
        assert subprocess.run(argv, capture_output=True, text=True).stdout == f"[{one}]\n"
