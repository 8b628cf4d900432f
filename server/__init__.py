"""HTTP: the GraphQL endpoint, sign-in, health, the demo's tokens and the pages."""
