"""Index of the admin."""
