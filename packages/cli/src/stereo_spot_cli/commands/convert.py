"""`stereo-spot convert`: turn one video into stereoscopic 3D."""

from __future__ import annotations

from fractions import Fraction
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
from stereo_spot_cli.commands.options import DataDirOption, JsonOption, WorkersOption, a_time, some_path
from stereo_spot_cli.remote.address import is_remote, refuse_local_options
from stereo_spot_shared.ingest import name_in_url
from stereo_spot_shared.naming import output_name
from stereo_spot_shared.rendering import Codec, Encoder, Engine, Quality, RenderParams

DEFAULTS = RenderParams()
DEMO = "demo"


def convert(  # noqa: PLR0917 - typer makes options of parameters
    video: Annotated[
        str | None, typer.Argument(metavar="INPUT", help="The video: a file, or the https:// address of one.", show_default=False)
    ] = None,
    result: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUTPUT",
            parser=some_path,
            help="The file to write; .mp4, .mov or .mkv (default: INPUT_3D_SBS_LRF.mp4, or what fits the layout, in this folder).",
        ),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Instead of INPUT, convert a short clip that is made up on the spot.")] = False,
    layout: LayoutOption = DEFAULTS.layout,
    depth: DepthOption = DEFAULTS.depth,
    depth_profile: DepthProfileOption = DEFAULTS.depth_profile,
    depth_file: Annotated[
        Path | None,
        typer.Option(
            "--depth-file",
            metavar="PATH",
            parser=some_path,
            help="Depth of your own: a depth video (--layout depth makes one), or a folder of a .npy or 16-bit PNG a frame.",
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
    segment_seconds: Annotated[
        float, typer.Option("--segment-seconds", min=0.5, max=600, help="About how long a segment is: what one worker renders at a time.")
    ] = DEFAULTS.segment_seconds,
    quality: Annotated[Quality, typer.Option("--quality", help="What the encoder aims at.")] = DEFAULTS.quality,
    autocrop: Annotated[
        bool, typer.Option("--autocrop", help="Find black bars and leave them as they are, out of depth and views.")
    ] = DEFAULTS.autocrop,
    start: Annotated[
        Fraction | None,
        typer.Option("--start", metavar="TIME", parser=a_time, help="Begin here: seconds, or h:mm:ss.", show_default=False),
    ] = DEFAULTS.start,
    end: Annotated[
        Fraction | None,
        typer.Option("--end", metavar="TIME", parser=a_time, help="End before the frame that is shown here.", show_default=False),
    ] = DEFAULTS.end,
    codec: Annotated[
        Codec, typer.Option("--codec", help="auto: H.264, or H.265 for 10 bit and for pictures too large for H.264.")
    ] = DEFAULTS.codec,
    encoder: Annotated[
        Encoder | None,
        typer.Option("--encoder", help="What encodes: graphics hardware if this machine has it, if you name none.", show_default=False),
    ] = None,
    preview: Annotated[
        float | None,
        typer.Option(
            "--preview",
            metavar="SECONDS",
            min=0.1,
            max=600,
            help="Convert only about so many seconds from all over the video, without sound, and draw a contact sheet (PNG) beside them.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[Engine, typer.Option("--engine", help="What makes the views; iw3 is an installation of its own.")] = DEFAULTS.engine,
    iw3_method: Annotated[
        str, typer.Option("--iw3-method", metavar="NAME", help="How iw3 warps: row_flow, forward_fill, backward, …")
    ] = DEFAULTS.iw3.method,
    iw3_depth_model: Annotated[
        str, typer.Option("--iw3-depth-model", metavar="NAME", help="The depth model of iw3: Any_V2_S, Any_V2_L, …")
    ] = DEFAULTS.iw3.depth_model,
    workers: WorkersOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUTPUT if it exists.")] = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a video into stereoscopic 3D.

    Ctrl-C stops it; the same command goes on from there, and so it does after a crash or a power cut.

    With `stereo-spot --server URL convert …` the video is sent to a server, converted there, and the result fetched. What broke off in
    between goes on by the same command, too. Ctrl-C while it is converted stops only the following: the job goes on at the
    server, and `stereo-spot --server URL jobs cancel JOB` stops it. Without --encoder the server encodes in software.

    Examples:

      stereo-spot convert movie.mp4 -o movie_3d.mp4

      stereo-spot convert movie.mkv --layout half-sbs --max-disparity 3

      stereo-spot convert movie.mp4 --layout vr180 --start 1:02:00 --end 1:02:30.5

      stereo-spot convert movie.mp4 --preview 10 --max-disparity 3

      stereo-spot convert movie.mp4 --engine iw3 --iw3-depth-model Any_V2_L

      stereo-spot convert https://films.example/movie.mp4

      stereo-spot convert --demo

      STEREO_SPOT_TOKEN=... stereo-spot --server https://films.example convert movie.mp4 -o movie_3d.mp4
    """
    from stereo_spot_cli.conversion.checks import (
        check_depth_file,
        check_input,
        check_output,
        check_place,
        check_url,
        is_url,
        render_params,
    )
    from stereo_spot_cli.depth_choice import asked_for

    remote = is_remote()
    if remote:
        refuse_local_options(depth_file=depth_file, preview=preview, workers=workers, data_dir=data_dir)
    if (video is None) != demo:
        raise typer.BadParameter("name one video to convert, or --demo" if video is None else "give either INPUT or --demo, not both")
    if video is not None and is_url(video) and preview is not None:
        raise typer.BadParameter("a preview looks at a file; fetch the video first")
    if preview is not None and depth_file is not None:
        raise typer.BadParameter("a preview knows no numbers of frames, by which depth of your own is found; leave out one of the two")
    if preview is not None and engine is Engine.IW3:
        raise typer.BadParameter("a preview is rendered by StereoSpot itself; for one by iw3, convert a part: --start and --end")
    if demo and preview is not None:
        raise typer.BadParameter("the demo is short enough; leave out --preview")
    estimator = asked_for(depth)
    if remote and estimator["depth_model"] is not None:
        raise typer.BadParameter("a model of your own lies on this machine; at a server, name one that it has", param_hint="'--depth'")
    look = {
        "layout": layout,
        **estimator,
        "depth_profile": depth_profile,
        "depth_file": None if depth_file is None else str(check_depth_file(depth_file)),
        "engine": engine,
        "iw3": {"method": iw3_method, "depth_model": iw3_depth_model},
        "max_disparity": max_disparity,
        "convergence": convergence,
        "foreground_scale": foreground_scale,
        "screen_cm": screen_width,
        "floating_window": floating_window,
        "keep_eye": keep_eye,
        "eye_swap": eye_swap,
        "quality": quality,
        "codec": codec,
        "encoder": encoder or DEFAULTS.encoder,
        "segment_seconds": segment_seconds,
        "autocrop": autocrop,
        "start": start,
        "end": end,
    }
    url = check_url(video) if video is not None and is_url(video) else None
    source = None if video is None or url is not None else check_input(some_path(video))
    params = render_params(look, result)
    if result is None:
        stem = Path(name_in_url(url)).stem if url is not None else source.stem if source else DEMO
        result = Path(output_name(stem if preview is None else f"{stem}_preview", params))
    result = check_output(result, source=source, overwrite=overwrite, params=params)
    if preview is not None and source is not None:
        from stereo_spot_cli.conversion.order import Order
        from stereo_spot_cli.conversion.preview import preview as make_preview
        from stereo_spot_cli.conversion.preview import sheet_of

        check_place(sheet_of(result), source=source, overwrite=overwrite)
        make_preview(Order(source, result, params, overwrite, workers, encoder is None), preview, as_json=as_json)
        return

    if remote:
        from stereo_spot_cli.remote.convert import carry_out as carry_out_there

        carry_out_there(source, result, params, url=url, overwrite=overwrite, as_json=as_json)
        return

    from stereo_spot_cli.conversion.command import carry_out  # only now: it brings what is heavy

    carry_out(
        source,
        result,
        params,
        url=url,
        choose_encoder=encoder is None,
        workers=workers,
        overwrite=overwrite,
        data_dir=data_dir,
        as_json=as_json,
    )
