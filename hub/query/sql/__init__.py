"""The one statement that a selection becomes; pure."""
