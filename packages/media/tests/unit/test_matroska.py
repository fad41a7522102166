"""Display sizes of Matroska, corrected in place."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stereo_spot_media.matroska import fitted, set_pixel_aspect
from stereo_spot_shared.errors import VerificationFailed


@given(
    ratio=st.fractions(min_value=Fraction(1, 10), max_value=10, max_denominator=4000),
    high=st.integers(16, 255),
    bytes_wide=st.sampled_from([1, 2]),
)
def test_the_ratio_fits_and_is_as_close_as_the_bytes_allow(ratio, high, bytes_wide):
    widest = 256**bytes_wide - 1
    wide, height = fitted(ratio, high, widest, 255)
    assert 1 <= wide <= widest
    assert 1 <= height <= 255
    assert abs(wide / height / ratio - 1) < 0.05
    if ratio.denominator <= 255 and ratio.numerator <= widest:
        assert wide * ratio.denominator == height * ratio.numerator


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"\x1a\x45\xdf\xa3\x80", b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67"])
def test_what_is_no_matroska_file_is_refused_untouched(tmp_path, content):
    path = tmp_path / "x.mkv"
    path.write_bytes(content)
    with pytest.raises(VerificationFailed):
        set_pixel_aspect(path, 2)
    assert path.read_bytes() == content
