"""The name of everything that the platform keeps in an account; whoever makes it or looks for it asks here."""

from __future__ import annotations

from stereo_spot_shared.jobs import Stage
from stereo_spot_shared.pipeline import STAGES

JOBS, COMPLETIONS, ACTIVITY, SLOTS = "jobs", "completions", "activity", "slots"

UPLOADS_PREFIX = "uploads/"
"""Where the state of uploads lies in the bucket; the objects that they become lie elsewhere."""
INFERENCE_PREFIX = "inference/"
"""Where an endpoint of SageMaker leaves its answers and its failures, which are read once at most."""

INCOMING_PREFIX = "incoming/"
"""Where other tools put sources; S3 tells the intake queue of each."""
INTAKE_VISIBILITY_SECONDS, INTAKE_ATTEMPTS = 60, 5


def table_name(prefix: str, table: str) -> str:
    """Of a table: JOBS, COMPLETIONS, ACTIVITY or SLOTS."""
    return f"{prefix}-{table}"


def queue_name(prefix: str, stage: Stage) -> str:
    """Of the queue of a stage."""
    return f"{prefix}-{STAGES[stage].queue}"


def intake_queue_name(prefix: str) -> str:
    """Of the queue for S3's events."""
    return f"{prefix}-incoming"


def dead_letter_name(queue: str) -> str:
    """Of the queue that takes what another put aside."""
    return f"{queue}-dead"
