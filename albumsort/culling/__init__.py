"""Choosing: which faces a photo is of, which photos are of one moment, and which of these is best."""
