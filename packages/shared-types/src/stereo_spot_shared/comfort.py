"""What eyes can fuse: how far behind a screen of a known width things may lie.

A point at infinity is seen with parallel eyes. Shown on a screen, its two images are then as far apart as the eyes are (the
interocular distance, 63 mm for most adults: Dodgson, "Variation and extrema of human interpupillary distance", 2004); farther
apart they force the eyes outwards, which they cannot follow. Disparity is a share of the picture's width, so what is mild on a
television may be impossible in a cinema.
"""

from __future__ import annotations

from stereo_spot_shared.rendering import AUTO, RenderParams

EYES_CM = 6.3
"""Centimetres between two eyes."""


def farthest_percent(params: RenderParams) -> float | None:
    """The largest positive parallax that the stated screen allows, in percent of the picture's width; None where none is stated."""
    return None if params.screen_cm is None else 100 * EYES_CM / params.screen_cm


def comfortable_disparity(params: RenderParams) -> float:
    """`max_disparity`, reduced where with a fixed convergence the farthest things would lie beyond what eyes can fuse."""
    limit = farthest_percent(params)
    if limit is None or params.convergence == AUTO or params.max_disparity * params.convergence <= limit:
        return params.max_disparity
    return limit / params.convergence


def nearest_convergence(params: RenderParams) -> float:
    """The largest convergence at which the farthest things can still be fused: where an automatic one ends."""
    limit = farthest_percent(params)
    return 1.0 if limit is None or params.max_disparity <= limit else limit / params.max_disparity


def comfort_warning(params: RenderParams) -> str | None:
    """A sentence where what is asked for is not what is rendered, because of the stated screen."""
    reduced = comfortable_disparity(params)
    asked = f"On a screen {params.screen_cm:g} cm wide a disparity of {params.max_disparity:g} %" if params.screen_cm else ""
    if reduced < params.max_disparity:
        return f"{asked} at convergence {params.convergence:g} would force the eyes outwards; it was reduced to {reduced:.2f} %."
    if params.convergence == AUTO and (limit := nearest_convergence(params)) < 1.0:
        return f"{asked} leaves the far fusible only where the screen is at a depth up to {limit:.2f}; its convergence goes no nearer."
    return None
