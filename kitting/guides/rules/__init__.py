"""What a guide is: read from its file, checked, shown where its conditions hold, filled with words."""
