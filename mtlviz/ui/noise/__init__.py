"""The Attention noise page: what is read that has nothing to do with the reader."""
