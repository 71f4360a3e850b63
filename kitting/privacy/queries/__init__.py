"""What is kept and until when; everything about one person, and what it is called."""
