"""What was found against what the spec expects: each difference with both values."""

from collections.abc import Iterator

from jaxop.api.v1alpha1.jax_runtime import JaxRuntimeSpec, RuntimeFound
from jaxop.domain.devices import SliceLayout


def differences(spec: JaxRuntimeSpec, layout: SliceLayout, found: RuntimeFound) -> str:
    """`jaxlib: expected 0.12, found 0.10.2; ...`, "" where it is as expected. What could not be
    found out is no difference."""
    return "; ".join(
        f"{name}: expected {wanted}, found {seen}"
        for name, wanted, seen in _different(spec, layout, found)
    )


def _different(
    spec: JaxRuntimeSpec, layout: SliceLayout, found: RuntimeFound
) -> Iterator[tuple[str, object, object]]:
    platform = layout.platform
    if platform != "cpu" and found.platform not in (None, platform):
        yield "platform", platform, found.platform
    chips = layout.chips_per_host * layout.devices_per_chip
    if chips and found.platform == platform and found.devices not in (None, chips):
        yield "devices", chips, found.devices
    backend = found.platform_version if found.platform == platform else None
    for name, wanted, seen in (
        ("jax", spec.jax, found.jax),
        ("jaxlib", spec.jaxlib, found.jaxlib),
        ("python", spec.python, found.python),
        ("libtpu", spec.libtpu if platform == "tpu" else None, _version(backend)),
        ("cuda", spec.cuda if platform == "cuda" else None, _version(backend)),
    ):
        if wanted is not None and seen is not None and not _begins(seen, wanted):
            yield name, wanted, seen


def _begins(version: str, wanted: str) -> bool:
    """By whole components: 0.1 is not the beginning of 0.12."""
    have, want = version.split("+")[0].split("."), wanted.split(".")
    return version == wanted or have[: len(want)] == want


def _version(text: str | None) -> str | None:
    """A backend that has no version speaks in sentences."""
    return text if text is not None and text[:1].isdigit() else None
