"""Rendering over HTTP: stereo-inference behind `GET /ping` and `POST /invocations`."""
