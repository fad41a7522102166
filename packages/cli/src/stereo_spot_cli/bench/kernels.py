"""What one picture costs in the steps that rendering is made of, one thread, without decoding and encoding."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import av
import numpy as np

from stereo_inference.colour import small_rgb
from stereo_inference.depth import load_estimator
from stereo_inference.layouts import packed_size
from stereo_inference.memory import keep_pictures
from stereo_inference.packing import packer_for
from stereo_inference.packing.anaglyph import Anaglyph
from stereo_inference.packing.anaglyph_colours import GLASSES
from stereo_inference.packing.arrangements import Squeezed
from stereo_inference.picture import PIXEL_FORMATS, Picture
from stereo_inference.render import workers
from stereo_inference.stereo.depth_field import DepthField
from stereo_inference.stereo.screen import Screen
from stereo_spot_cli.bench.report import KernelBench
from stereo_spot_media.scene import Scene
from stereo_spot_shared.manifest import Colour
from stereo_spot_shared.rendering import FramePacking, RenderParams
from stereo_spot_shared.temporal import DEPTH_PLANS

WIDTH, HEIGHT = 1920, 1080
FRAME = 40
"""A frame of the scene with objects before the ground, and so with gaps."""
TURNS = 15


def measure_kernels() -> tuple[KernelBench, ...]:
    """Medians for 8 and 10 bit: depth as `basic` estimates it, the views from the scene's exact depth, which has more steps and gaps."""
    keep_pictures()
    with workers(1):
        return tuple(measure(name) for name in ("yuv420p", "yuv420p10le"))


def measure(pixel_format: str) -> KernelBench:
    """Each step on a 1080p picture of one pixel format."""
    scene, form, colour, params = Scene(WIDTH, HEIGHT), PIXEL_FORMATS[pixel_format], Colour(), RenderParams()
    frame = av.VideoFrame.from_ndarray(scene.picture(FRAME), format="rgb24").reformat(format=pixel_format)
    picture = Picture.view(frame, form)
    estimator = load_estimator("basic")
    size = estimator.working_size(WIDTH, HEIGHT, DEPTH_PLANS[params.depth_profile].pixels)
    exact = Scene(*size).depth(FRAME).astype(np.float32)
    field = DepthField.guided(exact, picture)
    views = packer_for(params, WIDTH, HEIGHT, form, colour)
    packed = Picture.empty(*packed_size(params.layout, WIDTH, HEIGHT, form), form)
    squeezed = Squeezed(FramePacking.HALF_SBS, (WIDTH, HEIGHT), form)
    mixer, mixed = Anaglyph(GLASSES[FramePacking.ANAGLYPH], colour, form, HEIGHT), Picture.empty(WIDTH, HEIGHT, form)
    return KernelBench(
        pixel_format=pixel_format,
        width=WIDTH,
        height=HEIGHT,
        depth=milliseconds(lambda: estimator.estimate(small_rgb(picture, *size, colour)[None])),
        refinement=milliseconds(lambda: DepthField.guided(exact, picture)),
        views=milliseconds(lambda: views.pack(picture, field, Screen(0.5), packed)),
        squeezed=milliseconds(lambda: squeezed.finish(mixed)),
        anaglyph=milliseconds(lambda: mixer.mix(picture, picture, mixed)),
    )


def milliseconds(step: Callable[[], object]) -> float:
    """The median over some turns, after one that compiles and warms up."""
    step()
    taken = []
    for _ in range(TURNS):
        started = time.perf_counter()
        step()
        taken.append(time.perf_counter() - started)
    return 1000 * median(taken)
