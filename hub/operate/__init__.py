"""Operations on a hub as a whole: backup and restore."""
