"""HTTP: the GraphQL endpoint, the older REST routes, sign-in, health, the demo's tokens and the pages."""
