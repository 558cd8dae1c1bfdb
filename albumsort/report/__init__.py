"""Output: lists as text in several formats, drawings of photos, contact sheets and plots."""
