"""What people type when they ask for help or give it."""
