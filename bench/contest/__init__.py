"""`./taskline bench`: Taskline and other ways to build its API, on one database and under the same load."""
