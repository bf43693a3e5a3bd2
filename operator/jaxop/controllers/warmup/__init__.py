"""Warmups: the controller, and what it hears of keepers.

controller  watches, observe, decide, refused
keepers     what CompileCaches' keepers say of offers
"""

from jaxop.controllers.warmup.controller import WarmupController
from jaxop.controllers.warmup.keepers import Keepers

__all__ = ["Keepers", "WarmupController"]
