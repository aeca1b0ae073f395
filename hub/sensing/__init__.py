"""Sensors: readings that come by themselves, the state they tell, and the days they make."""
