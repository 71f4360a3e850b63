"""The pages of people: signing in, second steps, browsers, roles."""
