"""Pixels: where the faces are, what each looks like at 48 x 48, and what it feels like."""
