"""Plans in few words, for assertions."""

from jaxop.api.plan import Plan


def kinds(plan: Plan) -> list[str]:
    return [f"{m['kind']} {m['metadata']['name']}" for m in plan.apply]


def deleted(plan: Plan) -> list[str]:
    return sorted(str(ref) for ref in plan.delete)


def ended_jobs(plan: Plan) -> list[str]:
    return sorted(str(ref) for ref in plan.end)


def state(plan: Plan) -> tuple[str, str]:
    assert plan.status is not None
    return plan.status["state"], plan.status["reason"]


def told(plan: Plan) -> list[str]:
    return [f"{event.type} {event.reason}" for event in plan.events]
