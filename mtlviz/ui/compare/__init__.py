"""The Compare page: two models on one image."""
