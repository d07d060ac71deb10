"""For all tests: no property fails for a slow or busy machine."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("oomsight", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# In an emulated machine, where examples take their time and the kernel is what is tested.
settings.register_profile("real-kernel", settings.get_profile("oomsight"), max_examples=10)
settings.load_profile("oomsight")
