"""What becomes of what the image's Python says of itself, whatever that is."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxrun import contract
from jaxrun.inspection import inspection_bytes, inspection_of

CONTRACT: dict[str, Any] = json.loads((Path(__file__).parents[3] / "contract.json").read_text())


def test_it_has_the_documented_shape() -> None:
    expected = {k: v for k, v in CONTRACT["inspection"].items() if not k.startswith("$")}
    said = {**expected, "platformVersion": "TPU v5 lite, built today"}
    assert list(inspection_of(said)) == list(expected)
    assert json.loads(inspection_bytes(inspection_of(said))) == expected


@pytest.mark.parametrize(
    ("said", "platform", "version"),
    [
        ({"platform": "cpu", "platformVersion": "cpu"}, "cpu", None),
        ({"platform": "gpu", "platformVersion": "PJRT C API\ncuda 12080"}, "cuda", "12.8"),
        ({"platform": "gpu", "platformVersion": "PJRT C API\ncuda 13000"}, "cuda", "13.0"),
        ({"platform": "gpu", "platformVersion": "rocm 60300"}, "rocm", "rocm 60300"),
        (
            {"platform": "tpu", "platformVersion": "TFRT", "packages": {"libtpu": "0.0.30"}},
            "tpu",
            "0.0.30",
        ),
        ({"platform": "tpu", "platformVersion": "TFRT TPU v4\nBuilt"}, "tpu", "TFRT TPU v4 Built"),
        ({}, None, None),
    ],
)
def test_platforms_have_the_operators_names(
    said: dict[str, object], platform: str | None, version: str | None
) -> None:
    found = inspection_of(said)
    assert (found["platform"], found["platformVersion"]) == (platform, version)


anything = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.none())


@given(
    st.dictionaries(
        st.sampled_from([*inspection_of({})]),
        anything | st.dictionaries(st.text(), anything, max_size=20),
    )
)
def test_whatever_is_said_fits_and_can_be_read(said: dict[str, object]) -> None:
    data = inspection_bytes(inspection_of(said))
    assert len(data) <= contract.TERMINATION_LIMIT_BYTES
    assert list(json.loads(data)) == list(inspection_of({}))


def test_the_packages_go_before_the_error_is_cut() -> None:
    packages = {f"nvidia-{n}": "1" * 300 for n in range(16)}
    found = inspection_of({"error": "x" * 900, "packages": packages})
    assert json.loads(inspection_bytes(found)) == {**found, "packages": {}}
