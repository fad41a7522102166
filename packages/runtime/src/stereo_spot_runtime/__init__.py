"""What turns handlers into workers: platform loading, the one receive loop, retries, reconciling, logs."""

from stereo_spot_runtime.advance import advance, published_result
from stereo_spot_runtime.consumer import Handler, QueueConsumer
from stereo_spot_runtime.context import WorkContext
from stereo_spot_runtime.logging import configure_logging, get_logger
from stereo_spot_runtime.operations import cancel_job, delete_job, retry_job, submit, submit_url
from stereo_spot_runtime.platform import open_platform
from stereo_spot_runtime.reconciler import ReconcileReport, reconcile
from stereo_spot_runtime.settings import RuntimeSettings
from stereo_spot_runtime.supervisor import ProcessSpec, Supervisor, WorkersFailed
from stereo_spot_runtime.updates import update_job
from stereo_spot_runtime.worker import run_worker

__all__ = [
    "Handler",
    "ProcessSpec",
    "QueueConsumer",
    "ReconcileReport",
    "RuntimeSettings",
    "Supervisor",
    "WorkContext",
    "WorkersFailed",
    "advance",
    "cancel_job",
    "configure_logging",
    "delete_job",
    "get_logger",
    "open_platform",
    "published_result",
    "reconcile",
    "retry_job",
    "run_worker",
    "submit",
    "submit_url",
    "update_job",
]
