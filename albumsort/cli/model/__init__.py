"""``albumsort model``: train, measure, explain, tune and exchange the emotion model."""
