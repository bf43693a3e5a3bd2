"""What is embedded: texts of mixed length, the same in every run.

Word counts are log-normal, as lengths of requests usually are: the median is 18 words, one in
twenty is longer than 100. Words are the commonest of English, so that a word is about one token.
"""

import random

MEDIAN_WORDS = 18
SIGMA = 1.05
MOST_WORDS = 200
COUNT = 4000

_WORDS = """
the of and to in that is was for on with as by at from his her an were are which you this be
have not they all one there would their we him been has when who will more no if out so said
what up its about into than them can only other new some could time these two may then do first
any my now such like our over man me even most made after also did many before must through
years where much your way well down should because each just those people how too little state
good very make world still own see men work long get here between both life
""".split()  # noqa: SIM905 (a list of them is a page long)


def texts(count: int = COUNT, seed: int = 7) -> list[str]:
    """Texts of 1 to `MOST_WORDS` words."""
    chance = random.Random(seed)
    lengths = (
        min(MOST_WORDS, max(1, round(MEDIAN_WORDS * chance.lognormvariate(0, SIGMA))))
        for _ in range(count)
    )
    return [" ".join(chance.choices(_WORDS, k=length)) for length in lengths]
