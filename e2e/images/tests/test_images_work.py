"""Every image is built, unpacked, and its programs run in it as its user."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.images import BuiltImage, build
from e2e.images.catalogue import CATALOGUE, ROOT
from e2e.images.tests.unpacked import Unpacked, unpack

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="unpacks and enters images as root"),
]


@pytest.fixture(scope="module")
def images() -> dict[str, BuiltImage]:
    return build()


# One at a time: pytest groups tests by this fixture's parameter, and an image is large.
@pytest.fixture(scope="module")
def image(request: pytest.FixtureRequest, images: dict[str, BuiltImage]) -> Iterator[Unpacked]:
    with tempfile.TemporaryDirectory(prefix=f"jaxop-{request.param}-") as root:
        Path(root).chmod(0o755)
        yield unpack(images[request.param].archive, Path(root))


def of(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("image", names, indirect=True)


def test_nothing_is_built_twice(images: dict[str, BuiltImage]) -> None:
    again = build(["bytegpt"])["bytegpt"]
    assert not again.changed
    assert again.image_id == images["bytegpt"].image_id


@of(*CATALOGUE)
def test_programs_run_as_a_user_without_rights(image: Unpacked) -> None:
    assert image.output("id", "-u").strip() == "65532"
    assert image.output("python", "--version").startswith("Python 3.13.")


@of(*CATALOGUE)
def test_packages_agree_with_each_other(image: Unpacked) -> None:
    assert image.output("python", "-m", "pip", "check").strip() == "No broken requirements found."


@of(*CATALOGUE)
def test_nothing_of_this_machine_is_left(image: Unpacked) -> None:
    assert list((image.root / "etc/xdg").iterdir()) == []
    assert list((image.root / "root").rglob(".cache/pip/*")) == []
    assert [variable for variable in image.environment if variable.startswith("PIP_")] == []
    assert (image.root / "etc/hostname").read_text().strip() != socket.gethostname()
    assert not (image.root / "src").exists()


@of("digits", "operator")
def test_pods_find_it_under_its_short_name(image: Unpacked) -> None:
    short = {reference.removeprefix("docker.io/") for reference in image.references}
    assert {"jaxop/digits:dev", "jaxop/operator:dev"} & short


@of("operator")
def test_the_operator_says_what_it_takes(image: Unpacked) -> None:
    assert image.entrypoint == ("python", "-m", "jaxop.app")
    assert "usage" in image.output(*image.entrypoint, "--help").lower()


@of("operator")
def test_the_operator_without_a_cluster_says_so(image: Unpacked) -> None:
    ended = image.run("env", "JAXOP_RUNTIME_IMAGE=jaxop/runtime:dev", *image.entrypoint)
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert "kubeconfig" in ended.stderr.lower()


@of("operator")
def test_the_command_line_is_there(image: Unpacked) -> None:
    assert "explain" in image.output("jaxop", "--help")


@of("runtime")
def test_the_runtime_installs_a_launcher_that_runs(image: Unpacked) -> None:
    volume = image.root / "jaxop"
    volume.mkdir()
    os.chown(volume, 65532, 65532)
    assert image.default_command == ("python", "-m", "jaxrun", "install", "/jaxop")
    image.output(*image.default_command)
    assert os.access(volume / "jaxrun", os.X_OK)
    assert image.output("/jaxop/jaxrun", "version").strip()


@of("digits", "bytegpt", "minilm", "digits-serve")
def test_programs_find_jax(image: Unpacked) -> None:
    program = "import jax, flax, optax, orbax.checkpoint; print(jax.numpy.arange(4).sum())"
    assert image.output("python", "-c", program).strip() == "6"


@of("digits", "bytegpt", "minilm")
def test_the_example_is_the_default_command(image: Unpacked) -> None:
    assert "usage" in image.output(*image.default_command, "--help").lower()


@of("minilm")
def test_the_weights_are_in_the_image(image: Unpacked) -> None:
    said = image.output("python", "-m", "minilm", "a red car", "the stock market", "a crimson auto")
    assert said.splitlines()[0].endswith("a crimson auto")


@of("minilm", "digits-serve")
def test_the_model_server_finds_its_entry_and_what_makes_it_fast(image: Unpacked) -> None:
    shutil.copytree(ROOT / "images/runtime/jaxrun/src", image.root / "jaxop/site")
    (entry,) = (image.root / "app").glob("*/serving.py")
    module = f"{entry.parent.name}.serving"
    program = f"import {module}, httptools, orjson, uvloop; print({module}.model.__name__)"
    said = image.output("env", "PYTHONPATH=/jaxop/site", "python", "-c", program)
    assert said.strip() == "model"
