"""A worker: one process that consumes the queues of some stages until it is told to stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping

from stereo_spot_runtime.consumer import Handler, QueueConsumer
from stereo_spot_runtime.logging import configure_logging, get_logger
from stereo_spot_runtime.platform import open_platform
from stereo_spot_runtime.reconciler import run_reconciler
from stereo_spot_runtime.settings import RuntimeSettings
from stereo_spot_shared.errors import StereoSpotError
from stereo_spot_shared.interfaces.platform import Platform
from stereo_spot_shared.jobs import Stage
from stereo_spot_shared.pipeline import STAGES, StageSpec

EXIT_HUNG = 70
"""Exit status of a worker that ended itself because a handler could not be ended otherwise."""

_TICK = 0.1
_EXIT_MARGIN = 5.0


def run_worker(
    name: str,
    handlers: Mapping[Stage, Handler],
    *,
    reconcile: bool = False,
    prepare: Callable[[Platform], None] = lambda _: None,
    stages: Mapping[Stage, StageSpec] = STAGES,
) -> int:
    """Consume the queues of `handlers`' stages, one thread each, until SIGTERM or SIGINT; returns the exit status.

    Call it from the main thread. On a signal it stops receiving, hands back what it holds and returns within
    `stop_seconds`; so it does when the supervisor that started it dies. With `reconcile` it also runs the reconciler.
    `prepare` is called once, in the main thread, before the first message is received.
    """
    settings = RuntimeSettings()
    configure_logging(settings.log_level, settings.log_format)
    log = get_logger()
    try:
        platform = open_platform(settings.storage_adapter)
    except StereoSpotError as error:
        log.error("the worker could not start", worker=name, code=error.code, error=str(error), hint=error.hint)  # noqa: TRY400
        return 1
    try:
        consumers = _Consumers(f"{name}@{settings.worker}", platform, handlers, settings, stages)
        background = [_reconciler(platform, settings, consumers.stop)] if reconcile and settings.reconcile_seconds else []
        prepare(platform)
        status = _run(consumers, background, settings)
    finally:
        platform.close()
    log.info("stopped", worker=name, status=status)
    return status


class _Consumers:
    """One consumer for each stage, stopped together."""

    def __init__(
        self,
        worker: str,
        platform: Platform,
        handlers: Mapping[Stage, Handler],
        settings: RuntimeSettings,
        stages: Mapping[Stage, StageSpec],
    ) -> None:
        self.worker, self.stop = worker, threading.Event()
        self._ending = threading.Lock()
        self._all = [
            QueueConsumer(
                stage,
                handler,
                platform,
                worker=worker,
                stop=self.stop,
                on_hung=self._end_process,
                wait_seconds=settings.receive_wait_seconds,
                grace_seconds=settings.stop_seconds,
                report_seconds=settings.report_seconds,
                spec=stages[stage],
            )
            for stage, handler in handlers.items()
        ]

    def threads(self) -> list[threading.Thread]:
        return [threading.Thread(target=consumer.run, name=f"consume {consumer.stage}", daemon=True) for consumer in self._all]

    def _end_process(self, hung: QueueConsumer) -> None:
        """The only way to end a thread that hangs. What the process holds goes back first, so that nobody waits for it."""
        with self._ending:
            stopping = self.stop.is_set()
            get_logger().error("a handler does not stop: the process ends without it", worker=self.worker, stage=hung.stage.value)
            for consumer in self._all:
                consumer.release_held(counted=consumer is hung and not stopping)
            os._exit(EXIT_HUNG)


def _reconciler(platform: Platform, settings: RuntimeSettings, stop: threading.Event) -> threading.Thread:
    arguments = {"seconds": settings.reconcile_seconds, "stop": stop}
    return threading.Thread(target=run_reconciler, args=(platform,), kwargs=arguments, name="reconcile", daemon=True)


def _run(consumers: _Consumers, background: list[threading.Thread], settings: RuntimeSettings) -> int:
    """Run all threads until something asks for the end; returns the exit status."""
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, _frame: signals.append(caught))
    threads = [*consumers.threads(), *background]
    for thread in threads:
        thread.start()
    get_logger().info("started", worker=consumers.worker, threads=[thread.name for thread in threads])
    # Slept, not waited for on an Event: a signal handler that sets the Event its own thread waits for can deadlock.
    while not signals and not _is_orphan(settings) and all(thread.is_alive() for thread in threads):
        time.sleep(_TICK)
    broken = [thread.name for thread in threads if not thread.is_alive()]
    consumers.stop.set()
    # Each lease ends a handler that does not stop within its grace, and the process with it.
    deadline = time.monotonic() + settings.stop_seconds + settings.receive_wait_seconds + _EXIT_MARGIN
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    if broken:
        get_logger().error("a thread of the worker ended by a fault of the program", threads=broken)
    return 1 if broken else 0


def _is_orphan(settings: RuntimeSettings) -> bool:
    return settings.supervisor_pid is not None and os.getppid() != settings.supervisor_pid
