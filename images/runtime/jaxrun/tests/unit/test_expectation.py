"""What a host should have against what was found there, sentence by sentence."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxrun import cause
from jaxrun.contract import Cause, PreflightMode
from jaxrun.evidence import How
from jaxrun.expectation import DeviceMemory, Found, memory_mismatch, mismatch
from jaxrun.preflight import judged
from jaxrun.settings import Preflight, Settings

GIBIBYTE = 2**30


def a_host(platform: str = "cuda", chips: int = 8, per_chip: int = 1, **preflight: Any) -> Settings:
    return Settings(
        job="ml/digits",
        attempt=0,
        process_id=1,
        num_processes=2,
        gang_address="digits-a0-s0-0",
        token="",
        host="digits-a0-s0-1",
        platform=platform,
        local_devices=chips,
        devices_per_chip=per_chip,
        preflight=Preflight(**{"mode": PreflightMode.ENFORCE, **preflight}),
    )


@pytest.mark.parametrize(
    ("host", "found"),
    [
        (a_host(), Found(platform="gpu", devices=8)),
        (a_host(), Found(platform="cuda", devices=8)),
        (a_host("rocm"), Found(platform="gpu", devices=8)),
        (a_host("tpu", 4), Found(platform="tpu", devices=4)),
        (a_host("tpu", 4, per_chip=2), Found(platform="tpu", devices=8)),
        (a_host("cuda", 0), Found(platform="gpu", devices=3)),
        (a_host("cpu", 0), Found(platform="cpu", devices=4)),
        (a_host("cpu", 0), Found(error="anything")),
        (a_host(), Found()),
        (a_host(jax="0.12"), Found(jax="0.12.0.1", jaxlib="0.11")),
        (a_host(jax="0.12.0.1"), Found(jax="0.12.0.1")),
        (a_host(jaxlib="0.12"), Found(jaxlib="0.12.1+cuda13")),
    ],
)
def test_as_expected(host: Settings, found: Found) -> None:
    assert mismatch(host, found) is None


OFF = "; set spec.preflight.mode to Off if this is meant"


@pytest.mark.parametrize(
    ("host", "found", "sentence"),
    [
        (
            a_host(),
            Found(platform="cpu", devices=1, device_kind="cpu"),
            "found 1 cpu device where 8 cuda devices were expected: JAX fell back to CPU; the "
            "image needs jax[cuda13] or jax[cuda12], and the node a driver that fits, the "
            f"program's log may say more{OFF}",
        ),
        (
            a_host("tpu", 1),
            Found(platform="cpu", devices=2, chosen="cpu"),
            "found 2 cpu devices where 1 tpu device was expected: the program or its image chose "
            f"it (JAX_PLATFORMS or jax_platforms is cpu){OFF}",
        ),
        (
            a_host(),
            Found(platform="gpu", devices=7, device_kind="NVIDIA H100"),
            "found 7 cuda devices (NVIDIA H100) where 8 cuda devices were expected: "
            "CUDA_VISIBLE_DEVICES, JAX_CUDA_VISIBLE_DEVICES or local_device_ids hide some, or the "
            f"node has lost some (see the driver's log){OFF}",
        ),
        (
            a_host("rocm", 1),
            Found(platform="gpu", devices=2),
            "found 2 rocm devices where 1 rocm device was expected: the container sees devices "
            f"that it was not given; look at the node's device plugin{OFF}",
        ),
        (
            a_host("tpu", 4, per_chip=2),
            Found(platform="tpu", devices=4),
            "found 4 tpu devices where 8 tpu devices were expected: TPU_VISIBLE_CHIPS or "
            f"local_device_ids hide some, or the node has lost some (see the driver's log){OFF}",
        ),
        (
            a_host(),
            Found(error="Unable to initialize backend 'cuda': no driver\n at all"),
            "found no usable device where 8 cuda devices were expected: Unable to initialize "
            f"backend 'cuda': no driver at all{OFF}",
        ),
        (
            a_host("cpu", 0, jax="0.12"),
            Found(jax="0.120.1"),
            "has jax 0.120.1 where 0.12 was expected: use an image with jax 0.12, or change "
            "spec.preflight.jax",
        ),
        (
            a_host("cpu", 0, jaxlib="0.12"),
            Found(jax="0.12.0", jaxlib=""),
            "has no jaxlib where 0.12 was expected: use an image with jaxlib 0.12, or change "
            "spec.preflight.jaxlib",
        ),
    ],
)
def test_sentences(host: Settings, found: Found, sentence: str) -> None:
    assert mismatch(host, found) == sentence


def test_an_error_about_the_other_processes_is_not_of_this_host() -> None:
    error = "Unable to initialize backend 'cuda': INTERNAL: Connection reset by peer"
    assert mismatch(a_host(), Found(error=error)) is None


def test_memory_that_somebody_else_uses() -> None:
    free = DeviceMemory("0", 80 * GIBIBYTE, 70 * GIBIBYTE)
    used = DeviceMemory("3", 80 * GIBIBYTE, 31 * GIBIBYTE)
    unknown = DeviceMemory("4", 0, 0)
    assert memory_mismatch(75, [free, unknown]) is None
    assert memory_mismatch(75, []) is None
    assert memory_mismatch(75, [free, used]) == (
        "found 38 % of the memory of device 3 free (31.0 of 80.0 GiB) where 75 % was expected: "
        "somebody else's process uses it; end that, or lower spec.preflight.freeMemoryPercent"
    )


def test_enforce_is_the_end_and_the_cause_is_told() -> None:
    death = judged(a_host(), "found 1 cpu device where 8 cuda devices were expected")
    assert death is not None
    assert death.how is How.MISMATCH
    verdict = cause.verdict_of(death, epoch=1)
    assert (verdict.cause, verdict.exit_code) == (Cause.DEVICE_MISMATCH, cause.EXIT_MISMATCH)
    assert verdict.message == (
        "process 1 (digits-a0-s0-1) found 1 cpu device where 8 cuda devices were expected"
    )
    assert not cause.is_consequence(death)


@pytest.mark.parametrize("mode", [PreflightMode.REPORT, PreflightMode.OFF])
def test_other_modes_end_nothing(mode: PreflightMode) -> None:
    assert judged(a_host(mode=mode), "found 1 cpu device") is None


anything = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.none())
names = st.sampled_from([*Found.__dataclass_fields__, "other"])


@settings(deadline=None)
@given(st.dictionaries(names, anything))
def test_whatever_is_said_is_taken_or_left(message: dict[str, Any]) -> None:
    found = Found().told(message)
    assert isinstance(mismatch(a_host(jax="1"), found), (str, type(None)))
