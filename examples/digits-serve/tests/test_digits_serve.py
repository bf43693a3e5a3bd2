"""What the digits job writes, this serves: trained for a few steps, by one process and by two."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("flax", reason="pip install -e '.[examples]'")
sys.path.insert(0, str(Path(__file__).parents[2] / "digits"))
sys.path.insert(0, str(Path(__file__).parents[1]))

import jax
from digits import data
from digits_serve import checkpoint, serving
from jaxrun.serve import Model

EXAMPLES = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the job leaves it."""
    volume = tmp_path_factory.mktemp("volume")
    train = ["-m", "digits", "--steps", "90", "--checkpoints", str(volume / "digits")]
    done = subprocess.run([sys.executable, *train], cwd=EXAMPLES / "digits", capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return volume


@pytest.fixture
def model(volume: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.setenv("JAXRUN_MODEL_DIR", str(volume))
    return serving.model()


def run(model, inputs):
    return jax.device_get(jax.jit(model.function)(model.params, inputs))


def test_it_knows_digits_that_the_job_never_showed_it(model):
    _, test = data.load()
    outputs = run(model, {"images": test.images[..., 0]})
    assert (outputs["labels"] == test.labels).mean() >= 0.9
    np.testing.assert_allclose(outputs["probabilities"].sum(-1), 1, rtol=1e-5)
    assert (outputs["logits"].argmax(-1) == outputs["labels"]).all()


def test_its_version_is_the_step_of_the_newest_checkpoint(model):
    assert model.version == "90"


def test_a_checkpoint_that_two_processes_wrote_is_read_by_one(launch, tmp_path):
    options = ("--steps", "30", "--checkpoints", str(tmp_path / "digits"))
    trained = launch(*options, processes=2, example="digits")
    assert trained.wait() == [0, 0]
    network, step = checkpoint.newest(tmp_path / "digits")
    _, test = data.load()
    right = (network(test.images).argmax(-1) == test.labels).mean()
    assert step == 30
    assert float(right) == pytest.approx(trained.result["accuracy"], abs=0.01)


def test_the_route_labels_one_image_and_several(model):
    _, test = data.load()
    (route,) = model.routes
    for images in (test.images[0, ..., 0], test.images[:3, ..., 0]):
        answer = route.after(run(model, route.before({"images": images.tolist()})))
        outputs = run(model, {"images": images.reshape(-1, 8, 8)})
        assert answer["labels"] == outputs["labels"].tolist()
        assert np.shape(answer["probabilities"]) == (len(answer["labels"]), 10)
        json.dumps(answer)


@pytest.mark.parametrize(
    "body", [None, {}, {"images": []}, {"images": [[1]]}, {"images": [["a"] * 8] * 8}]
)
def test_a_body_without_images_is_refused_in_a_sentence(body):
    with pytest.raises(ValueError, match="images: 8 rows of 8 numbers are wanted"):
        serving.images(body)


@pytest.mark.parametrize("ink", [-1, 16, float("nan")])
def test_ink_beyond_what_it_was_trained_with_is_refused(ink):
    with pytest.raises(ValueError, match="numbers from 0, no ink, to 1, all ink"):
        serving.images({"images": [[ink] * 8] * 8})


def test_without_a_checkpoint_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXRUN_MODEL_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="digits is no directory: train digits"):
        serving.model()
    (tmp_path / "digits").mkdir()
    with pytest.raises(FileNotFoundError, match="digits has no checkpoint yet"):
        serving.model()
