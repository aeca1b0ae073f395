"""What pages of the hub are made of: layout, words, styles, sign-in, requests, tables, plots."""
