"""`stereo-spot image`: turn photographs into stereoscopic 3D."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stereo_spot_cli.commands.look import (
    ConvergenceOption,
    DepthOption,
    DepthProfileOption,
    EyeSwapOption,
    FloatingWindowOption,
    ForegroundScaleOption,
    KeepEyeOption,
    LayoutOption,
    MaxDisparityOption,
    ScreenWidthOption,
)
from stereo_spot_cli.commands.options import JsonOption, some_path
from stereo_spot_shared.rendering import RenderParams

DEFAULTS = RenderParams()


def image(  # noqa: PLR0917 - typer makes options of parameters
    sources: Annotated[list[Path], typer.Argument(metavar="INPUT...", parser=some_path, help="Photographs, or folders of them.")],
    result: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUTPUT",
            parser=some_path,
            help="The file to write (.png, .jpg, .webp, .avif, .mpo or .jps); for several photographs a folder, made if need be "
            "(default: in this folder, named as players know the layout).",
        ),
    ] = None,
    extension: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="EXTENSION", help="What to write for several photographs (default: as each one is).", show_default=False
        ),
    ] = None,
    layout: LayoutOption = DEFAULTS.layout,
    depth: DepthOption = DEFAULTS.depth,
    depth_profile: DepthProfileOption = DEFAULTS.depth_profile,
    depth_file: Annotated[
        Path | None,
        typer.Option(
            "--depth-file",
            metavar="FILE",
            parser=some_path,
            help="Depth of your own: .npy (float32) or 16-bit PNG, 0 far to 1 near; for several a folder of equal names.",
            show_default=False,
        ),
    ] = None,
    export_depth: Annotated[
        Path | None,
        typer.Option(
            "--export-depth",
            metavar="FILE",
            parser=some_path,
            help="Write the depth too, as .npy or 16-bit PNG; for several photographs a folder (PNG).",
            show_default=False,
        ),
    ] = None,
    max_disparity: MaxDisparityOption = DEFAULTS.max_disparity,
    convergence: ConvergenceOption = str(DEFAULTS.convergence),
    foreground_scale: ForegroundScaleOption = DEFAULTS.foreground_scale,
    screen_width: ScreenWidthOption = DEFAULTS.screen_cm,
    floating_window: FloatingWindowOption = DEFAULTS.floating_window,
    keep_eye: KeepEyeOption = DEFAULTS.keep_eye,
    eye_swap: EyeSwapOption = DEFAULTS.eye_swap,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Turn photographs into stereoscopic 3D.

    They are turned upright, and their colour profile and EXIF data are kept. MPO and JPS hold both views, whatever the layout.

    Examples:

      stereo-spot image holiday.jpg -o holiday_3d.png --layout anaglyph

      stereo-spot image holiday.jpg -o holiday.mpo --max-disparity 3

      stereo-spot image photos/ -o photos-3d/ --format jps

      stereo-spot image holiday.jpg --depth-file depth.png
    """
    from stereo_spot_cli.conversion.checks import render_params
    from stereo_spot_cli.depth_choice import asked_for

    params = render_params(
        {
            "layout": layout,
            **asked_for(depth),
            "depth_profile": depth_profile,
            "max_disparity": max_disparity,
            "convergence": convergence,
            "foreground_scale": foreground_scale,
            "screen_cm": screen_width,
            "floating_window": floating_window,
            "keep_eye": keep_eye,
            "eye_swap": eye_swap,
        },
        None,
    )
    from stereo_spot_cli.photos import PhotoOrder, carry_out

    carry_out(PhotoOrder(tuple(sources), result, extension, depth_file, export_depth, overwrite), params, as_json=as_json)
