"""All requests that the server knows: those that wait, those on a device, and for a while those that have ended."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from stereo_spot_inference_server.device import Device
from stereo_spot_inference_server.render import Render, given_up
from stereo_spot_shared.errors import Conflict, InferenceUnavailable, Interrupted, NotFound
from stereo_spot_shared.inference import RenderRequest

TICK = 0.2
WAKE_SECONDS = 10.0
"""How often an idle device is looked after."""


class Renders:
    """Takes requests and has each answered by the first device that is free."""

    def __init__(self, devices: Sequence[Device], *, max_waiting: int, abandon_seconds: float, keep_seconds: float) -> None:
        self._devices = devices
        self._max_waiting, self._abandon_seconds, self._keep_seconds = max_waiting, abandon_seconds, keep_seconds
        self._known: dict[str, Render] = {}
        self._waiting: deque[Render] = deque()
        self._lock = threading.Condition()
        self._stopping = False
        self._threads = [threading.Thread(target=self._work, args=(device,), name=f"device {device.name}") for device in devices]
        self._keeper = threading.Thread(target=self._keep_order, name="abandoned requests", daemon=True)

    def start(self) -> None:
        """Load the devices, and begin to answer."""
        for thread in (*self._threads, self._keeper):
            thread.start()

    def close(self) -> None:
        """Give up what is under way, and stop."""
        with self._lock:
            self._stopping = True
            for render in self._known.values():
                render.give_up()
            self._lock.notify_all()
        for thread in (*self._threads, self._keeper):
            thread.join()

    def submit(self, request: RenderRequest) -> Render:
        """Take a request, or find it where it was taken before: a request that is repeated is rendered once.

        InferenceUnavailable where too many wait or no device can render, Conflict where the attempt is known for another request.
        """
        with self._lock:
            known = self._known.get(request.attempt_id)
            if known is not None:
                if known.request != request:
                    raise Conflict(f"The attempt {request.attempt_id} is known here for another request.")
                return known
            if self._stopping:
                raise Interrupted("The server stops.")
            if (trouble := self.trouble()) is not None:
                raise InferenceUnavailable(trouble)
            if len(self._waiting) >= self._max_waiting + self._free():
                raise InferenceUnavailable(
                    f"All {len(self._devices)} devices are busy and {len(self._waiting)} requests wait.", hint="Ask again later."
                )
            render = self._known[request.attempt_id] = Render(request)
            self._waiting.append(render)
            self._lock.notify_all()  # one alone might be one that leaves it to others
            return render

    def find(self, attempt_id: str) -> Render:
        """A request that was taken. NotFound where it is not known, or not any more."""
        with self._lock:
            try:
                return self._known[attempt_id]
            except KeyError:
                raise NotFound(f"No attempt {attempt_id} is known here.") from None

    def trouble(self) -> str | None:
        """Why nothing can be rendered here, in a sentence; None where at least one device is well."""
        troubles = [device.trouble for device in self._devices]
        return None if None in troubles else troubles[0]

    def sick(self) -> list[str]:
        """A sentence for each device that is not well."""
        return [f"{device.name}: {device.trouble}" for device in self._devices if device.trouble is not None]

    def _free(self) -> int:
        under_way = sum(render.ended_at is None for render in self._known.values()) - len(self._waiting)
        return max(0, sum(device.trouble is None for device in self._devices) - under_way)

    def _work(self, device: Device) -> None:
        device.wake(should_stop=self._is_stopping)
        while not self._stopping:
            render = self._next(device)
            if render is None or device.trouble is not None:
                device.wake(should_stop=self._is_stopping)
            if render is None:
                continue
            if render.is_given_up():
                render.fail(given_up(render))
            else:
                device.render(render)
        device.close()

    def _is_stopping(self) -> bool:
        return self._stopping

    def _next(self, device: Device) -> Render | None:
        """The request that has waited longest; None where for a while none came that this device should answer."""
        with self._lock:
            self._lock.wait_for(lambda: self._may_take(device) or self._stopping, timeout=WAKE_SECONDS)
            return self._waiting.popleft() if self._may_take(device) else None

    def _may_take(self, device: Device) -> bool:
        """A sick device fails fast and is soon free again: it would take most requests from those that are well."""
        return bool(self._waiting) and (device.trouble is None or self.trouble() is not None)

    def _keep_order(self) -> None:
        """Give up what nobody asks after, and forget what ended long ago."""
        while not self._stopping:
            now = time.monotonic()
            with self._lock:
                for render in list(self._known.values()):
                    if render.ended_at is None:
                        if now - render.asked_at > self._abandon_seconds:
                            render.give_up()
                    elif now - render.ended_at > self._keep_seconds:
                        del self._known[render.attempt_id]
            time.sleep(TICK)
