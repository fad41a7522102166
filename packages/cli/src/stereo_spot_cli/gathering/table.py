"""Records as a table and as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from stereo_spot_cli.tables import SHORT_ID, plain_table
from stereo_spot_cli.words import duration, size
from stereo_spot_shared.records import ConversionRecord


def write_records(records: Sequence[ConversionRecord], folder: Path) -> Path:
    """Write `records.json`, whole or not at all; returns its path."""
    path = folder / "records.json"
    unfinished = folder / f".records-{os.getpid()}.json"
    unfinished.write_text(json.dumps([record.model_dump(mode="json") for record in records], indent=2, ensure_ascii=False) + "\n")
    unfinished.replace(path)
    return path


def records_table(records: Sequence[ConversionRecord]) -> Table:
    """One line a record. "fps" is frames by the seconds from submission to completion, "s/Mpx" what a worker needs for a million pixels."""
    table = plain_table(
        "job",
        "finished",
        "video",
        "picture",
        "frames",
        "segments",
        "layout",
        "depth",
        "total",
        "fps",
        "chunk",
        "render",
        "join",
        "s/Mpx",
        "output",
    )
    for record in records:
        table.add_row(
            record.job_id[:SHORT_ID],
            f"{record.finished_at:%Y-%m-%d %H:%M}",
            record.name,
            f"{record.source_width}×{record.source_height}",
            f"{record.frames:,}",
            str(record.segments),
            record.params.layout.value,
            record.depth,
            duration(record.total_seconds),
            f"{frames_per_second(record):.1f}",
            duration(record.chunk_seconds),
            duration(record.render.wall),
            duration(record.reassemble_seconds),
            f"{record.seconds_per_megapixel:.3f}",
            size(record.output_bytes),
        )
    return table


def frames_per_second(record: ConversionRecord) -> float:
    """Frames of the whole conversion by its seconds."""
    return record.frames / record.total_seconds if record.total_seconds > 0 else 0.0
