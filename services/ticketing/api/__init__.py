"""Questions of other rooms about tickets."""
