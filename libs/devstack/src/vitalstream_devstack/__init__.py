"""Real Apache Kafka and PostgreSQL as child processes, for the demo, tests and benchmarks."""
