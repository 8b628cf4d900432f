"""What in a database will hurt the API, each with its remedy."""
