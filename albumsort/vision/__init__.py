"""Pixels in, faces out: the detector, the crop, the classifier, and the reader that joins them."""
