"""One replica works at a time: the one that holds the Lease. A replica that loses it must stop at once, and exits.

The election is the `kubernetes` client's (a thread that renews coordination.k8s.io/v1 Leases). Added here: connection errors,
timeouts and answers that make no sense are failed attempts instead of the end of the thread; a leader steps down in time though
the thread hangs in a request; the Lease is given back on a graceful stop, and the thread ends.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import urllib3
from kubernetes.client import ApiClient, ApiException, Configuration, CoordinationV1Api
from kubernetes.leaderelection.electionconfig import Config
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """Seconds, as client-go's defaults. A leader that cannot renew for `renew_seconds` steps down before others may take over."""

    lease_seconds: int = 15
    renew_seconds: int = 10
    retry_seconds: int = 2
    request_seconds: float = 3.0


class ElectionError(Exception):
    """The election ended before this replica led; the log says why."""


class _StoppedError(BaseException):
    """Ends the election's endless loops from within; never leaves the thread."""


class Leadership:
    """Candidate for one Lease. `acquire`, then watch `lost`; `release` when done."""

    def __init__(
        self, configuration: Configuration, namespace: str, name: str, identity: str, timing: LeaseTiming | None = None
    ) -> None:
        self.identity = identity
        self.lost = asyncio.Event()
        """Set when the Lease could not be renewed in time: somebody else may lead now."""
        self._timing = timing or LeaseTiming()
        self._loop = asyncio.get_running_loop()
        self._acquired = asyncio.Event()
        self._lock = _Lock(configuration, namespace, name, identity, self._timing.request_seconds)
        self._thread = threading.Thread(target=self._run, name="leader election", daemon=True)

    async def acquire(self) -> None:
        """Wait until this replica leads. Raises ElectionError."""
        # The election logs every renewal; a change of leader is logged here.
        logging.getLogger("leaderelection").setLevel(logging.ERROR)
        log.info("waiting for the Lease", extra={"lease": self._lock.full_name, "identity": self.identity})
        self._thread.start()
        ends = [asyncio.create_task(event.wait()) for event in (self._acquired, self.lost)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        if self.lost.is_set():
            raise ElectionError("the leader election ended")
        self._step_down_in_time()
        log.info("leading", extra={"lease": self._lock.full_name, "identity": self.identity})

    async def release(self) -> None:
        """Stop renewing and, if we lead, give the Lease back, so that the next replica need not wait for its end.

        The thread ends at its next look. A renewal of it that is under way now either comes before ours or conflicts with it.
        """
        self._lock.stop()
        if self._acquired.is_set() and not self.lost.is_set():
            await asyncio.to_thread(self._lock.give_back)

    def _step_down_in_time(self) -> None:
        """Lost when the last renewal is too long ago: the thread looks at its clock only between two requests."""
        if self.lost.is_set() or self._lock.stopped:
            return
        left = self._lock.renewed_at_seconds + self._timing.renew_seconds - time.monotonic()
        if left > 0:
            self._loop.call_later(left, self._step_down_in_time)
        else:
            self.lost.set()

    def _run(self) -> None:
        config = Config(  # type: ignore[no-untyped-call]
            self._lock,
            lease_duration=self._timing.lease_seconds,
            renew_deadline=self._timing.renew_seconds,
            retry_period=self._timing.retry_seconds,
            onstarted_leading=lambda: self._tell(self._acquired.set),
            onstopped_leading=lambda: self._tell(self.lost.set),
        )
        try:
            LeaderElection(config).run()  # type: ignore[no-untyped-call]
        except _StoppedError:
            pass
        except Exception:
            # Whatever goes wrong in the thread, we no longer know that we lead.
            log.exception("leader election failed")
            self._tell(self.lost.set)

    def _tell(self, callback: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            pass  # the loop is closed: the process is about to end


class _Lock(LeaseLock):
    """The election's view of the Lease: with our credentials and timeouts, and failing softly."""

    def __init__(self, configuration: Configuration, namespace: str, name: str, identity: str, request_seconds: float) -> None:
        own = copy.deepcopy(configuration)
        own.retries = 0  # the election retries itself
        super().__init__(name, namespace, identity)  # type: ignore[no-untyped-call]
        self.api_instance: Any = _TimedApi(CoordinationV1Api(ApiClient(own)), request_seconds)
        self._stopped = threading.Event()
        self._trouble = False
        self.renewed_at_seconds = float("-inf")
        """When the last request that renewed the Lease was begun, monotonic."""

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        self._stopped.set()

    def get(self, name: str, namespace: str) -> tuple[bool, Any]:
        if self._stopped.is_set():
            raise _StoppedError
        try:
            found, answer = super().get(name, namespace)  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 - whatever stands for the API server just now
            found, answer = False, ApiException(status=0, reason=str(error))
        trouble = not found and answer.status != 404
        if trouble and not self._trouble:
            log.warning(
                "the Lease cannot be read", extra={"lease": self.full_name, "error": f"{answer.status} {answer.reason}"[:300]}
            )
        self._trouble = trouble
        return found, answer

    def create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        return self._write(lambda: super(_Lock, self).create(name, namespace, election_record))  # type: ignore[no-untyped-call]

    def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        return self._write(lambda: super(_Lock, self).update(name, namespace, updated_record))  # type: ignore[no-untyped-call]

    def _write(self, send: Callable[[], object]) -> bool:
        began = time.monotonic()
        try:
            written = bool(send())
        except Exception:  # noqa: BLE001 - as above; the next look tells what is wrong
            return False
        if written:
            self.renewed_at_seconds = began
        return written

    def give_back(self) -> None:
        """Leave the Lease without a holder, if it is still ours (as client-go's ReleaseOnCancel)."""
        for attempt in range(3):
            try:
                lease = self.api_instance.read_namespaced_lease(self.name, self.namespace)
                if lease.spec is None or lease.spec.holder_identity != self.identity:
                    return
                lease.spec.holder_identity = ""
                lease.spec.lease_duration_seconds = 1
                self.api_instance.replace_namespaced_lease(name=self.name, namespace=self.namespace, body=lease)
            except (ApiException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                if isinstance(error, ApiException) and error.status == 409 and attempt < 2:
                    continue
                log.warning("the Lease could not be given back; it runs out by itself", extra={"error": str(error)[:300]})
                return
            log.info("Lease given back", extra={"lease": self.full_name})
            return


class _TimedApi:
    """The three calls of the lock, each with a timeout: a hung connection must not look like leading."""

    def __init__(self, api: CoordinationV1Api, seconds: float) -> None:
        self._api = api
        self._seconds = seconds

    def read_namespaced_lease(self, name: str, namespace: str) -> Any:
        return self._api.read_namespaced_lease(name, namespace, _request_timeout=self._seconds)

    def create_namespaced_lease(self, namespace: str, body: Any) -> Any:
        return self._api.create_namespaced_lease(namespace, body, _request_timeout=self._seconds)

    def replace_namespaced_lease(self, *, name: str, namespace: str, body: Any) -> Any:
        return self._api.replace_namespaced_lease(name=name, namespace=namespace, body=body, _request_timeout=self._seconds)
