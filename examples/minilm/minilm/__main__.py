"""`python -m minilm TEXT TEXT...`: how close each text is to the first."""

import argparse

from flax import nnx

from minilm import weights
from minilm.tokenize import Tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(prog="minilm", description="How close texts are in meaning.")
    parser.add_argument("text", help="what the others are compared with")
    parser.add_argument("others", nargs="+", metavar="other")
    asked = parser.parse_args()

    directory = weights.directory()
    encode = nnx.jit(weights.load(directory))
    embeddings = encode(*Tokenizer(directory)([asked.text, *asked.others]))
    closeness = embeddings[1:] @ embeddings[0]  # the cosine, as all are of unit length
    for cosine, text in sorted(zip(closeness.tolist(), asked.others, strict=True), reverse=True):
        print(f"{cosine:6.3f}  {text}")


if __name__ == "__main__":
    main()
