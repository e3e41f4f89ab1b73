"""Publishes invented patient records to Kafka, as a service."""
