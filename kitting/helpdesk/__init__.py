"""The help desk of IT and leads: calls, rounds, answers that are used again."""
