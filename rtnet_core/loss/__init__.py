"""What happens to an account that fails, in which order, and what keeps it from coming to that."""
