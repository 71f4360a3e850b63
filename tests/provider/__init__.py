"""A real OpenID provider as a process of its own: allauth's, on loopback, with people and one client."""
