"""Pages on which a person sees the lab's calls and the help desk's cases. They read, they change nothing."""
