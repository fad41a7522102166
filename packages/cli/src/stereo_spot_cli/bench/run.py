"""The benchmark from plan to report."""

from __future__ import annotations

import platform as system
import tempfile
from collections.abc import Callable
from math import ceil
from pathlib import Path
from statistics import median

from stereo_spot_cli.bench.chunking import measure_chunking
from stereo_spot_cli.bench.clip import make_bench_clip, repeat_clip
from stereo_spot_cli.bench.commands import run_convert, run_whole
from stereo_spot_cli.bench.kernels import measure_kernels
from stereo_spot_cli.bench.report import BenchPlan, BenchReport, PipelineBench, RenderingBench
from stereo_spot_cli.workers import cores
from stereo_spot_shared.inference import RenderResult

LARGE_BYTES = 300_000_000
"""Size of the file that is cut."""

Tell = Callable[[str], None]

Kind = tuple[int, int, float]
"""Workers, threads of each, seconds of a segment."""


def run_bench(plan: BenchPlan, *, tell: Tell) -> BenchReport:
    """Measure everything; `tell` hears what is being done. Leaves no files behind."""
    with tempfile.TemporaryDirectory(prefix="stereo-spot-bench-") as name:
        folder = Path(name)
        tell("making the clip")
        clip = make_bench_clip(folder / "clip.mp4", seconds=plan.seconds, width=plan.width, height=plan.height)
        clip_bytes = clip.stat().st_size
        tell("chunking")
        large = repeat_clip(clip, folder / "large.mp4", turns=ceil(LARGE_BYTES / clip_bytes))
        chunking = measure_chunking(large, runs=plan.runs, segment_seconds=20.0)
        large.unlink()
        tell("the steps of rendering")
        kernels = measure_kernels()
        short = make_bench_clip(folder / "short.mp4", seconds=plan.short_seconds, width=plan.width, height=plan.height)
        commands = Commands(clip, short, folder, plan)
        tell("warming up: compiling, and the clip into the page cache")
        commands.whole()
        for turn in range(plan.runs):
            tell(f"run {turn + 1} of {plan.runs}: one process, then the pipeline in three ways")
            commands.take_turns()
        return BenchReport(
            plan=plan,
            machine=f"{system.system()} {system.machine()}",
            cores=cores(),
            clip_bytes=clip_bytes,
            chunking=chunking,
            kernels=kernels,
            whole=commands.whole_result(),
            pipeline=commands.pipeline_result(commands.as_usual),
            one_worker=commands.pipeline_result(commands.one_worker),
            two_workers=commands.pipeline_result(commands.two_workers),
        )


class Commands:
    """The measured commands, run in turns; remembers every run."""

    def __init__(self, clip: Path, short: Path, folder: Path, plan: BenchPlan) -> None:
        self._clip, self._short, self._folder, self._plan = clip, short, folder, plan
        self._wholes: list[tuple[float, RenderResult]] = []
        self._pipelines: dict[Kind, list[PipelineBench]] = {}
        self.as_usual: Kind = (cores(), 1, plan.segment_seconds)
        self.one_worker: Kind = (1, 1, plan.short_segment_seconds)
        self.two_workers: Kind = (2, 1, plan.short_segment_seconds)

    def whole(self) -> tuple[float, RenderResult]:
        """One process without chunking."""
        seconds, answer = run_whole(self._clip, self._folder, segment_seconds=self._plan.segment_seconds, threads=cores())
        return seconds, RenderResult.model_validate(answer)

    def pipeline(self, kind: Kind) -> PipelineBench:
        """`convert`, once."""
        workers, threads, segment_seconds = kind
        clip = self._clip if kind == self.as_usual else self._short
        seconds, answer, context = run_convert(clip, self._folder, segment_seconds=segment_seconds, workers=workers, threads=threads)
        return PipelineBench(
            workers=workers,
            threads=threads,
            frames=answer["frames"],
            segments=answer["segments"],
            context_share=context,
            total=seconds,
        )

    def take_turns(self) -> None:
        """Each command once."""
        self._wholes.append(self.whole())
        for kind in (self.as_usual, self.one_worker, self.two_workers):
            self._pipelines.setdefault(kind, []).append(self.pipeline(kind))

    def whole_result(self) -> RenderingBench:
        """The median of the runs in one process."""
        runs = sorted(self._wholes, key=lambda run: run[0])
        _, result = runs[len(runs) // 2]
        return RenderingBench(threads=cores(), frames=result.frames, seconds=result.seconds, total=median(seconds for seconds, _ in runs))

    def pipeline_result(self, kind: Kind) -> PipelineBench:
        """The median of the runs with so many workers and threads."""
        runs = self._pipelines[kind]
        return runs[0].model_copy(update={"total": median(run.total for run in runs)})
