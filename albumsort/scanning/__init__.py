"""The scan, which connects album, vision and index; and prediction, which needs no index."""
