"""How Kitto itself is: figures for monitors, one line in the log for every request."""
