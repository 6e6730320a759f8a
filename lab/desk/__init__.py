"""The commands behind `make`: what a person at one desk does with Callwright."""
