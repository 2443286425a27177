"""Neural collapse: how far the features of a class lie at one point, and the points on a simplex (kem.md 2.4)."""
