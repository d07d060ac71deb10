"""For all tests: real memory cgroups where there are any, and no property fails for a slow or busy machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from oomsight_sandbox.kubelet.cgroups import Cgroups, can_make_cgroups

settings.register_profile("oomsight", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# In an emulated machine, where examples take their time and the kernel is what is tested.
settings.register_profile("real-kernel", settings.get_profile("oomsight"), max_examples=10)
settings.load_profile("oomsight")


@pytest.fixture
def cgroups() -> Iterator[Cgroups]:
    """This machine's; skips with the reason where none can be made."""
    reason = can_make_cgroups()
    if reason is not None:
        pytest.skip(f"no memory cgroups here: {reason}")
    opened = Cgroups.open()
    yield opened
    opened.close()
