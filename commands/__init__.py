"""What `./taskline` can do, one module per command."""
