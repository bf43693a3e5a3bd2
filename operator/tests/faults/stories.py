"""The stories of all kinds, by name."""

from typing import Final

import cache_scenarios
import jaxjob_scenarios
import runtime_scenarios
import service_gang_scenarios
import service_scenarios
import service_warmup_scenarios
import warmup_scenarios
from scenario import Scenario

SCENARIOS: Final[dict[str, Scenario]] = {
    **jaxjob_scenarios.SCENARIOS,
    **cache_scenarios.SCENARIOS,
    **runtime_scenarios.SCENARIOS,
    **warmup_scenarios.SCENARIOS,
    **service_scenarios.SCENARIOS,
    **service_warmup_scenarios.SCENARIOS,
    **service_gang_scenarios.SCENARIOS,
}
