"""A hospital that behaves like one: its departments, its patients, and what is measured of them."""
