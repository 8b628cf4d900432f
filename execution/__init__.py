"""Running GraphQL operations; knows GraphQL and Strawberry, and no task."""
