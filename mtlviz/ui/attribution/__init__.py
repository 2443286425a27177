"""The Attribution page: what a prediction is owed to."""
