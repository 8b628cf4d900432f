"""Other ways to build the part of Taskline's API that `./taskline bench` asks, each as strong as it honestly gets."""
