"""The database in one SQLite file, shared safely by the processes of one machine."""
