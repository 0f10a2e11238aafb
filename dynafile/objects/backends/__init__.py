"""What stores of objects stand on, a module each; imported when a URL asks for it."""
