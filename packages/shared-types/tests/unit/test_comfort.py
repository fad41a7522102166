"""What eyes can fuse on a stated screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_spot_shared.comfort import EYES_CM, comfort_warning, comfortable_disparity, nearest_convergence
from stereo_spot_shared.rendering import AUTO, RenderParams


@given(
    disparity=st.floats(0, 10),
    convergence=st.one_of(st.just(AUTO), st.floats(0, 1)),
    screen=st.floats(1, 10_000),
)
def test_the_far_is_never_farther_apart_than_the_eyes(disparity, convergence, screen):
    params = RenderParams(max_disparity=disparity, convergence=convergence, screen_cm=screen)
    nearest = nearest_convergence(params) if convergence == AUTO else convergence
    on_screen = comfortable_disparity(params) / 100 * nearest * screen
    assert on_screen <= EYES_CM * (1 + 1e-9)
    as_asked = disparity / 100 * (1.0 if convergence == AUTO else convergence) * screen
    assert (comfort_warning(params) is not None) == (as_asked > EYES_CM * (1 + 1e-12)) or as_asked == pytest.approx(EYES_CM)


def test_without_a_screen_everything_is_as_asked():
    params = RenderParams(max_disparity=10, convergence=1.0)
    assert (comfortable_disparity(params), nearest_convergence(params), comfort_warning(params)) == (10, 1.0, None)


def test_a_cinema_is_warned_of_and_a_television_is_not():
    assert comfort_warning(RenderParams(max_disparity=2, screen_cm=144)) is None
    warning = comfort_warning(RenderParams(max_disparity=2, screen_cm=1000))
    assert warning == (
        "On a screen 1000 cm wide a disparity of 2 % at convergence 0.5 would force the eyes outwards; it was reduced to 1.26 %."
    )
    assert "up to 0.32" in comfort_warning(RenderParams(max_disparity=2, convergence=AUTO, screen_cm=1000))
