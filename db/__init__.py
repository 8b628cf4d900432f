"""Where things are stored: the engine, the tables, the statements, and the server of our own."""
