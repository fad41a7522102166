"""The conformance suites that every StereoSpot adapter must pass."""
