"""Everything that changes what Kitto knows of Google's devices, and what it changes there."""
