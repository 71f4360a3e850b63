"""What is kept about people, for how long, and what somebody is given of it or has removed."""
