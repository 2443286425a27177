"""The Neural collapse page: stored results and live measurements."""
