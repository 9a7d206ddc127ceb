"""The command line. ``main.main`` is the console script; each command lives in a module that only it imports."""
