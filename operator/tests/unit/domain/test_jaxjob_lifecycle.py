"""What becomes of a JaxJob after its end, and whose business it is."""

from datetime import timedelta
from typing import Any

from building import NOW, World, a_jaxjob, a_running_jaxjob, seconds
from jaxop.api.plan import ObjectRef, Plan
from jaxop.domain.jaxjob import decide

ITSELF = ObjectRef("jaxop.dev/v1alpha1", "JaxJob", "ml", "digits", "uid-digits")


def ended(**spec: Any) -> World:
    world = a_running_jaxjob().with_jobs(complete=True).with_pods("Succeeded").spec(**spec)
    return world.after(decide(world.snapshot(), NOW))


class TestTimeToLive:
    def test_without_one_it_stays(self) -> None:
        assert decide(ended().snapshot(), NOW + timedelta(days=999)) == Plan()

    def test_it_is_deleted_when_its_time_is_over_and_looked_at_then(self) -> None:
        world = ended(ttlSecondsAfterFinished=3600)
        assert decide(world.snapshot(), NOW + seconds(600)) == Plan(requeue_after=3000.0)
        assert decide(world.snapshot(), NOW + seconds(3600)) == Plan(delete=(ITSELF,))

    def test_zero_is_at_once_but_its_end_is_told_first(self) -> None:
        world = a_running_jaxjob().with_jobs(complete=True).spec(ttlSecondsAfterFinished=0)
        plan = decide(world.snapshot(), NOW)
        assert (plan.delete, [event.reason for event in plan.events]) == ((), ["Succeeded"])
        assert decide(world.after(plan).snapshot(), NOW) == Plan(delete=(ITSELF,))

    def test_set_or_changed_after_the_end(self) -> None:
        late = NOW + seconds(7200)
        assert decide(ended().spec(ttlSecondsAfterFinished=3600).snapshot(), late).delete
        world = ended(ttlSecondsAfterFinished=3600).spec(ttlSecondsAfterFinished=9000)
        assert decide(world.snapshot(), late) == Plan(requeue_after=1800.0)

    def test_a_job_that_has_not_ended_is_not_touched(self) -> None:
        world = a_running_jaxjob().spec(ttlSecondsAfterFinished=0)
        assert decide(world.snapshot(), NOW + timedelta(days=9)).delete == ()

    def test_one_that_is_being_deleted_already(self) -> None:
        world = ended(ttlSecondsAfterFinished=0).metadata(deletionTimestamp="2026-11-21T12:00:00Z")
        assert decide(world.snapshot(), NOW) == Plan()


def test_a_job_of_another_controller_is_left_alone() -> None:
    other = {"managedBy": "kueue.x-k8s.io/multikueue"}
    for world in (a_jaxjob(), a_running_jaxjob().suspended(), ended(ttlSecondsAfterFinished=0)):
        assert decide(world.snapshot(), NOW) != Plan()
        assert decide(world.spec(**other).snapshot(), NOW) == Plan()
