"""Culling: which faces a photo is of, and which photo of a burst is the best."""
