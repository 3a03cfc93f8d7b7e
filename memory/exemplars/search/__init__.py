"""Searching exemplars: in working memory, or by the Chroma server that keeps them."""
