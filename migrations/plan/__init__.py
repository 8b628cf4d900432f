"""What `up` would do in a database, found out before it does it."""
