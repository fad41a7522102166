"""How the result is to look: the options that films and photographs share."""

from __future__ import annotations

from typing import Annotated

import typer

from stereo_spot_shared.rendering import DepthProfile, Eye, FramePacking

LayoutOption = Annotated[FramePacking, typer.Option("--layout", help="How the two views share one picture.")]
DepthOption = Annotated[
    str,
    typer.Option(
        "--depth",
        metavar="NAME|FILE",
        help="auto; basic; a name that `models list` shows; or a model of yours, by its file (ONNX) or folder (transformers).",
    ),
]
DepthProfileOption = Annotated[
    DepthProfile,
    typer.Option(
        "--depth-profile", help="How much work depth is worth: how large a picture the estimator sees, and every how many frames."
    ),
]
MaxDisparityOption = Annotated[
    float, typer.Option("--max-disparity", min=0, max=10, help="Range of disparity in percent of the width: how strong it is.")
]
ConvergenceOption = Annotated[
    str,
    typer.Option(
        "--convergence",
        metavar="DEPTH|auto",
        help="The depth that lies on the screen, from 0 (the farthest) to 1 (the nearest); auto finds it in each shot.",
    ),
]
ForegroundScaleOption = Annotated[
    float, typer.Option("--foreground-scale", min=-3, max=3, help="Above 0 near things get more of the disparity, below 0 far things do.")
]
ScreenWidthOption = Annotated[
    float | None,
    typer.Option(
        "--screen-width",
        metavar="CM",
        min=1,
        max=10_000,
        help="Width of the screen it is for: the far is then never farther than eyes can fuse there.",
        show_default=False,
    ),
]
FloatingWindowOption = Annotated[
    bool, typer.Option("--floating-window", help="Hide at the sides what stands before the screen and is cut off by it in one view.")
]
KeepEyeOption = Annotated[
    Eye | None,
    typer.Option(
        "--keep-eye", help="Leave this view as the source is, bit for bit; the other takes all of the disparity.", show_default=False
    ),
]
EyeSwapOption = Annotated[
    bool, typer.Option("--eye-swap", help="Put each view where the layout has the other one, for displays that mix them up.")
]
