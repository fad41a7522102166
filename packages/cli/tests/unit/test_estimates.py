from fractions import Fraction
from pathlib import Path

import pytest

from stereo_spot_cli.estimates import TYPICAL_BITS, Size, check_space, output_bytes, render_seconds, weight
from stereo_spot_cli.output import CommandFailed
from stereo_spot_shared.base import utc_now
from stereo_spot_shared.inference import StageSeconds
from stereo_spot_shared.records import ConversionRecord, Machine
from stereo_spot_shared.rendering import FramePacking, Quality, RenderParams

VIDEO = Size(bytes=10_000, width=100, height=50, frames=240)


def record(*, output: int, wall: float, params: RenderParams | None = None) -> ConversionRecord:
    return ConversionRecord(
        job_id="0123456789",
        name="film.mp4",
        finished_at=utc_now(),
        params=params or RenderParams(),
        depth="basic",
        source_width=100,
        source_height=50,
        source_bytes=1,
        output_bytes=output,
        frames=100,
        context_frames=0,
        duration=Fraction(4),
        segments=1,
        workers=1,
        chunk_seconds=0.1,
        render=StageSeconds(wall=wall),
        reassemble_seconds=0.1,
        total_seconds=wall,
        machine=Machine(system="Linux", processor="x", cores=2),
    )


def test_time_and_size_are_scaled_from_what_was_measured() -> None:
    records = [record(output=1000, wall=10), record(output=3000, wall=30), record(output=2000, wall=20)]
    assert render_seconds(records, VIDEO, RenderParams(), frames=50, workers=2) == pytest.approx(20 / 2 / 2)
    assert output_bytes(records, VIDEO, RenderParams()) == pytest.approx(2000 * 2.4)
    assert output_bytes(records, VIDEO, RenderParams(layout=FramePacking.HALF_SBS)) == pytest.approx(2000 * 1.2)


def test_without_records_no_time_is_invented_and_a_size_is_typical() -> None:
    assert render_seconds([], VIDEO, RenderParams(), frames=50, workers=2) is None
    assert output_bytes([], VIDEO, RenderParams()) == pytest.approx(TYPICAL_BITS[Quality.BALANCED] / 8 * 100 * 50 * 240 * 2)


def test_a_disk_that_is_too_small_is_noticed_ahead(tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    source.write_bytes(b"x" * 1000)
    check_space(source, tmp_path / "out.mp4", tmp_path, rendered=1000.0)
    with pytest.raises(CommandFailed, match="not enough space") as refused:
        check_space(source, tmp_path / "out.mp4", tmp_path, rendered=1e18)
    assert refused.value.reason == "no_space_left"


def test_what_is_packed_counts_for_a_workers_memory():
    full_hd = Size(1, 1920, 1080, 1)
    assert weight(full_hd, RenderParams()) == weight(full_hd, RenderParams(layout="half-sbs")) == 1920 * 1080
    assert weight(full_hd, RenderParams(layout="vr180")) == 5088 * 2544 // 2
