"""The invented city: seeding it, and playing its rollout through the actions the pages use."""
