"""From counts per image to named aggregates: numpy alone, no files."""
