"""How real the generator's intensive care is: its figures beside those that were measured."""
