"""The keeper is killed before each of its steps in turn; the next one ends what it began."""

import shutil
import subprocess
import sys
from pathlib import Path

from cache_builders import DIGEST, a_pod, an_entry, an_entry_name, offer, sha256
from test_cache_keeper import TheKeeper

from jaxrun.cache.layout import TEMPORARY, blobs_of
from jaxrun.cache.local import link

SCRIPT = Path(__file__).parent / "dying_keeper.py"


def dies_at(root: Path, step: int) -> str | None:
    """What it said, or None if it was killed."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(root), str(root / "policy.json"), str(step)],
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode in (0, 9), done.stderr
    return done.stdout if done.returncode == 0 else None


async def test_killed_at_every_step_of_publishing(tmp_path: Path) -> None:
    """Two good offers, a bad one, and a damaged entry to be repaired."""
    step, said = 0, None
    while said is None:
        step += 1
        root = tmp_path / str(step)
        before = TheKeeper(root)
        pod = a_pod(root)
        before.policy()
        offer(root, an_entry_name(0), an_entry(0))
        before.passes()
        (blobs_of(pod.published, DIGEST) / sha256(an_entry(0))).write_bytes(b"damaged")
        for k in range(3):
            offer(root, an_entry_name(k), an_entry(k))
        offer(root, an_entry_name(3), b"bad")

        said = dies_at(root, step)

        linked = await link(pod, 20)
        assert linked.problem is None
        for path in pod.local.iterdir():
            assert path.read_bytes() == an_entry(int(path.name[len("jit_f") :].partition("-")[0]))
        after = TheKeeper(root)
        after.passes()
        assert (await link(pod, 20)).linked == 3
        assert after.status.problem is None
        assert not list((root / "staging").glob("*/*@*"))
        tally = after.status.offers[f"{DIGEST}.a"]
        assert tally.published >= 4, "nothing that was published is forgotten"
        for _ in range(3):
            after.clocks.wait(2 * 3600)
            after.passes()
        assert not list(root.rglob(f"{TEMPORARY}*"))
        shutil.rmtree(root)
    assert step > 60
