"""The pages around a set-up."""
