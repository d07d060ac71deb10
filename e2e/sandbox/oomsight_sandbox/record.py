"""`oomsight-sandbox record`: runs the demo's pods and writes what the kernel and the stand-in said to a file."""

from __future__ import annotations

import asyncio
import os

from oomsight_sandbox.background import background
from oomsight_sandbox.demo import MANIFESTS
from oomsight_sandbox.recorder import Recorder
from oomsight_sandbox.recording import write_recording
from oomsight_sandbox.replay import NAMESPACE
from oomsight_sandbox.sandbox import sandbox
from oomsight_sandbox.screen import Screen


async def record(path: str, seconds: float, screen: Screen) -> int:
    """Record for some seconds; needs real cgroups. Raises CgroupsUnavailableError."""
    async with sandbox(None, screen.happened) as running:
        recorder = Recorder(running, NAMESPACE)
        async with background(recorder.run()):
            await running.kubectl.apply(os.path.join(MANIFESTS, "shop"))
            screen.happened(f"recording for {seconds:.0f} s")
            await asyncio.sleep(seconds)
        recording = recorder.recording()
    size = await asyncio.to_thread(write_recording, path, recording)
    screen.happened(f"{path}: {size} bytes, {len(recording.moments)} moments of {len(recording.pods)} pods")
    return 0
