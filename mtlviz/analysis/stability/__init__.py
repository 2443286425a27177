"""Does the selection survive a small change? What slots pick and hold before and after it (kem.md 3.8 and 5)."""
