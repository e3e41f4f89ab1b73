"""The skeleton every service shares: settings, logs, ops port, Kafka options, shutdown."""
