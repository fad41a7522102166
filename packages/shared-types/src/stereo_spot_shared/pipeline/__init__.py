"""How a job moves: the table of stages, the moves it may make, and the one function that decides what comes next."""

from stereo_spot_shared.pipeline.decision import Completions, Move, Objects, Send, Step, next_steps
from stereo_spot_shared.pipeline.stages import AWAITED, STAGES, StageSpec
from stereo_spot_shared.pipeline.transitions import (
    ALLOWED,
    announce_anew,
    cancel,
    delete,
    enter,
    fail,
    note_cut,
    retry,
    start_chunking,
    start_rendering,
)

__all__ = [
    "ALLOWED",
    "AWAITED",
    "STAGES",
    "Completions",
    "Move",
    "Objects",
    "Send",
    "StageSpec",
    "Step",
    "announce_anew",
    "cancel",
    "delete",
    "enter",
    "fail",
    "next_steps",
    "note_cut",
    "retry",
    "start_chunking",
    "start_rendering",
]
