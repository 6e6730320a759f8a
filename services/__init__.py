"""The five rooms. They never import each other."""
