"""The tables: migrations, the transactional writer, the readers."""
