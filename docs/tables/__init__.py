"""The tables that documents show, by subject; ``generate.py`` says which stands where."""
