"""Data sets on disk as a source of images, and ground truth beside an image."""
