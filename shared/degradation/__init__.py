"""How much of the platform works, as four levels, and who decides which one is lived on."""
