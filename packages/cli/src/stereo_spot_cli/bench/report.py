"""What the benchmark found, as a value and as tables."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table

from stereo_spot_cli.tables import facts_table, plain_table
from stereo_spot_shared.base import Value
from stereo_spot_shared.inference import StageSeconds

CHUNKING_TARGET = 0.25
OVERHEAD_TARGET = 1.05
SPEEDUP_TARGET = 1.6


class BenchPlan(Value):
    """What is measured with."""

    seconds: float
    width: int
    height: int
    runs: int
    segment_seconds: float

    @property
    def short_seconds(self) -> float:
        """Length of the clip by which workers are compared: a single-threaded one would take long over the whole."""
        return max(1.0, self.seconds / 4)

    @property
    def short_segment_seconds(self) -> float:
        """For comparing workers: many segments, so that none of them is idle while another renders the last one."""
        return max(0.5, self.segment_seconds / 4)


class ChunkingBench(Value):
    """Reading a file, and chunking it (planning and cutting): megabytes a second of the same file, in this process."""

    file_bytes: int
    segments: int
    demux: float
    """From the disk."""
    chunk: float
    demux_cached: float
    """From the page cache."""
    chunk_cached: float

    @property
    def share(self) -> float:
        """Chunking as a share of the demuxing rate, both from the disk."""
        return self.chunk / self.demux

    @property
    def share_cached(self) -> float:
        """The same from the page cache."""
        return self.chunk_cached / self.demux_cached


class KernelBench(Value):
    """One picture, one thread: milliseconds of each step between decoding and encoding."""

    pixel_format: str
    width: int
    height: int
    depth: float
    """Depth `basic`, scaling down included."""
    refinement: float
    """Putting the steps of depth to the picture's edges."""
    views: float
    """Both eyes at full size, gaps filled and softened."""
    squeezed: float
    """What packing takes where both views share the size of one; full layouts are rendered in place and take nothing."""
    anaglyph: float
    """What it takes where the eyes are mixed."""


class RenderingBench(Value):
    """The whole clip as one segment in one process."""

    threads: int
    frames: int
    seconds: StageSeconds
    """Of the run with the median wall time."""
    total: float
    """Median seconds from the start of the process to its end."""

    @property
    def overlap(self) -> float:
        """Busy seconds of all stages by the wall time: above 1 where they overlap."""
        busy = self.seconds
        return (busy.decode + busy.depth + busy.warp + busy.encode) / busy.wall


class PipelineBench(Value):
    """`stereo-spot convert` of the same clip, from the start of the command to its end."""

    workers: int
    threads: int
    frames: int
    segments: int
    context_share: float
    """Frames rendered as context, by frames of the result."""
    total: float
    """Median seconds."""


class BenchReport(Value):
    """Everything, with the plan and the machine."""

    plan: BenchPlan
    machine: str
    cores: int
    clip_bytes: int
    chunking: ChunkingBench
    kernels: tuple[KernelBench, ...]
    whole: RenderingBench
    """With as many threads as there are cores."""
    pipeline: PipelineBench
    """As `convert` does it by itself: as many workers as cores, of one thread each."""
    one_worker: PipelineBench
    """One worker with one thread, a quarter of the clip's length in short segments."""
    two_workers: PipelineBench
    """Two workers with one thread each, over the same."""

    @property
    def overhead(self) -> float:
        """Pipeline by whole."""
        return self.pipeline.total / self.whole.total

    @property
    def speedup(self) -> float:
        """Two workers against one, both of one thread."""
        return self.one_worker.total / self.two_workers.total


def ratios(report: BenchReport) -> dict[str, float]:
    """The figures that matter, for the JSON."""
    return {
        "chunking_share_of_demuxing": round(report.chunking.share, 3),
        "chunking_share_of_demuxing_cached": round(report.chunking.share_cached, 3),
        "stage_overlap": round(report.whole.overlap, 3),
        "pipeline_over_whole": round(report.overhead, 3),
        "two_workers_over_one": round(report.speedup, 3),
    }


