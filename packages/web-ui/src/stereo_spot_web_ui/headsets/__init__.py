"""What headset players ask for."""
