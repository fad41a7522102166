"""The worker that has segments rendered, validates and records them."""
