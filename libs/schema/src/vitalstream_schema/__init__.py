"""The patient record event: its model, its bytes, its risk scores, its documents."""
