"""What is held, spent and left."""
