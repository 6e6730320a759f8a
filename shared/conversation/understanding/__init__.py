"""What a caller's words mean: addresses, yes and no, questions, unfinished sentences. Pure, over word tables."""
