"""Strawberry on SQLAlchemy's ORM with dataloaders, as the guides of both show it, with Strawberry's caches and orjson.

What a good engineer writes in a day: a mapped class, a GraphQL type and a loader for each table.
"""