def bench_table(report: BenchReport) -> Group:
    """The report for a person."""
    plan, seconds = report.plan, report.whole.seconds
    facts = facts_table(
        [
            ("machine", f"{report.machine}, {report.cores} cores"),
            ("clip", f"{plan.seconds:g} s of {plan.width}×{plan.height}, {report.whole.frames} frames, {report.clip_bytes / 1e6:.1f} MB"),
            ("runs", f"{plan.runs}, alternating; medians"),
        ]
    )
    return Group(facts, _stages(seconds, report.whole.frames), _kernels(report), _commands(report), _verdicts(report))


def _stages(seconds: StageSeconds, frames: int) -> Table:
    table = plain_table("rendering in one process", "busy seconds", "milliseconds a frame")
    for name in ("decode", "depth", "warp", "encode", "wall"):
        taken = getattr(seconds, name)
        table.add_row(name, f"{taken:.2f}", f"{1000 * taken / frames:.1f}")
    return table


KERNELS = {
    "depth": "depth “basic”",
    "refinement": "depth to the edges",
    "views": "both eyes",
    "squeezed": "squeezing to half",
    "anaglyph": "mixing for anaglyph",
}
"""The steps, as they are called in the table."""


def _kernels(report: BenchReport) -> Table:
    first = report.kernels[0]
    table = plain_table(
        f"milliseconds for a picture of {first.width}×{first.height}, one thread", *(kernels.pixel_format for kernels in report.kernels)
    )
    for name, what in KERNELS.items():
        table.add_row(what, *(f"{getattr(kernels, name):.1f}" for kernels in report.kernels))
    return table


def _commands(report: BenchReport) -> Table:
    table = plain_table("command", "seconds", "frames per second", "segments", "context frames")
    frames = report.whole.frames
    table.add_row(
        f"one process, {report.whole.threads} threads, no chunking",
        f"{report.whole.total:.2f}",
        f"{frames / report.whole.total:.1f}",
        "1",
        "0 %",
    )
    for run in (report.pipeline, report.one_worker, report.two_workers):
        table.add_row(
            f"convert, workers {run.workers}, threads {run.threads} each",
            f"{run.total:.2f}",
            f"{run.frames / run.total:.1f}",
            str(run.segments),
            f"{run.context_share:.1%}",
        )
    return table


def _verdicts(report: BenchReport) -> Table:
    table = plain_table("what", "measured", "wanted", "")
    chunking = report.chunking
    rows = [
        (
            f"chunking {chunking.chunk:.0f} MB/s of demuxing {chunking.demux:.0f} MB/s, from the disk",
            f"{chunking.share:.2f}",
            f"at least {CHUNKING_TARGET:.2f}",
            chunking.share >= CHUNKING_TARGET,
        ),
        (
            f"the same from the page cache: {chunking.chunk_cached:.0f} of {chunking.demux_cached:.0f} MB/s",
            f"{chunking.share_cached:.2f}",
            f"at least {CHUNKING_TARGET:.2f}",
            chunking.share_cached >= CHUNKING_TARGET,
        ),
        ("stages overlap: busy by wall seconds", f"{report.whole.overlap:.2f}", "above 1", report.whole.overlap > 1),
        (
            f"pipeline by one process ({report.pipeline.context_share:.1%} context frames)",
            f"{report.overhead:.3f}",
            f"at most {OVERHEAD_TARGET:.2f}",
            report.overhead <= OVERHEAD_TARGET,
        ),
        (
            "two single-threaded workers against one",
            f"{report.speedup:.2f}",
            f"at least {SPEEDUP_TARGET:.1f}",
            report.speedup >= SPEEDUP_TARGET,
        ),
    ]
    for what, measured, wanted, met in rows:
        table.add_row(what, measured, wanted, "met" if met else "missed")
    return table
