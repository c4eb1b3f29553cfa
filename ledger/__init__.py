"""What people and money need for ever, in SQLite or PostgreSQL: the only SQL of the house."""
