"""Applies migrations to databases, also to those that the API has never seen, and says what it finds."""
