"""For all tests: no property fails for a slow or busy machine."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("oomsight", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("oomsight")
