"""Pages of labels, for IT and whoever hands out boxes."""
