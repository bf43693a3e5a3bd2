from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits

TEST_IMAGES = 384
SPLIT_SEED = 0


@dataclass(frozen=True)
class Dataset:
    """Images are (n, 8, 8, 1) float32 in [0, 1], labels (n,) int32 in 0..9."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def load() -> tuple[Dataset, Dataset]:
    """The training and the test set: 1,413 and 384 images, the same in every process."""
    digits = load_digits()
    images = (digits.images[..., None] / 16).astype(np.float32)
    labels = digits.target.astype(np.int32)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    test, train = order[:TEST_IMAGES], order[TEST_IMAGES:]
    return Dataset(images[train], labels[train]), Dataset(images[test], labels[test])


def rows_of_step(step: int, size: int, batch: int, seed: int) -> np.ndarray:
    """The rows of a step's global batch: a function of the step, so that resuming repeats none."""
    batches = size // batch
    epoch, index = divmod(step, batches)
    order = np.random.default_rng((seed, epoch)).permutation(size)
    return order[index * batch : (index + 1) * batch]
