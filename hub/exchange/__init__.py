"""`exchange`: how others follow what changes here."""
