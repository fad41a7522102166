"""What turns handlers into workers: platform loading, the receive loop, retries, reconciling, logs."""
