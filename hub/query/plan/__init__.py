"""`plan`: what a request asks for: documents, selections, arguments and their bounds; pure."""
