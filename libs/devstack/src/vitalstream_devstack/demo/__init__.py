"""The demo: real servers and the real services, started, watched and stopped in order."""
