"""The scan: album, vision and index wired together, and the same without an index."""
