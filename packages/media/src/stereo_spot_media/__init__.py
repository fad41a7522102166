"""What cutting, rendering and joining video must agree on, written once over PyAV."""
