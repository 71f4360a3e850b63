"""Everything that changes boxes: their labels, sheets coming in, moves with their people, their life."""
