import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="pip install -e '.[examples]'")
sys.path.insert(0, str(Path(__file__).parents[1]))

from digits import data


def test_the_test_images_are_none_of_the_training_images():
    train, test = data.load()
    assert (len(train), len(test)) == (1413, 384)
    assert set(np.unique(test.labels)) == set(range(10))


def test_an_epoch_shows_every_image_at_most_once():
    steps = [data.rows_of_step(step, 1413, 128, seed=0) for step in range(11)]
    rows = np.concatenate(steps)
    assert len(rows) == len(set(rows)) == 11 * 128


def test_each_epoch_has_an_order_of_its_own():
    first, second = (data.rows_of_step(step, 1413, 128, seed=0) for step in (0, 11))
    assert list(first) != list(second)


def test_a_step_always_has_the_same_rows():
    assert list(data.rows_of_step(7, 1413, 128, 0)) == list(data.rows_of_step(7, 1413, 128, 0))
