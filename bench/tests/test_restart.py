from bench.pods import INDEX, Pods
from bench.restart.measured import Restart, rows, table


def a_pod(uid: str, index: int, **state: object) -> dict[str, object]:
    statuses = [{"name": "jax", "state": state}] if state else []
    metadata = {"name": f"pod-{uid}", "uid": uid, "labels": {INDEX: str(index)}}
    return {"metadata": metadata, "status": {"podIP": "10.0.0.1", "containerStatuses": statuses}}


def test_medians_are_of_one_way_and_death() -> None:
    restarts = [Restart("in-place", "killed", {"all spawned": s}) for s in (1.0, 3.0, 2.0)]
    restarts.append(Restart("recreate", "killed", {"all spawned": 8.0}))
    in_place, recreated = rows(restarts)
    assert (in_place.runs, in_place.at, in_place.spread) == (3, {"all spawned": 2.0}, (1.0, 3.0))
    assert (recreated.at, recreated.spread) == ({"all spawned": 8.0}, None)


def test_the_table_has_ratios_and_says_what_never_came() -> None:
    restarts = [
        Restart("in-place", "killed", {"noticed": 0.01, "all spawned": 2.0}),
        Restart("recreate", "killed", {"all spawned": 8.0}),
        Restart("plain", "killed", {"survivors ended": 94.0}, gave_up_after=360.0),
    ]
    lines = [[cell.strip() for cell in line.split("|")] for line in table(restarts).splitlines()]
    ways = [[cell for cell in line[2:] if cell] for line in lines[2:]]
    assert ways == [
        ["in-place", "1", "0.01", "**2.00**", "1.0"],
        ["recreate", "1", "**8.00**", "4.0"],
        ["plain", "1", "94", "> 360", "> 180"],
    ]


def test_a_pod_is_followed_from_its_creation_to_its_end() -> None:
    pods = Pods()
    pods.take("ADDED", a_pod("a", 0), 1.0)
    pods.take("MODIFIED", a_pod("a", 0, running={}), 2.0)
    pods.take("MODIFIED", a_pod("a", 0, terminated={"exitCode": 137}), 3.0)
    pods.take("DELETED", a_pod("a", 0, terminated={"exitCode": 137}), 4.0)
    pods.take("ADDED", a_pod("b", 0), 5.0)
    first, second = pods.all()
    assert (first.created, first.running, first.ended, first.exit_code) == (1.0, 2.0, 3.0, 137)
    assert pods.newest(0) == second
    assert pods.alive() == [second]
