"""Culling: decides which faces a photo is about, and which photo of a burst is the best."""
