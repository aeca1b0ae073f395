"""What is asked: documents, selections, arguments, and the bounds of a request; pure."""
