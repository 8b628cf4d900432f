"""The database's migrations: SQL files that are complete by themselves, and beside them the runner."""
