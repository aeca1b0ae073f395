"""Folders where a source leaves files, on a disk of ours or behind SFTP."""
