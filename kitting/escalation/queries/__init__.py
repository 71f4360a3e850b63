"""Questions about help and who waits."""
