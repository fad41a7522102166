from stereo_spot_cli.output import sentence
from stereo_spot_cli.tables import shortest_ids
from stereo_spot_cli.words import count, duration, size


def test_durations_read_as_people_say_them() -> None:
    assert [duration(seconds) for seconds in (0, 4.21, 9.96, 59.9, 59.96, 60, 3599.6, 7500)] == [
        "0.0 s",
        "4.2 s",
        "10 s",
        "60 s",
        "1 min 0 s",
        "1 min 0 s",
        "1 h 0 min",
        "2 h 5 min",
    ]


def test_sizes_and_counts() -> None:
    assert [size(count) for count in (0, 999, 1000, 999_949, 999_951, 3.4e9)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "999.9 kB",
        "1.0 MB",
        "3.4 GB",
    ]
    assert count(1, "frame") == "1 frame"
    assert count(1200, "frame") == "1,200 frames"


def test_a_sentence_is_one_line_with_one_full_stop() -> None:
    assert sentence("no\n space") == "no space."
    assert sentence("no space.") == "no space."


def test_ids_are_cut_so_that_they_differ() -> None:
    assert shortest_ids(["0123456789", "9876543210"]) == {"0123456789": "01234567", "9876543210": "98765432"}
    assert set(shortest_ids(["0123456789", "0123456799"]).values()) == {"012345678", "012345679"}
