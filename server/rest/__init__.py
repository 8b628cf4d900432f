"""The older REST routes for tasks: the same use cases as GraphQL, in the shapes that today's front end knows."""
