"""Orders: a time is asked of the system that owns the instrument, and held only when it says so."""
