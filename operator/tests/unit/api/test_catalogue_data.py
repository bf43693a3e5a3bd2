"""The chart's AcceleratorClasses, as the models read them."""

from pathlib import Path

import pytest
import yaml
from jaxop.api.v1alpha1 import AcceleratorClass
from jaxop.api.v1alpha1.accelerator_class import axes

FILES = sorted((Path(__file__).parents[4] / "charts/jax-operator/catalogue").glob("*.yaml"))
CLASSES = {path.stem: AcceleratorClass.model_validate(yaml.safe_load(path.read_text()))
           for path in FILES}  # fmt: skip
TWO_AXES = {
    "1x1": 1, "2x2": 1, "2x4": 1, "4x4": 4, "4x8": 8, "8x8": 16, "8x16": 32, "16x16": 64,
}  # fmt: skip


def test_every_device_of_the_design_is_there() -> None:
    assert set(CLASSES) == {
        "tpu-v4", "tpu-v5e", "tpu-v5e-device", "tpu-v5p", "tpu-v6e", "tpu-7x",
        "nvidia-l4", "nvidia-a100", "nvidia-a100-80gb", "nvidia-h100", "nvidia-h200",
        "nvidia-b200", "nvidia-gb200", "amd-mi300x", "cpu",
    }  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_it_is_named_as_its_file_and_says_all_that_a_job_needs(name: str) -> None:
    one = CLASSES[name]
    assert one.metadata.name == name
    assert one.spec.description
    assert one.spec.price is None
    if one.spec.platform == "cpu":
        assert one.spec.resource is None
        return
    assert one.spec.resource
    assert one.spec.memory_per_chip
    assert one.spec.tolerations
    assert bool(one.spec.node_selector) != bool(one.spec.node_selector_terms)
    assert one.spec.has_topologies == (one.spec.platform == "tpu")


@pytest.mark.parametrize("name", CLASSES)
def test_nothing_in_it_is_unknown_to_the_model(name: str) -> None:
    written = yaml.safe_load((FILES[0].parent / f"{name}.yaml").read_text())["spec"]
    read = CLASSES[name].spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert read == written


@pytest.mark.parametrize("name", ["tpu-v5e", "tpu-v6e"])
def test_flat_slices(name: str) -> None:
    spec = CLASSES[name].spec
    first = {t.topology: t.hosts for t in reversed(spec.topologies)}
    assert first == TWO_AXES
    both = [t.hosts for t in spec.topologies if t.topology == "2x4"]
    assert both == [1, 2]


@pytest.mark.parametrize(
    ("name", "cubes", "smallest"),
    [("tpu-v4", 64, "2x2x1"), ("tpu-v5p", 140, "2x2x1"), ("tpu-7x", 144, "1x1x1")],
)
def test_cubic_slices(name: str, cubes: int, smallest: str) -> None:
    spec = CLASSES[name].spec
    assert spec.topologies[0].topology == smallest
    assert spec.topologies[0].hosts == 1
    assert [t.topology for t in spec.topologies][-3:] == ["2x2x2", "2x2x4", "2x4x4"]
    assert all(len(axes(t.topology)) == 3 for t in spec.topologies)
    rule = spec.large_topologies
    assert rule is not None
    assert (rule.dimensions, rule.axis_multiple, rule.chips_per_host) == (3, 4, 4)
    assert rule.max_chips == cubes * 4**3


def test_no_node_belongs_to_two_classes() -> None:
    claims: dict[tuple[object, ...], str] = {}
    for name, one in CLASSES.items():
        alternatives = [
            tuple((e.key, value) for e in term.match_expressions for value in [v])
            for term in one.spec.node_selector_terms
            for v in term.match_expressions[-1].values
        ] or [tuple(one.spec.node_selector.items())]
        for claim in filter(None, alternatives):
            assert claims.setdefault(claim, name) == name, f"{claim} is also {claims[claim]}"
