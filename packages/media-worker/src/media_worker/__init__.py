"""The worker that ingests, chunks and reassembles videos."""
