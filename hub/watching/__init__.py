"""What can be seen of a running hub: its log, its figures, its spans; nothing here decides."""
