"""From pixels to faces: the detector, the crop, the classifier, and the reader that joins them."""
