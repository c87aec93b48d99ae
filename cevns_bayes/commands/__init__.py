"""What is typed: options, what they mean, and the commands, each of which calls one function."""
