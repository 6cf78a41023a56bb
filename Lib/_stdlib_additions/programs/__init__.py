"""What is added to modules of the standard library that run as a program."""
