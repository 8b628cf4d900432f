"""A migration tried on a copy of the database, under load."""
