"""A past evaluation that is kept to be compared with: the folder `baseline/`."""
