"""From Kafka into PostgreSQL, each record exactly once."""
